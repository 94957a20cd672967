#!/usr/bin/env bash
# Packages: launchdarkly-ai-server 0.4.0, launchdarkly-server-sdk 9.16.1 (PyPI). They need Python 3.12; set PYTHON if python3.12 is elsewhere.
# Expected: one handoff between two agents of a graph sends one event: $ld:ai:graph:handoff_success or $ld:ai:graph:handoff_failure.
# Found: if the first agent has one edge, the graph sends one event. If it has two edges and the model chooses one, the graph sends
#   handoff_success when the first agent ends, and a second event with the same run id when the next agent ends: handoff_success again,
#   or handoff_failure. A handoff to a failing agent counts as both. The failure rate of handoffs depends on the number of edges.
# Output seen: one edge: [success], [failure]; two edges: [success, success], [success, failure]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${PYTHON:-python3.12}" -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check launchdarkly-ai-server==0.4.0 launchdarkly-server-sdk==9.16.1
"$dir/venv/bin/python" - <<'PY'
import asyncio
import logging
import sys

import ldclient
from launchdarkly_ai_server import ProviderHandler, graph, init_client
from ldclient import Config
from ldclient.integrations.test_data import TestData

logging.disable(logging.CRITICAL)
sent = []


class Keep:
    def __init__(self, config, *rest, **named):
        pass

    def send_event(self, event):
        sent.append(event)

    def flush(self):
        pass

    def stop(self):
        pass


meta = {"enabled": True, "variationKey": "v1", "version": 1}
agent = {"_ldMeta": {**meta, "mode": "agent"}, "model": {"name": "m"}, "provider": {"name": "OpenAI"}, "instructions": "Answer."}
flags = {
    "one edge": {"_ldMeta": meta, "root": "triage", "edges": {"triage": [{"key": "billing"}]}},
    "two edges": {"_ldMeta": meta, "root": "triage", "edges": {"triage": [{"key": "billing"}, {"key": "repair"}]}},
    "triage": agent,
    "billing": agent,
    "repair": agent,
}
data = TestData.data_source()
for key, value in flags.items():
    data.update(data.flag(key).variations(value).variation_for_all(0))
client = ldclient.LDClient(Config("sdk-key", update_processor_class=data, event_processor_class=Keep))
calls = 0
second_fails = False


async def model(config, user_input=None, tool_handlers=None, *rest, **named):
    global calls
    calls += 1
    choose = (tool_handlers or {}).get("__handoff_billing")
    if choose:
        choose()
    if calls == 2 and second_fails:
        raise RuntimeError("the model did not reply")
    return {"response": "done", "usage": {"input": 1, "output": 1, "total": 2}}


async def run(key):
    global calls
    calls = 0
    sent.clear()
    try:
        await graph(key, handlers=[ProviderHandler(model, ("OpenAI", "agent"))]).invoke("Hello", {"kind": "user", "key": "u-1"})
    except RuntimeError:
        pass
    handoffs = [e for e in sent if ":handoff_" in getattr(e, "key", "")]
    once = {(e.data["runId"], e.data["sourceKey"], e.data["targetKey"]) for e in handoffs}
    return [e.key.rsplit("_", 1)[1] for e in handoffs], len(once)


async def main():
    global second_fails
    await init_client(client=client)
    seen = {}
    for key in ("one edge", "two edges"):
        for second_fails in (False, True):
            seen[key, second_fails] = events, handoffs = await run(key)
            print(f"{key}, the second agent {'fails' if second_fails else 'answers'}: {handoffs} handoff, events {events}")
    return seen


as_found = asyncio.run(main()) == {
    ("one edge", False): (["success"], 1),
    ("one edge", True): (["failure"], 1),
    ("two edges", False): (["success", "success"], 1),
    ("two edges", True): (["success", "failure"], 1),
}
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
