"""Print what other libraries make of users.csv with a covariate and with cut values: the right values of tests/it/warehouse.rs.

    python -m venv venv && venv/bin/pip install gbstats==0.8.0 numpy pandas scipy
    venv/bin/python tests/it/tables/adjusted.py

gbstats has one regression coefficient for all arms, and simlab one for each arm; so gbstats gets the coefficient of the arm, and the values
are its own: the adjusted ratio or mean, and which share of its variance is left.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from gbstats.models.statistics import RegressionAdjustedStatistic, SampleMeanStatistic
from scipy import stats

users = pd.read_csv(Path(__file__).parent / "users.csv")
common = users["cost_before"].mean()


def sample(values):
    return SampleMeanStatistic(n=len(values), sum=float(values.sum()), sum_squares=float((values**2).sum()))


def slope(values, before):
    return np.cov(values, before)[0, 1] / np.var(before, ddof=1)


for arm, own in users.groupby("arm"):
    before, rate, cost, requests = own["cost_before"], own["resolved"], own["cost_usd"], own["requests"]
    theta = slope(rate, before)
    plain = sample(rate)
    adjusted = RegressionAdjustedStatistic(
        n=len(own), post_statistic=plain, pre_statistic=sample(before), post_pre_sum_of_products=float((rate * before).sum()), theta=theta)
    print(arm, "rate", adjusted.mean + theta * common, "explained", 1 - adjusted.variance / plain.variance)
    ratio = cost.sum() / requests.sum()
    # What each user adds to the ratio (delta method), around it.
    influence = ratio + (cost - ratio * requests) / requests.mean()
    theta = slope(influence, before)
    plain = sample(influence)
    adjusted = RegressionAdjustedStatistic(
        n=len(own), post_statistic=plain, pre_statistic=sample(before), post_pre_sum_of_products=float((influence * before).sum()), theta=theta)
    print(arm, "ratio", adjusted.mean + theta * common, "explained", 1 - adjusted.variance / plain.variance)

cap = np.quantile(users["cost_usd"], 0.9)
for arm, own in users.groupby("arm"):
    cut = np.minimum(own["cost_usd"], cap)
    print(arm, "cut at p90", cut.mean(), "cut at 0.2", np.minimum(own["cost_usd"], 0.2).mean(), "unadjusted error", cut.std(ddof=1) / len(cut) ** 0.5)

a, b = (np.minimum(users.loc[users["arm"] == arm, "cost_usd"], cap) for arm in "ab")
print("p of the cut means", stats.ttest_ind(b, a, equal_var=False).pvalue)
