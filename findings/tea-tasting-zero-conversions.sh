#!/usr/bin/env bash
# Package: tea-tasting 1.14.0 (PyPI).
# Expected: 2 of 1,000 against 0 of 1,000 (p = 0.48) gives a wide interval for the relative difference, or none.
# Found: tt.Proportion reports the relative interval [-100%, -100%]: width 0, as if the effect were known exactly.
#   The interval of the absolute difference contains 0, and tt.Mean gives nan for the same data.
# Output seen: p 0.479, absolute [-0.0058, 0.0018], relative [-1.0, -1.0]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check tea-tasting==1.14.0 pandas==3.1.1
"$dir/venv/bin/python" -W ignore - <<'PY'
import math
import sys
import pandas as pd
import tea_tasting as tt

data = pd.DataFrame({"variant": [0] * 1000 + [1] * 1000, "converted": [1] * 2 + [0] * 1998})
result = tt.Experiment(p=tt.Proportion("converted"), m=tt.Mean("converted")).analyze(data)
p, m = result["p"], result["m"]
print(f"Proportion: p {p.pvalue:.3f}, absolute [{p.effect_size_ci_lower:.4f}, {p.effect_size_ci_upper:.4f}], "
      f"relative [{p.rel_effect_size_ci_lower}, {p.rel_effect_size_ci_upper}]")
print(f"Mean:       p {m.pvalue:.3f}, relative [{m.rel_effect_size_ci_lower}, {m.rel_effect_size_ci_upper}]")
as_found = (
    p.pvalue > 0.4 and p.effect_size_ci_lower < 0 < p.effect_size_ci_upper
    and p.rel_effect_size_ci_lower == p.rel_effect_size_ci_upper == -1
    and math.isnan(m.rel_effect_size_ci_lower)
)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
