#!/usr/bin/env bash
# Package: litellm 1.110.2 (PyPI).
# Expected: a callback's log entry keeps the trace id and the session id that the caller gave in `metadata`.
# Found: with both, `trace_id` of the entry is the session's id, the trace's id is lost, and `session_id` is empty. Calls of
#   different requests in one session then look like one trace. Other keys of `metadata` are not in the entry at all.
# Output seen: trace id alone: trace_id 't1', session_id ''; with a session: trace_id 's1', session_id ''; no agent_name
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$dir/venv/bin/python" -W ignore - <<'PY'
import sys
import time

import litellm

entries = []
litellm.success_callback = [lambda call, reply, start, end: entries.append(call["standard_logging_object"])]
for metadata in ({"trace_id": "t1", "agent_name": "writer"}, {"trace_id": "t1", "session_id": "s1"}):
    litellm.completion(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], mock_response="Hello.", metadata=metadata)
for _ in range(100):
    if len(entries) == 2:
        break
    time.sleep(0.1)
entries.sort(key=lambda entry: entry["trace_id"] != "t1")
found = [(entry["trace_id"], entry["session_id"]) for entry in entries]
print("trace id alone:", found[0], "with a session:", found[1])
kept = any(entry["metadata"].get("agent_name") for entry in entries)
print("agent_name in the entry:", kept)
as_found = found == [("t1", ""), ("s1", "")] and not kept
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
