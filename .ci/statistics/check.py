"""`simlab analyze` next to tea-tasting and gbstats (GrowthBook) on one table: equal where the method is the same, and near where it is not.

    python .ci/statistics/check.py target/debug/simlab

It prints the table of docs/statistics.md, and fails where two numbers are farther apart than the tolerance of their row.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import tea_tasting as tt
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
from gbstats.models.statistics import QuantileStatistic, RatioStatistic, RegressionAdjustedStatistic, SampleMeanStatistic
from scipy import stats

SIMLAB = os.path.realpath(sys.argv[1])
USERS = 4000
# The normal quantile of a 90% interval, and that of gbstats' bounds of a quantile.
REACH, BOUNDS = stats.norm.ppf(0.95), stats.norm.ppf(0.975)


def table():
    """Users of two arms: costs with a long tail that follow those before, and a rate that follows them, too."""
    luck = np.random.default_rng(20261130)
    arm = luck.integers(0, 2, USERS)
    before = luck.lognormal(-1, 0.8, USERS)
    requests = 1 + luck.poisson(2 + before)
    cost = (0.5 * before + requests * luck.lognormal(-3, 0.7, USERS)) * np.where(arm == 1, 1.08, 1)
    latency = luck.lognormal(7, 0.6, USERS) * np.where(arm == 1, 0.97, 1)
    resolved = luck.random(USERS) < 0.4 + 0.3 * before / (1 + before) + 0.03 * arm
    return pd.DataFrame({"user": np.arange(USERS), "variant": np.array(["a", "b"])[arm], "cost": cost, "requests": requests, "latency": latency,
                         "resolved": resolved.astype(int), "before": before})


def sample(values):
    return SampleMeanStatistic(n=len(values), sum=float(values.sum()), sum_squares=float((values**2).sum()))


def by_arm(frame, make):
    return [make(frame[frame["variant"] == arm]) for arm in "ab"]


def test(arms, relative=False):
    """gbstats' Welch test of two statistics."""
    return TwoSidedTTest(*arms, FrequentistConfig(difference_type="relative" if relative else "absolute")).compute_result()


def adjusted(own, column, common, theta=None):
    """gbstats' adjusted mean of an arm, with the coefficient of the arm or another one."""
    if theta is None:
        theta = np.cov(own[column], own["before"])[0, 1] / own["before"].var()
    made = RegressionAdjustedStatistic(n=len(own), post_statistic=sample(own[column]), pre_statistic=sample(own["before"]),
                                       post_pre_sum_of_products=float((own[column] * own["before"]).sum()), theta=theta)
    return made.mean + theta * common, made.variance / len(own)


def ratio(own):
    return RatioStatistic(n=len(own), m_statistic=sample(own["cost"]), d_statistic=sample(own["requests"]), m_d_sum_of_products=float((own["cost"] * own["requests"]).sum()))


def quantile(own):
    values = np.sort(own["latency"].to_numpy())
    n, nu = len(values), 0.95
    reach = BOUNDS * np.sqrt(nu * (1 - nu) / n)
    low, high = np.quantile(values, [nu - reach, nu + reach])
    return QuantileStatistic(n=n, n_star=n, nu=nu, quantile_hat=float(np.quantile(values, nu)), quantile_lower=float(low), quantile_upper=float(high))


def main():
    frame = table()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "users.csv"
        frame.to_csv(file, index=False)
        # What simlab reads is what the others get.
        frame = pd.read_csv(file)
        asked = ["cost:mean:down", "cost:mean:down:cap=p99", "cost/requests:ratio:down", "latency:p95:down", "resolved:rate:up"]
        words = ["analyze", str(file), "--unit", "user", "--variation", "variant", "--control", "a", "--covariate", "before", "--format", "json"]
        ran = subprocess.run([SIMLAB, *words, *[word for one in asked for word in ("--metric", one)]], capture_output=True, text=True, check=True)
    report = json.loads(ran.stdout)["experiments"][0]
    metric = {own["key"]: dict(zip("ab", own["variations"])) for own in report["metrics"]}
    pre = {(own["metric"], own["variation"]): own for own in report["adjusted"]}

    def error(key):
        """The standard error of the control: its posterior is the likelihood's, so the interval is 1.645 errors to either side."""
        low, high = metric[key]["a"]["credible_interval"]
        return (high - low) / 2 / REACH

    cap = np.quantile(frame["cost"], 0.99)
    frame["cut"] = np.minimum(frame["cost"], cap)
    common = frame["before"].mean()
    found = tt.Experiment(
        cost=tt.Mean("cost", equal_var=False), cut=tt.Mean("cut", equal_var=False), ratio=tt.RatioOfMeans("cost", "requests", equal_var=False, use_t=False),
        cuped=tt.Mean("cost", "before", equal_var=False), rate=tt.Mean("resolved", "before", equal_var=False),
    ).analyze(frame, control="a")
    plain, cut, ratios, quantiles = (by_arm(frame, make) for make in [lambda own: sample(own["cost"]), lambda own: sample(own["cut"]), ratio, quantile])
    p = {key: arms["b"]["frequentist"]["p_value"] for key, arms in metric.items()}
    rows = [
        ("mean", "difference, relative", metric["cost:mean"]["b"]["frequentist"]["relative_difference"], "tea-tasting", found["cost"].rel_effect_size, 1e-9),
        ("mean", "p-value (Welch)", p["cost:mean"], "tea-tasting", found["cost"].pvalue, 1e-8),
        ("mean", "p-value (Welch)", p["cost:mean"], "gbstats", test(plain).p_value, 1e-8),
        ("mean capped at p99", "mean of b", metric["cost:mean:cap=p99"]["b"]["data_mean"], "gbstats", cut[1].mean, 1e-9),
        ("mean capped at p99", "p-value (Welch)", p["cost:mean:cap=p99"], "tea-tasting", found["cut"].pvalue, 1e-8),
        ("mean capped at p99", "p-value (Welch)", p["cost:mean:cap=p99"], "gbstats", test(cut).p_value, 1e-8),
        ("ratio", "ratio of b", metric["cost/requests:ratio"]["b"]["data_mean"], "gbstats", ratios[1].mean, 1e-9),
        ("ratio", "standard error of a (delta method)", error("cost/requests:ratio"), "gbstats", np.sqrt(ratios[0].variance / ratios[0].n), 1e-6),
        ("ratio", "p-value", p["cost/requests:ratio"], "tea-tasting", found["ratio"].pvalue, 1e-8),
        # gbstats has order statistics 1.96 errors away, simlab 1.645 and a correction for continuity.
        ("p95", "percentile of b", metric["latency:p95"]["b"]["data_mean"], "gbstats", quantiles[1].quantile_hat, 1e-9),
        ("p95", "standard error of a (order statistics)", error("latency:p95"), "gbstats", np.sqrt(quantiles[0].variance / quantiles[0].n), 0.25),
    ]
    for column, key, name, other in [("cost", "cost:mean", "mean, adjusted (CUPED)", found["cuped"]), ("resolved", "resolved:rate", "rate, adjusted (CUPED)", found["rate"])]:
        own = [pre[key, arm]["data_mean"] for arm in "ab"]
        same = by_arm(frame, lambda rows: adjusted(rows, column, common))
        for arm, mine, (mean, _) in zip("ab", own, same):
            rows.append((name, f"mean of {arm}, coefficient of the arm", mine, "gbstats", mean, 1e-9))
        # With one coefficient for both arms the difference is another one, by less than a tenth of its standard error.
        theta = np.cov(frame[column], frame["before"])[0, 1] / frame["before"].var()
        pooled = by_arm(frame, lambda rows: adjusted(rows, column, common, theta))
        scale = np.sqrt(sum(variance for _, variance in pooled))
        for package, effect in [("gbstats", pooled[1][0] - pooled[0][0]), ("tea-tasting", other.effect_size)]:
            rows.append((name, "difference in its standard errors, one coefficient", (own[1] - own[0]) / scale, package, effect / scale, 0.1))
    print("| metric | number | simlab | package | its number | apart | allowed |\n|---|---|---|---|---|---|---|")
    wrong = 0
    for name, what, mine, package, theirs, allowed in rows:
        # Numbers in standard errors are compared as they are, the others relative to their size.
        apart = abs(mine - theirs) / (1 if "standard errors" in what else abs(theirs))
        wrong += apart > allowed
        print(f"| {name} | {what} | {mine:.9g} | {package} {version(package)} | {theirs:.9g} | {apart:.1g} | {allowed:g} |{' !' if apart > allowed else ''}")
    sys.exit(f"{wrong} numbers are farther apart" if wrong else 0)


main()
