#!/usr/bin/env bash
# Package: litellm 1.110.2 (PyPI).
# Expected: completion(mock_response=...) reports the same token usage and cost, streamed or not.
# Found: without streaming, the usage is always 10 + 20 tokens, whatever the prompt and the reply. With streaming, the
#   tokens are counted. A dry run that estimates an experiment's cost is off by a factor that depends on the texts.
# Output seen: not streamed 10 + 20 tokens, streamed 15 + 151 tokens; cost $0.000225 and $0.001548
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" -W ignore - <<'PY'
import sys
import litellm

request = dict(model="gpt-4o", messages=[{"role": "user", "content": "Hello world, how are you today?"}],
               mock_response="Fine, and you? " * 30)
plain = litellm.completion(**request)
chunks = list(litellm.completion(**request, stream=True, stream_options={"include_usage": True}))
a, b = plain.usage, chunks[-1].usage
cost = litellm.completion_cost(plain)
stream_cost = b.prompt_tokens * 2.5e-6 + b.completion_tokens * 10e-6
print(f"not streamed: {a.prompt_tokens} + {a.completion_tokens} tokens, cost ${cost:.6f}")
print(f"streamed:     {b.prompt_tokens} + {b.completion_tokens} tokens, cost at the same prices ${stream_cost:.6f}")
as_found = (a.prompt_tokens, a.completion_tokens) == (10, 20) and b.completion_tokens > 100
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
