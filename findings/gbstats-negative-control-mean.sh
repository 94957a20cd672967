#!/usr/bin/env bash
# Package: gbstats 0.8.0 (PyPI).
# Expected: the relative and the absolute analysis of the same data agree on which arm is better.
# Found: a relative difference divides by the signed control mean. If the control mean is negative (a sentiment score,
#   a net saving), the sign flips: the treatment is better by 1.0 and gets a chance to win of 0. "relative" is the
#   default difference type, and there is no warning.
# Output seen: absolute: difference +1.0, chance to win 1.000; relative: difference -0.5, chance to win 0.000
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check gbstats==0.8.0
"$dir/venv/bin/python" - <<'PY'
import sys
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
from gbstats.models.statistics import SampleMeanStatistic

def arm(n, mean, sd):
    return SampleMeanStatistic(n=n, sum=n * mean, sum_squares=(n - 1) * sd**2 + n * mean**2)

control, treatment = arm(1000, -2, 3), arm(1000, -1, 3)
result = {}
for kind in ("absolute", "relative"):
    result[kind] = r = EffectBayesianABTest(control, treatment, EffectBayesianConfig(difference_type=kind)).compute_result()
    print(f"{kind}: difference {r.expected:+.1f}, chance to win {r.chance_to_win:.3f}, message {r.error_message}")
default = EffectBayesianABTest(control, treatment).compute_result()
as_found = (
    result["absolute"].chance_to_win > 0.999
    and result["relative"].chance_to_win < 0.001
    and default.chance_to_win == result["relative"].chance_to_win
    and default.error_message is None
)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
