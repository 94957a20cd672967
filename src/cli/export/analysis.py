# %% [markdown]
# # The figures of this run, from its tables
#
# `users.parquet`, `events.parquet` and `calls.parquet` are what happened; `tables.md` says what each column means; `report.json`
# is what simlab made of it. This notebook needs pandas and pyarrow. Run it in the folder of the run.
# %% load
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

report = json.loads(Path("report.json").read_text())
users, events, calls = (pd.read_parquet(f"{name}.parquet") for name in ["users", "events", "calls"])
print(f"{len(users):,} exposures, {len(events):,} events, {len(calls):,} calls")
# %% [markdown]
# The experiments and metrics of the scenario: which event a metric counts, what becomes one number of a user (`value`), what is
# compared (`statistic`), and what a user without an event counts as (`missing`).
# %% experiments
EXPERIMENTS = json.loads(r"""SIMLAB_EXPERIMENTS""")
# %% [markdown]
# A user belongs to the variation of the first exposure, and events count from then on.
# %% functions
def first_exposures(experiment):
    """The variation and the time of each user's first exposure."""
    own = users[(users["flag_key"] == experiment["flag"]) & users["variation_id"].isin(experiment["variations"])]
    own = own.sort_values("timestamp", kind="stable").drop_duplicates("user_id")
    return own.set_index("user_id")[["variation_id", "timestamp"]]


def values(exposed, event, how):
    """One number for each user who has the event."""
    own = events[events["event"] == event].merge(exposed, left_on="user_id", right_index=True, suffixes=("", "_exposed"))
    own = own[own["timestamp"] >= own["timestamp_exposed"]].groupby("user_id")["value"]
    if how == "occurrence":
        return own.size().clip(upper=1).astype(float)
    return {"count": own.size, "sum": own.sum, "average": own.mean}[how]().astype(float)


def estimate(experiment, metric):
    """The metric of each variation."""
    exposed = first_exposures(experiment)
    found = values(exposed, metric["event"], metric["value"])
    if metric["per"]:
        per = values(exposed, metric["per"]["event"], metric["per"]["value"])
    for variation in experiment["variations"]:
        members = exposed.index[exposed["variation_id"] == variation]
        own = found.reindex(members)
        if metric["per"]:
            yield variation, own.sum() / per.reindex(members).sum()
        elif metric["statistic"] != "mean":
            yield variation, np.quantile(own.dropna(), metric["statistic"]) if own.notna().any() else np.nan
        elif metric["missing"] == "zero" or metric["value"] == "occurrence":
            yield variation, own.fillna(0).mean()
        else:
            yield variation, own.mean()
# %% [markdown]
# The headline figures, beside those of the report. They have to be the same.
# %% figures
rows = []
for experiment in EXPERIMENTS:
    reported = next(one for one in report["experiments"] if one["key"] == experiment["key"])
    exposed = first_exposures(experiment)["variation_id"].value_counts()
    assert all(exposed.get(arm, 0) == count for arm, count in reported["exposures"].items()), (exposed, reported["exposures"])
    for metric in experiment["metrics"]:
        told = next(one for one in reported["metrics"] if one["key"] == metric["key"])
        told = {one["key"]: one["data_mean"] for one in told["variations"]}
        for variation, found in estimate(experiment, metric):
            rows.append([experiment["key"], metric["key"], variation, found, told[variation]])
figures = pd.DataFrame(rows, columns=["experiment", "metric", "variation", "from the tables", "in the report"])
for _, *_, found, told in rows:
    assert math.isclose(found, told, rel_tol=1e-9) if told is not None else not found > 0, figures
figures
# %% [markdown]
# What the models cost, by variation and model.
# %% costs
calls.groupby(["flag_key", "variation_id", "model"], dropna=False)[["cost_usd", "input_tokens", "output_tokens"]].sum()
