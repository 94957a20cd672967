"""Write users.csv and users.parquet, a made-up experiment of 400 users, and print what other libraries make of it.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1 pyarrow==26.0.1 scipy==1.17.1 tea-tasting==1.14.0
    venv/bin/python tests/it/tables/make.py

The numbers that it prints are the right values of tests/it/tables.rs.
"""

import csv
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import tea_tasting as tt
from pyarrow import csv as arrow_csv
from scipy import stats

HERE = Path(__file__).parent
COLUMNS = ["user_id", "arm", "resolved", "cost_usd", "requests", "latency_ms", "cost_before"]


def users():
    """Rows of users; 8 of them have no latency."""
    luck = random.Random(20261130)
    for user in range(400):
        arm = "ab"[luck.random() < 0.5]
        before = round(luck.lognormvariate(-2, 0.6), 4)
        requests = 1 + int(luck.expovariate(0.5))
        price = luck.uniform(0.01, 0.03) * (0.8 if arm == "b" else 1)
        cost = round(before * 0.8 + requests * price, 4)
        latency = round(luck.lognormvariate(7.2, 0.5))
        resolved = int(luck.random() < (0.66 if arm == "b" else 0.5))
        yield [f"u{user:04}", arm, resolved, cost, requests, "" if user % 50 == 7 else latency, before]


def main():
    rows = list(users())
    with open(HERE / "users.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        out.writerows(rows)
    pq.write_table(arrow_csv.read_csv(HERE / "users.csv"), HERE / "users.parquet", compression="snappy")
    of = {name: np.array([row[at] or np.nan for row in rows] if name == "latency_ms" else [row[at] for row in rows])
          for at, name in enumerate(COLUMNS)}
    arm = of["arm"]
    for name in "ab":
        own = arm == name
        latency = of["latency_ms"].astype(float)[own]
        print(name, "users", own.sum(), "resolved", of["resolved"][own].sum(),
              "cost mean", repr(of["cost_usd"][own].mean()), "total", repr(of["cost_usd"][own].sum()),
              "p95", repr(np.nanquantile(latency, 0.95)), "latencies", np.isfinite(latency).sum(),
              "ratio", repr(of["cost_usd"][own].sum() / of["requests"][own].sum()))
    print("srm p", stats.chisquare([(arm == "a").sum(), (arm == "b").sum()]).pvalue)
    cost = of["cost_usd"]
    print("welch p", repr(stats.ttest_ind(cost[arm == "b"], cost[arm == "a"], equal_var=False).pvalue))
    mean = of["cost_before"].mean()
    for name in "ab":
        x, y = of["cost_before"][arm == name], cost[arm == name]
        slope, start = np.polyfit(x, y, 1)
        print(name, "cuped mean", repr(start + slope * mean), "explained", repr(np.corrcoef(x, y)[0, 1] ** 2))
    frame = pd.DataFrame({"variant": arm, "cost": cost, "requests": of["requests"]})
    found = tt.Experiment(ratio=tt.RatioOfMeans("cost", "requests", use_t=False, equal_var=False)).analyze(frame, control="a")
    print("ratio", found["ratio"].control, found["ratio"].treatment, "p", repr(found["ratio"].pvalue))


if __name__ == "__main__":
    main()
