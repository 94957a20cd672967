#!/usr/bin/env bash
# Package: statsmodels 0.15.0 (PyPI).
# Expected: test_proportions_2indep and confint_proportions_2indep, called with their defaults on the same counts, agree:
#   p < 0.05 exactly when the 95% interval excludes 0.
# Found: the defaults differ (test: agresti-caffo, interval: newcomb). For 5 of 1,000 against 0 of 1,000, p = 0.058
#   and the interval is [0.0002, 0.0117].
# Output seen: p 0.0581, 95% interval [0.00022, 0.01165], methods agresti-caffo
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check statsmodels==0.15.0
"$dir/venv/bin/python" -W ignore - <<'PY'
import sys
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

as_found = True
for k1, k2, n in ((5, 0, 1000), (7, 1, 500), (16, 7, 100)):
    test = test_proportions_2indep(k1, n, k2, n)
    low, high = confint_proportions_2indep(k1, n, k2, n)
    print(f"{k1} and {k2} of {n}: p {test.pvalue:.4f} ({test.method}), 95% interval [{low:.5f}, {high:.5f}]")
    as_found &= test.pvalue > 0.05 and low > 0
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
