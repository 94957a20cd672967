"""LaunchDarkly's AI SDKs walk the graph of a scenario that `simlab serve` serves, and what they send is compared with the events that a
simulated run writes for the same SDK: the same events, with the same fields.

Usage: python graph.py PATH_TO_SIMLAB; needs launchdarkly-server-sdk-ai. With launchdarkly-ai-server (Python 3.12) the second family is compared, too;
with the path of a built `@launchdarkly/server-sdk-ai` 2 in NODE_AI_SDK, and node, that one as well.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import PackageNotFoundError, version

SIMLAB, SCENARIO, GRAPH = sys.argv[1], "router", "support"
# What an app sends besides its SDK, or only where something fails or somebody is displeased.
OTHER = {"ai_cost_per_request", "$ld:ai:generation:error", "$ld:ai:feedback:user:positive", "$ld:ai:feedback:user:negative"}
OTHER |= {"$ld:ai:graph:invocation_failure", "$ld:ai:graph:handoff_failure"}
process = subprocess.Popen([SIMLAB, "serve", SCENARIO], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]


def got(path):
    with urllib.request.urlopen(base + path) as answer:
        return answer.read().decode()


def reset():
    request = urllib.request.Request(base + "/_simlab/reset", method="POST", headers={"x-simlab": "1"})
    urllib.request.urlopen(request).close()


def fields(lines):
    """The fields of the data of each custom event, by its key; a text stands for itself."""
    known = {}
    for line in lines:
        event = json.loads(line)
        if event["kind"] != "custom" or event["key"] in OTHER:
            continue
        data = event.get("data")
        names = sorted(data) if isinstance(data, dict) else data
        assert known.setdefault(event["key"], names) == names, (event["key"], names, known[event["key"]])
    return known


def simulated(family):
    with tempfile.TemporaryDirectory() as folder:
        text = subprocess.run([SIMLAB, "new", SCENARIO], capture_output=True, text=True, check=True).stdout
        path = os.path.join(folder, "own.ron")
        with open(path, "w") as file:
            file.write(text.replace("    experiments: [", f"    events: {family},\n    experiments: [", 1))
        out = os.path.join(folder, "out")
        subprocess.run([SIMLAB, "run", path, "--users", "300", "--out", out, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(out, "events.jsonl")) as file:
            return fields(file)


def python1():
    import ldclient
    from ldai.client import LDAIClient
    from ldai.tracker import TokenUsage
    from ldclient.config import Config

    sdk_key = json.loads(got("/_simlab/status"))["launchdarkly"]["sdk_key"]
    client = ldclient.LDClient(Config(sdk_key, base_uri=base, stream_uri=base, events_uri=base), start_wait=10)
    context = ldclient.Context.builder("user_1").set("country", "US").set("plan", "paid").build()
    graph = LDAIClient(client).agent_graph(GRAPH, context)
    assert graph.is_enabled()
    nodes = []
    graph.traverse(lambda node, _: nodes.append(node))
    assert [node.get_key() for node in nodes][0] == "triage" and len(nodes) == 4
    for node in nodes[:2]:
        tracker = node.get_config().create_tracker()
        tracker.track_tokens(TokenUsage(30, 20, 10))
        tracker.track_duration(9)
        tracker.track_success()
        tracker.track_tool_call("search_v2")
    tracker = graph.create_tracker()
    tracker.track_duration(1200)
    tracker.track_invocation_success()
    tracker.track_path([node.get_key() for node in nodes[:2]])
    tracker.track_total_tokens(TokenUsage(60, 40, 20))
    client.flush()
    client.close()


def ai_server():
    import launchdarkly_ai_server as sdk
    from launchdarkly_ai_server.types import ProviderHandler

    async def answer(config, text, tools, variables, history=None):
        handoffs = sorted(name for name in tools or {} if name.startswith("__handoff_"))
        if handoffs:
            tools[handoffs[0]]()
        elif "search_v2" in (tools or {}):
            await tools["search_v2"]()
        return {"output": "done", "usage": {"input": 10, "output": 5, "total": 15}}

    async def run():
        sdk_key = json.loads(got("/_simlab/status"))["launchdarkly"]["sdk_key"]
        await sdk.init_client({"sdkKey": sdk_key, "baseUri": base, "streamUri": base, "eventsUri": base})
        handlers = [ProviderHandler(answer, (provider, "agent")) for provider in ("OpenAI", "Anthropic", "Mistral")]
        graph = sdk.graph(GRAPH, handlers=handlers, tool_handlers={"search_v2": lambda *_, **__: "found"})
        assert (await graph.invoke("hello", {"kind": "user", "key": "user_1", "country": "US", "plan": "paid"})).response == "done"
        sdk.get_client().flush()
        time.sleep(0.5)

    asyncio.run(run())


def node2():
    subprocess.run(["node", os.path.join(os.path.dirname(__file__), "graph.cjs"), os.environ["NODE_AI_SDK"], base, GRAPH], check=True)


def known(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


FAMILIES = {
    "Python1": ("launchdarkly-server-sdk-ai", known("launchdarkly-server-sdk-ai"), python1),
    "AiServer": ("launchdarkly-ai-server", known("launchdarkly-ai-server"), ai_server),
    "Node2": ("@launchdarkly/server-sdk-ai", os.environ.get("NODE_AI_SDK") and "2", node2),
}
failed = 0
try:
    for family, (package, found, walk) in FAMILIES.items():
        if not found:
            print(f"{family:10} {package} is not installed: not compared")
            continue
        reset()
        walk()
        for _ in range(50):
            sent = fields(got("/_simlab/events").splitlines())
            if "$ld:ai:graph:invocation_success" in sent:
                break
            time.sleep(0.1)
        status = json.loads(got("/_simlab/status"))
        written = simulated(family)
        differing = sorted(key for key in sent.keys() | written.keys() if sent.get(key) != written.get(key))
        exposures = status["events_by_kind"].get("feature", 0)
        good = not differing and status["malformed_events"] == 0 and exposures >= 1
        failed += not good
        print(f"{family:10} {package} {found}: {len(sent)} kinds of events, {'as the simulation writes them' if good else 'FAILED'}")
        for key in differing:
            print(f"  {key}: the SDK sends {sent.get(key)}, a run writes {written.get(key)}")
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
