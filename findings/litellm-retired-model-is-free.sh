#!/usr/bin/env bash
# Package: litellm 1.110.2 (PyPI), with the price list that it ships.
# Expected: the cost of a model that the price list no longer has is an error, or at least a warning.
# Found: it depends on the model. `claude-3-7-sonnet-20250219` raises an error. `claude-sonnet-4-20250514` and
#   `claude-opus-4-20250514` cost $0 for any number of tokens, without a word. A cost report of last year's calls, or of a system that
#   still names these models, is too low by all of their cost.
# Output seen: claude-sonnet-4-20250514: $0.00 for a million tokens each way; claude-3-7-sonnet-20250219: error; gpt-4o: $12.50
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" -W ignore - <<'PY'
import sys

import litellm

litellm.suppress_debug_info = True


def cost(model):
    try:
        return sum(litellm.cost_per_token(model=model, prompt_tokens=1_000_000, completion_tokens=1_000_000))
    except Exception as error:
        return type(error).__name__


found = {
    model: cost(model)
    for model in ("claude-sonnet-4-20250514", "claude-opus-4-20250514", "claude-3-7-sonnet-20250219", "gpt-4o")
}
for model, dollars in found.items():
    print(f"{model}: {dollars}")
as_found = list(found.values())[:2] == [0.0, 0.0] and isinstance(found["claude-3-7-sonnet-20250219"], str) and found["gpt-4o"] == 12.5
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
