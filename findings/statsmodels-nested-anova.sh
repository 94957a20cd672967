#!/usr/bin/env bash
# Package: statsmodels 0.15.0 (PyPI), with numpy 2.4.6 and pandas 3.1.1.
# Expected: in a sequential ANOVA (typ=1) of 12 questions x 2 variations x 3 answers x 2 judgings, where each cell (question and variation)
#   and each answer has a text of its own, C(cell) gets the 11 degrees of freedom that question and variation leave, and C(ans) gets 48.
# Found: C(cell) gets 23 and C(ans) gets 71, one less than their numbers of texts. The table has 178 degrees of freedom for 144 values, its
#   sums of squares add up to more than the total, and the F of C(cell) is wrong. The fit warns that the parameters are not unique;
#   anova_lm says nothing. C(q)*C(a) without the other two gives the interaction correctly. Issues 8336 and 8506 of statsmodels report it.
# Output seen: C(cell): 23 degrees of freedom, sum of squares 1.7426; by hand: 11 and 1.3730
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 pandas==3.1.1
"$dir/venv/bin/python" - <<'PY'
import sys
import warnings

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

rng = np.random.default_rng(5)
shape = (12, 2, 3, 2)
questions, variations, answers, judgings = shape
y = 0.6 + sum(
    rng.normal(0, spread, shape[:depth] + (1,) * (4 - depth)) for depth, spread in ((1, 0.3), (2, 0.12), (3, 0.15), (4, 0.1))
)
rows = [(f"q{q}", f"a{a}", f"q{q}a{a}", f"q{q}a{a}r{r}", y[q, a, r, j]) for q, a, r, j in np.ndindex(shape)]
data = pd.DataFrame(rows, columns=["q", "a", "cell", "ans", "y"])

cells = y.mean((2, 3))
by_hand = answers * judgings * ((cells - cells.mean(1, keepdims=True) - cells.mean(0) + y.mean()) ** 2).sum()
total = ((y - y.mean()) ** 2).sum()
with warnings.catch_warnings(record=True) as at_fit:
    warnings.simplefilter("always")
    fit = smf.ols("y ~ C(q) + C(a) + C(cell) + C(ans)", data).fit()
with warnings.catch_warnings(record=True) as at_table:
    warnings.simplefilter("always")
    table = anova_lm(fit, typ=1)
crossed = anova_lm(smf.ols("y ~ C(q) * C(a)", data).fit(), typ=1).loc["C(q):C(a)"]
print(table[["df", "sum_sq", "F"]].round(4))
print("warnings of the fit:", [str(w.message) for w in at_fit], "of anova_lm:", len(at_table))
print(f"table: {table.df.sum():.0f} degrees of freedom, sums of squares add up to {table.sum_sq.sum():.4f}")
print(f"by hand: {y.size - 1} degrees of freedom, total sum of squares {total:.4f}")
cell = table.loc["C(cell)"]
print(f"C(cell):    {cell.df:.0f} degrees of freedom, sum of squares {cell.sum_sq:.4f}")
print(f"by hand:    {(questions - 1) * (variations - 1)} degrees of freedom, sum of squares {by_hand:.4f}")
print(f"C(q)*C(a):  {crossed.df:.0f} degrees of freedom, sum of squares {crossed.sum_sq:.4f}")
as_found = (
    (cell.df, table.loc["C(ans)"].df, table.df.sum()) == (23, 71, 178)
    and table.sum_sq.sum() > total + 0.1
    and abs(cell.sum_sq - by_hand) > 0.1
    and crossed.df == 11
    and abs(crossed.sum_sq - by_hand) < 1e-9
    and not at_table
)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
