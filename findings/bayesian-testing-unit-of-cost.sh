#!/usr/bin/env bash
# Package: bayesian-testing 0.10.0 (PyPI).
# Expected: the probability that an arm is the cheapest does not depend on the unit (dollars or thousandths of a dollar).
# Found: NormalDataTest's default prior has mean 1 and a weight of 0.01 observations, in the unit of the data. For a
#   cost of about $0.0002 per request, the prior lies 5,000 times above the data and inflates the posterior variance:
#   the same 480 costs give 55% in dollars and 99.995% in thousandths of a dollar. The interval in dollars includes
#   negative costs. Results are also rounded to 5 to 7 decimals.
# Output seen: dollars: 0.553; thousandths of a dollar: 1.000
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check bayesian-testing==0.10.0
"$dir/venv/bin/python" - <<'PY'
import sys
import numpy as np
from bayesian_testing.experiments import NormalDataTest

rng = np.random.default_rng(3)
a = rng.lognormal(np.log(2.0e-4), 0.5, 400)
b = rng.lognormal(np.log(2.6e-4), 0.5, 80)
best = {}
for name, scale in (("dollars", 1), ("thousandths of a dollar", 1000)):
    test = NormalDataTest()
    test.add_variant_data("A", a * scale)
    test.add_variant_data("B", b * scale)
    first = test.evaluate(seed=1, min_is_best=True)[0]
    best[name] = first["prob_being_best"]
    print(f"{name}: A is the cheapest with probability {best[name]:.3f}, interval of A {first['credible_interval']}")
as_found = best["dollars"] < 0.6 and best["thousandths of a dollar"] > 0.999
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
