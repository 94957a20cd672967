"""Write users.csv in the formats that notebooks and warehouses write, and events with the types that they have.

    python -m venv venv && venv/bin/pip install pandas==3.1.1 pyarrow==26.0.1
    venv/bin/python tests/it/tables/formats.py
"""

import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv, feather, ipc

HERE = Path(__file__).parent
DAY = 86_400


def main():
    users = csv.read_csv(HERE / "users.csv")
    for packing in ["zstd", "lz4", "gzip"]:
        pq.write_table(users, HERE / f"users-{packing}.parquet", compression=packing)
    # As pandas writes it: LZ4, and the texts as categories.
    arms = users.column("arm").dictionary_encode()
    feather.write_feather(users.set_column(1, "arm", arms), str(HERE / "users.feather"))
    options = ipc.IpcWriteOptions(compression="zstd")
    with ipc.new_file(str(HERE / "users.arrow"), users.schema, options=options) as file:
        file.write_table(users, max_chunksize=150)
    with ipc.new_stream(str(HERE / "users.arrows"), users.schema) as stream:
        stream.write_table(users, max_chunksize=150)

    # Ten users: each is exposed on day 20000 + n, and orders n euros half a day later.
    numbers = range(10)
    exposures = pa.table({
        "user_id": pa.array([f"u{n}" for n in numbers], pa.string_view()),
        "variation_id": pa.array(["ab"[n % 2] for n in numbers]).dictionary_encode(),
        "timestamp": pa.array([20_000 + n for n in numbers], pa.date32()),
    })
    orders = pa.table({
        "event_id": pa.array(range(10), pa.uint64()),
        "user_id": pa.array([f"u{n}" for n in numbers], pa.large_string()),
        "event": pa.array([b"order"] * 10, pa.binary()),
        "timestamp": pa.array([((20_000 + n) * DAY + DAY // 2) * 10**9 for n in numbers], pa.timestamp("ns", tz="Europe/Berlin")),
        "properties": pa.array([{"value": decimal.Decimal(n) / 4} for n in numbers], pa.struct([("value", pa.decimal128(10, 2))])),
    })
    for name, table in [("seen.arrow", exposures), ("orders.arrow", orders)]:
        with ipc.new_file(str(HERE / name), table.schema) as file:
            file.write_table(table)


main()
