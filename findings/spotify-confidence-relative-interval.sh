#!/usr/bin/env bash
# Package: spotify-confidence 4.1.0 (PyPI).
# Expected: the interval of a relative difference accounts for the noise of the control mean, as the delta method does.
# Found: with absolute=False, the interval is the absolute one divided by the observed control mean, as if that mean were
#   known. If the treatment doubles a rate of 5%, a 95% interval holds the true effect in about 84% of 2,000
#   simulated experiments. The lower bound can also lie below -100%, which no rate can reach.
# Output seen: coverage 0.84 (nominal 0.95); 50 against 0 conversions: [-127%, -73%]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check spotify-confidence==4.1.0
"$dir/venv/bin/python" -W ignore - <<'PY'
import sys
import numpy as np
import pandas as pd
import spotify_confidence as sc

def run(control, treatment, absolute):
    data = pd.DataFrame({"arm": ["c", "t"], "k": [control, treatment], "n": [1000, 1000]})
    test = sc.ChiSquared(data, numerator_column="k", denominator_column="n", categorical_group_columns="arm")
    row = test.difference("c", "t", absolute=absolute).iloc[0]
    return row["ci_lower"], row["ci_upper"]

absolute, relative = np.array(run(50, 70, True)), np.array(run(50, 70, False))
same = np.allclose(relative, absolute / 0.05)
print("absolute", absolute.round(4), "relative", relative.round(4), "relative = absolute / control mean:", same)
zero = run(50, 0, False)
print(f"50 against 0 conversions: relative [{zero[0]:.0%}, {zero[1]:.0%}]")
# The formula just confirmed, in numpy, for 2,000 experiments in which the treatment doubles a rate of 5%.
rng = np.random.default_rng(1)
pc, pt = rng.binomial(1000, 0.05, 2000) / 1000, rng.binomial(1000, 0.10, 2000) / 1000
se = np.sqrt(pc * (1 - pc) / 1000 + pt * (1 - pt) / 1000)
coverage = float(np.mean(np.abs((pt - pc) / pc - 1) <= 1.959964 * se / pc))
formula = np.allclose(absolute, 0.02 + np.array([-1, 1]) * 1.959964 * np.sqrt((0.05 * 0.95 + 0.07 * 0.93) / 1000), atol=5e-5)
print(f"coverage of the 95% interval: {coverage:.2f}; formula checked: {formula}")
as_found = bool(same and formula and zero[0] < -1.2 and coverage < 0.87)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
