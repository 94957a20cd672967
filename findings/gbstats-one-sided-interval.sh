#!/usr/bin/env bash
# Package: gbstats 0.8.0 (PyPI).
# Expected: the one-sided interval of OneSidedTreatmentLesserTTest is (-inf, estimate + width]. It contains the
#   estimate, and it excludes 0 exactly when p < alpha.
# Found: the upper bound is estimate - width. The interval never contains the estimate. With no difference at all
#   (p = 0.5), it excludes 0. OneSidedTreatmentGreaterTTest has the bound on the right side.
# Output seen: estimate 0.0, p 0.500, interval [-inf, -0.221]
# Why it matters: for "lower is better" metrics (cost, latency), the interval lies below 0 unless the treatment looks clearly
#   worse, so a decision by interval ships treatments without an effect.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check gbstats==0.8.0
"$dir/venv/bin/python" - <<'PY'
import sys
from gbstats.frequentist.tests import FrequentistConfig, OneSidedTreatmentGreaterTTest, OneSidedTreatmentLesserTTest
from gbstats.models.statistics import SampleMeanStatistic

def arm(n, mean, sd):
    return SampleMeanStatistic(n=n, sum=n * mean, sum_squares=(n - 1) * sd**2 + n * mean**2)

config = FrequentistConfig(difference_type="absolute")
same = arm(1000, 10, 3)
less = OneSidedTreatmentLesserTTest(same, same, config).compute_result()
greater = OneSidedTreatmentGreaterTTest(same, same, config).compute_result()
print(f"lesser:  estimate {less.expected}, p {less.p_value:.3f}, interval [{less.ci[0]}, {less.ci[1]:.3f}]")
print(f"greater: estimate {greater.expected}, p {greater.p_value:.3f}, interval [{greater.ci[0]:.3f}, {greater.ci[1]}]")
as_found = less.expected == 0 and abs(less.p_value - 0.5) < 1e-9 and less.ci[1] < 0 and greater.ci[0] < 0
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
