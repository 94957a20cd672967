#!/usr/bin/env bash
# Package: gbstats 0.8.0 (PyPI).
# Expected: 100 of 1,000 conversions against 0 of 1,000 is overwhelming evidence, at least for the absolute difference,
#   which needs no division by the control mean.
# Found: if one arm has no conversions, the test is skipped. The numbers look like a finished test of no difference:
#   estimate 0, p-value 1, interval [0, 0]. Only error_message tells the two apart. This holds for
#   difference_type="absolute" too, and for a silent treatment as well as a silent control. One conversion in
#   place of 0 gives a p-value that prints as 0.
# Output seen: 0 against 100: estimate 0.0, p 1.0, interval [0.0, 0.0]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check gbstats==0.8.0
"$dir/venv/bin/python" - <<'PY'
import sys
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
from gbstats.models.statistics import ProportionStatistic

def run(control, treatment):
    r = TwoSidedTTest(
        ProportionStatistic(n=1000, sum=control), ProportionStatistic(n=1000, sum=treatment),
        FrequentistConfig(difference_type="absolute"),
    ).compute_result()
    print(f"{control} against {treatment}: estimate {r.expected:.3f}, p {r.p_value:.2g}, interval {r.ci}, message {r.error_message}")
    return r

silent = [run(0, 100), run(100, 0)]
one = run(1, 100)
as_found = all(r.expected == 0 and r.p_value == 1 and list(r.ci) == [0, 0] for r in silent) and one.p_value < 1e-12 and one.expected > 0.09
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
