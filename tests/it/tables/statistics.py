"""Run the query of `simlab sql` on users.csv in DuckDB, and write its rows to statistics.csv, which tests/it/warehouse.rs analyzes.

    python -m venv venv && venv/bin/pip install duckdb==2.0.1
    venv/bin/python tests/it/tables/statistics.py target/debug/simlab
"""

import csv
import subprocess
import sys
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
ASKED = ["--table", "users", "--unit", "user_id", "--variation", "arm", "--control", "a", "--split", "a=50%,b=50%", "--covariate", "cost_before",
         "--metric", "resolved:rate:up", "--metric", "cost_usd:mean:down", "--metric", "latency_ms:p95:down", "--metric", "cost_usd/requests:ratio:down",
         "--metric", "cost_usd:mean:down:cap=p90", "--metric", "cost_usd:mean:down:cap=0.2"]

query = subprocess.run([sys.argv[1], "sql", "--dialect", "duckdb", *ASKED], capture_output=True, text=True, check=True).stdout
own = duckdb.connect()
own.execute(f"CREATE TABLE users AS FROM read_csv('{HERE / 'users.csv'}')")
found = own.execute(query)
with open(HERE / "statistics.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column[0] for column in found.description])
    for row in found.fetchall():
        writer.writerow(["" if cell is None else repr(cell) if isinstance(cell, float) else cell for cell in row])
