#!/usr/bin/env bash
# Package: statsmodels 0.15.0 (PyPI).
# Expected: if one metric has no p-value (nan), multipletests raises an error, or
#   leaves that metric out; the adjusted p-values and the decisions agree either way.
# Found: with method="fdr_bh", all adjusted p-values become nan, and two decisions still say True. With "holm", only
#   the missing one is nan. There is no error. The missing metric also counts as a
#   hypothesis: 0.04 alone is significant, and next to one nan it is not.
# Output seen: fdr_bh of [0.01, nan, 0.03]: adjusted [nan nan nan], reject [True False True]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check statsmodels==0.15.0
"$dir/venv/bin/python" -W ignore - <<'PY'
import sys
import numpy as np
from statsmodels.stats.multitest import multipletests

reject, adjusted, _, _ = multipletests([0.01, np.nan, 0.03], method="fdr_bh")
print("fdr_bh of [0.01, nan, 0.03]: adjusted", adjusted, "reject", reject)
h_reject, h_adjusted, _, _ = multipletests([0.01, np.nan, 0.03], method="holm")
print("holm   of [0.01, nan, 0.03]: adjusted", h_adjusted, "reject", h_reject)
alone = bool(multipletests([0.04], method="bonferroni")[0][0])
beside = bool(multipletests([0.04, np.nan], method="bonferroni")[0][0])
print("bonferroni of 0.04 alone:", alone, "and next to one nan:", beside)
as_found = bool(np.isnan(adjusted).all()) and reject.tolist() == [True, False, True] and alone and not beside
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
