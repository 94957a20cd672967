"""Real instrumentations against `simlab serve`, and `simlab calibrate` from what they write: the profile of the served models comes out
again inside of its intervals.

Usage: python traces.py PATH_TO_SIMLAB; needs the packages of `.ci/lock/traces.in` from PyPI. `python traces.py PATH_TO_SIMLAB emit KIND
FILE USERS` only writes traces; that made the files of tests/it/traces.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

SIMLAB = os.path.realpath(sys.argv[1])
HERE = Path(__file__).parent
TRUTH = str(HERE / "traced.ron")
MODELS = {"triage": "gpt-6-luna", "billing": "gpt-6-luna", "docs": "gpt-6.1-terra"}
TOOLS = [{"type": "function", "function": {"name": "search_v2", "description": "Find passages.", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}}]
# How each vocabulary marks an agent, a tool and the whole.
MARKS = {
    "genai": (
        lambda name: {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search_v2"},
        {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "desk"},
    ),
    "openinference": (
        lambda name: {"openinference.span.kind": "AGENT", "agent.name": name},
        {"openinference.span.kind": "TOOL", "tool.name": "search_v2"},
        {"openinference.span.kind": "CHAIN"},
    ),
    "openllmetry": (
        lambda name: {"traceloop.span.kind": "agent", "traceloop.entity.name": name},
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "search_v2"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.name": "desk"},
    ),
}
KINDS = [*MARKS, "langfuse", "litellm"]


def emit(kind, file, users):
    """An application with three agents answers users; the instrumentation of this kind writes its traces."""
    process = subprocess.Popen([SIMLAB, "serve", TRUTH, "--time-scale", "1"], stdout=subprocess.PIPE, text=True)
    try:
        base = json.loads(process.stdout.readline())["listening"] + "/v1"
        ask, span, finish = {"langfuse": langfuse, "litellm": litellm}.get(kind, opentelemetry)(kind, file, base)
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda user: visit(ask, span, user), range(users)):
                pass
        finish()
    finally:
        process.terminate()


def visit(ask, span, number):
    user = f"user-{number}"
    with span("whole", "desk", user):
        for name in ("triage", "billing" if number % 10 < 3 else "docs"):
            with span("agent", name, user):
                work(ask, span, name, user, f"Can you explain Q-Learning? ({number})")


def work(ask, span, name, user, question):
    messages = [{"role": "system", "content": f"You are the {name} agent. Answer the user's question."}, {"role": "user", "content": question}]
    for _ in range(21):
        reply = ask(MODELS[name], messages, TOOLS if name == "docs" else None, user).choices[0].message
        if not reply.tool_calls:
            return
        messages.append({"role": "assistant", "content": reply.content, "tool_calls": [call.model_dump() for call in reply.tool_calls]})
        for call in reply.tool_calls:
            with span("tool", "search_v2", user):
                time.sleep(0.02)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "One passage on the topic. " * 12})


def asking(client):
    def ask(model, messages, tools, user):
        return client.chat.completions.create(model=model, messages=messages, **({"tools": tools} if tools else {}))

    return ask


def opentelemetry(kind, file, base):
    from openai import OpenAI
    from opentelemetry.exporter.otlp.json.file import FileSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if kind == "genai":
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    elif kind == "openinference":
        from openinference.instrumentation.openai import OpenAIInstrumentor
    else:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor
    provider = TracerProvider(resource=Resource.create({"service.name": "desk"}))
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(file)))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    tracer = provider.get_tracer("desk")
    agent, tool, whole = MARKS[kind]

    def span(what, name, user):
        own = {"agent": agent(name), "tool": tool, "whole": whole}[what]
        return tracer.start_as_current_span(name, attributes=own | {"user.id": user})

    return asking(OpenAI(api_key="key", base_url=base, max_retries=0)), span, provider.shutdown


def langfuse(_, file, base):
    from langfuse import Langfuse
    from opentelemetry.exporter.otlp.json.file import FileSpanExporter

    # Nothing listens there: the exporter writes the file instead.
    own = Langfuse(public_key="key", secret_key="key", host="http://127.0.0.1:9", span_exporter=FileSpanExporter(file))
    from langfuse.openai import OpenAI

    def span(what, name, user):
        kind = {"agent": "agent", "tool": "tool", "whole": "chain"}[what]
        return own.start_as_current_observation(name=name, as_type=kind)

    return asking(OpenAI(api_key="key", base_url=base, max_retries=0)), span, own.flush


def litellm(_, file, base):
    # Otherwise it asks the network for prices.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as own

    log = open(file, "w")

    def told(call, *_):
        log.write(json.dumps(call["standard_logging_object"], default=str) + "\n")
        log.flush()

    own.success_callback = [told]

    def ask(model, messages, tools, user):
        options = {"tools": tools} if tools else {}
        return own.completion(model=f"openai/{model}", messages=messages, api_base=base, api_key="key", user=user, metadata={"trace_id": user}, num_retries=0, **options)

    # Its callbacks run in a thread of their own.
    return ask, lambda *_: nullcontext(), lambda: time.sleep(3)


def simlab(*arguments):
    return subprocess.run([SIMLAB, *arguments], check=True, capture_output=True, text=True).stdout


def figures(found):
    return {(own["about"], own["what"]): own for own in found["figures"]}


INSIDE = []


def holds(own, truth, slack=0.0):
    """Of 90% intervals one in ten misses: how many hold is counted, and none may miss by more than its own half width (1 in 1,000)."""
    low, high = own["interval"]
    half = (high - low) / 2
    assert low - half - slack <= truth <= high + half + slack, f"{own['about']}, {own['what']}: {low} to {high} is far from {truth}"
    INSIDE.append(low - slack <= truth <= high + slack)


def check(kind, folder):
    users = 120 if kind == "genai" else 60
    file, scenario = str(folder / f"{kind}.jsonl"), str(folder / f"{kind}.ron")
    subprocess.run([sys.executable, "-W", "ignore", __file__, SIMLAB, "emit", kind, file, str(users)], check=True)
    found = json.loads(simlab("calibrate", file, "--out", scenario, "--format", "json"))
    own = figures(found)
    luna, terra = "model gpt-6-luna", "model gpt-6.1-terra"
    # The served models: see traced.ron.
    first, last = ("gpt-6-luna", "gpt-6.1-terra") if kind == "litellm" else ("triage", "docs")
    holds(own[luna, "answer_tokens"], 40)
    holds(own[terra, "answer_tokens"], 150)
    # Difficulty adds half of its sigma.
    holds(own["agent " + first, "answer tokens, sd of the logarithm"], (0.3**2 + 0.2**2) ** 0.5)
    holds(own["agent " + last, "answer tokens, sd of the logarithm"], (0.5**2 + 0.2**2) ** 0.5)
    # The client and a busy machine add to the time of a call, and to its spread.
    holds(own[terra, "latency.base"], 0.1, slack=0.05)
    for model in (luna, terra):
        for failure in ("error", "rate_limit", "refusal"):
            holds(own[model, f"failures.{failure}"], 0)
    if kind == "litellm":
        # Its log names no agents: they are named by their models.
        assert any("agree with the catalog" in line or "the log charges" in line for line in found["prices"]), found["prices"]
    else:
        holds(own["triage → billing", "share that goes on here"], 0.3)
        holds(own["triage → docs", "share that goes on here"], 0.7)
        # Tool calls: 0.8 times a log-normal factor with a mean of exp(0.4² / 2), rounded at random; and the answer.
        holds(own["agent docs", "model calls in a visit"], 1 + 0.8 * 1.0833)
        holds(own["tool search_v2", "latency, median"], 0.02, slack=0.02)
    for agent in found["simulated"]:
        ratio = agent["simulated"] / agent["measured"]
        # LiteLLM's log has no agents: two of one model are one, whose second call is taken for one after a tool.
        if kind == "litellm" and agent["what"] == "input tokens of a call":
            continue
        assert 0.85 < ratio < (1.3 if agent["what"] == "input tokens of a call" else 1.18), agent
    text = Path(scenario).read_text()
    assert "user-" not in text and "Q-Learning" not in text and "passage" not in text.lower().replace("passages", "")
    simlab("check", scenario)
    simlab("run", scenario, "--users", "300", "--quiet")
    simlab("estimate", scenario, "--users", "100")
    simlab("power", scenario, "--users", "200", "--replications", "10")
    print(f"  {kind}: {found['model_calls']} calls, {len(found['figures'])} figures")


if sys.argv[2:3] == ["emit"]:
    emit(sys.argv[3], sys.argv[4], int(sys.argv[5]))
    os._exit(0)
names = ["opentelemetry-instrumentation-genai-openai", "openinference-instrumentation-openai", "opentelemetry-instrumentation-openai", "langfuse", "litellm"]
print("traces of " + ", ".join(f"{name} {version(name)}" for name in names))
with tempfile.TemporaryDirectory() as place:
    for kind in sys.argv[2:] or KINDS:
        check(kind, Path(place))
print(f"{sum(INSIDE)} of {len(INSIDE)} intervals of 90% hold the served value")
assert sum(INSIDE) >= 0.8 * len(INSIDE)
