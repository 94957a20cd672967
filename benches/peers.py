"""The peers of `cargo bench --bench power`, on the same machine:

    for peer in tea-tasting gbstats; do
        python3 -m venv /tmp/$peer && /tmp/$peer/bin/pip install $peer && /tmp/$peer/bin/python benches/peers.py $peer
    done

An environment each: gbstats wants an older numpy than tea-tasting can use. tea-tasting's `simulate` resplits a table of 4,000
users and five metrics; gbstats compares one metric of two variations.
"""

import concurrent.futures
import sys
import time

USERS, SIMULATIONS = 4000, 100


def tea(seed):
    import tea_tasting as tt

    data = tt.make_users_data(seed=seed, n_users=USERS)
    metrics = {f"m{i}": tt.Mean(column) for i, column in enumerate(["sessions", "orders", "revenue", "sessions", "orders"])}
    experiment = tt.Experiment(**metrics)
    start = time.perf_counter()
    experiment.simulate(data, SIMULATIONS, rng=seed)
    return time.perf_counter() - start


def gb():
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
    from gbstats.models.statistics import SampleMeanStatistic

    def arm(mean):
        return SampleMeanStatistic(n=2000, sum=2000 * mean, sum_squares=2000 * (mean * mean + 1.0))

    def once():
        try:
            return EffectBayesianABTest([(arm(1.0), arm(1.02))], EffectBayesianConfig()).compute_result()
        except (TypeError, AttributeError):
            return EffectBayesianABTest(arm(1.0), arm(1.02), EffectBayesianConfig()).compute_result()

    once()
    start = time.perf_counter()
    for _ in range(200):
        once()
    return (time.perf_counter() - start) / 200


if __name__ == "__main__":
    if "tea-tasting" in sys.argv:
        tea(1)
        print(f"tea-tasting simulate, one process   {SIMULATIONS / tea(1):.0f} a second")
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            list(pool.map(tea, [1, 2]))
            both = list(pool.map(tea, [3, 4]))
            print(f"tea-tasting simulate, two processes {2 * SIMULATIONS / max(both):.0f} a second")
    if "gbstats" in sys.argv:
        print(f"gbstats, one comparison             {gb() * 1e3:.2f} ms")
