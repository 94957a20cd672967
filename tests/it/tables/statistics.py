"""Run the query of `simlab sql` in DuckDB, and write its rows, which tests/it/warehouse.rs analyzes: of users.csv to statistics.csv, and
of seen.csv and happened.csv, which this script makes, by country to statistics-segments.csv and by day to statistics-days.csv.

    python -m venv venv && venv/bin/pip install duckdb==2.0.1
    venv/bin/python tests/it/tables/statistics.py target/debug/simlab
"""

import csv
import random
import subprocess
import sys
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
ASKED = ["--table", "users", "--unit", "user_id", "--variation", "arm", "--control", "a", "--split", "a=50%,b=50%", "--covariate", "cost_before",
         "--metric", "resolved:rate:up", "--metric", "cost_usd:mean:down", "--metric", "latency_ms:p95:down", "--metric", "cost_usd/requests:ratio:down",
         "--metric", "cost_usd:mean:down:cap=p90", "--metric", "cost_usd:mean:down:cap=0.2"]
EVENTS = ["--exposures", "seen", "--events", "happened", "--columns", "id=event_id", "--control", "a", "--metric", "order:rate:up",
          "--metric", "order:mean:up", "--metric", "order:p50:up", "--metric", "order/visit:ratio:up", "--metric", "order:mean:up:cap=p95"]


def make():
    """Exposures on six days, some of users of both variations, and events of which some come before, twice, or without a value."""
    luck = random.Random(17)
    with open(HERE / "seen.csv", "w") as seen, open(HERE / "happened.csv", "w") as happened:
        print("user_id,variation_id,timestamp,country", file=seen)
        print("event_id,user_id,event,value,timestamp", file=happened)
        number = 0
        for user in range(240):
            arm, day = luck.choice("ab"), luck.randrange(1, 7)
            when = lambda day: f"2026-11-{day:02} {luck.randrange(24):02}:{luck.randrange(60):02}:00"
            country = ["DE", "FR", "it's"][user % 5 % 3]
            print(f"u{user},{arm},{when(day)},{country}", file=seen)
            if user % 40 == 7:
                print(f"u{user},{'ab'[arm == 'a']},{when(day + 1)},{country}", file=seen)
            for _ in range(luck.randrange(6)):
                number += 1
                event = luck.choice(["order", "visit", "visit"])
                value = round(luck.lognormvariate(2, 0.6), 2) if event == "order" else 1
                line = f"e{number},u{user},{event},{value},{when(max(1, day + luck.randrange(-2, 4)))}"
                print("\n".join([line] * (1 + (number % 30 == 0))), file=happened)


def write(own, name, asked):
    query = subprocess.run([sys.argv[1], "sql", "--dialect", "duckdb", *asked], capture_output=True, text=True, check=True).stdout
    found = own.execute(query)
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column[0] for column in found.description])
        for row in found.fetchall():
            writer.writerow(["" if cell is None else repr(cell) if isinstance(cell, float) else cell for cell in row])


make()
own = duckdb.connect()
for table in ["users", "seen", "happened"]:
    own.execute(f"CREATE TABLE {table} AS FROM read_csv('{HERE / table}.csv')")
write(own, "statistics.csv", ASKED)
write(own, "statistics-segments.csv", [*EVENTS, "--segment", "country"])
write(own, "statistics-days.csv", [*EVENTS, "--daily"])
