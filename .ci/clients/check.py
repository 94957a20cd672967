"""The vendors' own Python clients against `simlab serve`: every check is an assertion.

Usage: python check.py PATH_TO_SIMLAB; needs openai, anthropic, mistralai, launchdarkly-server-sdk,
launchdarkly-server-sdk-ai and launchdarkly-api from PyPI.
"""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.metadata import version

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]


def status(path="status"):
    return json.load(urllib.request.urlopen(f"{base}/_simlab/{path}"))


QUESTION = [{"role": "user", "content": "Can you explain Q-Learning?"}]
PERSONAL = [{"role": "user", "content": "Hi, I'm Maria Keller (maria.keller@example.com), and I need help. Can you explain Q-Learning?"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "likely_contains_pii": {"type": "boolean"},
        "confidence": {"type": "number"},
        "reasoning": {"type": "string"},
        "recommended_route": {"type": "string", "enum": ["security_agent", "support_agent"]},
    },
    "required": ["likely_contains_pii", "confidence", "reasoning", "recommended_route"],
    "additionalProperties": False,
}
SEARCH = {"type": "object", "properties": {"query": {"type": "string"}, "top_k": {"type": "integer"}}, "required": ["query"]}


def check_anthropic():
    import anthropic

    client = anthropic.Anthropic(api_key="key", base_url=base)
    model = "claude-3-5-haiku-20241022"
    plain = client.messages.create(model=model, max_tokens=200, messages=QUESTION)
    assert plain.content[0].type == "text" and plain.usage.output_tokens > 0
    with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text and final.usage.output_tokens > 0
    tool = {"name": "PIIPreScreening", "description": "", "input_schema": SCHEMA}
    forced = client.messages.create(
        model=model, max_tokens=500, messages=PERSONAL, tools=[tool], tool_choice={"type": "tool", "name": "PIIPreScreening"}
    )
    assert forced.content[0].input["recommended_route"] in ("security_agent", "support_agent")
    short = client.messages.create(model=model, max_tokens=5, messages=QUESTION)
    assert short.stop_reason == "max_tokens" and short.usage.output_tokens <= 5
    assert any(card.id == model for card in client.models.list())
    try:
        client.messages.create(model=model, max_tokens=10, messages=[])
        raise AssertionError("no messages were taken")
    except anthropic.BadRequestError:
        pass


def check_openai():
    import openai

    client = openai.OpenAI(api_key="key", base_url=f"{base}/v1")
    plain = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert plain.choices[0].message.content and plain.usage.total_tokens > 0
    chunks = list(
        client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[-1].usage.completion_tokens > 0
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    function = {"type": "function", "function": {"name": "search_v1", "description": "searches", "parameters": SEARCH}}
    forced = client.chat.completions.create(model="gpt-4o", messages=QUESTION, tools=[function], tool_choice="required")
    call = forced.choices[0].message.tool_calls[0]
    assert "query" in json.loads(call.function.arguments)
    answered = client.chat.completions.create(
        model="gpt-4o",
        tools=[function],
        tool_choice="none",
        messages=QUESTION
        + [forced.choices[0].message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "found"}],
    )
    assert answered.choices[0].message.content and not answered.choices[0].message.tool_calls
    form = {"type": "json_schema", "json_schema": {"name": "screening", "schema": SCHEMA, "strict": True}}
    structured = client.chat.completions.create(model="gpt-4o", messages=PERSONAL, response_format=form)
    assert "recommended_route" in json.loads(structured.choices[0].message.content)
    vectors = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert [len(entry.embedding) for entry in vectors.data] == [1536, 1536]
    assert any(card.id == "gpt-4o" for card in client.models.list())
    try:
        openai.OpenAI(api_key="key", base_url=f"{base}/v1").chat.completions.create(model="gpt-4o", messages=[])
        raise AssertionError("no messages were taken")
    except openai.BadRequestError:
        pass


def check_mistral():
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral

    client = Mistral(api_key="key", server_url=f"{base}/mistral")
    plain = client.chat.complete(model="mistral-small-latest", messages=QUESTION)
    assert plain.choices[0].message.content and plain.usage.completion_tokens > 0
    chunks = [event.data for event in client.chat.stream(model="mistral-small-latest", messages=QUESTION)]
    assert chunks[-1].usage.completion_tokens > 0 and chunks[-1].choices[0].finish_reason == "stop"
    function = {"type": "function", "function": {"name": "PIIPreScreening", "description": "", "parameters": SCHEMA}}
    forced = client.chat.complete(model="mistral-small-latest", messages=PERSONAL, tools=[function], tool_choice="any")
    arguments = forced.choices[0].message.tool_calls[0].function.arguments
    assert "recommended_route" in (json.loads(arguments) if isinstance(arguments, str) else arguments)


def check_launchdarkly():
    import launchdarkly_api
    import ldclient
    from ldai.client import LDAIClient
    from ldclient.config import Config

    served = status()["launchdarkly"]
    key = served["sdk_key"]
    client = ldclient.LDClient(Config(key, base_uri=base, stream_uri=base, events_uri=base), start_wait=10)
    assert client.is_initialized()
    context = ldclient.Context.builder("user_1").set("country", "US").set("plan", "paid").set("region", "other").build()
    value = client.variation("support-agent", context, {})
    assert value["_ldMeta"]["enabled"] and value["model"]["name"]
    LDAIClient(client)
    client.track("ai_cost_per_request", context, {"configKey": "support-agent"}, 0.01)
    client.flush()

    configuration = launchdarkly_api.Configuration(host=base, api_key={"ApiKey": "api-key"})
    api = launchdarkly_api.AgentControlApi(launchdarkly_api.ApiClient(configuration))
    config = api.get_ai_config(project_key=served["project"], config_key="support-agent")
    assert config.key == "support-agent" and config.variations

    changed = threading.Event()
    client.flag_tracker.add_listener(lambda change: changed.set() if change.key == "security-agent" else None)
    path = f"{base}/api/v2/projects/{served['project']}/ai-configs/security-agent/targeting"
    headers = {"Authorization": "api-key", "Content-Type": "application/json"}
    targeting = json.load(urllib.request.urlopen(urllib.request.Request(path, headers=headers)))
    instruction = {"kind": "updateFallthroughVariationOrRollout", "variationId": targeting["variations"][1]["_id"]}
    body = json.dumps({"environmentKey": served["environment"], "instructions": [instruction]}).encode()
    urllib.request.urlopen(urllib.request.Request(path, body, headers, method="PATCH"))
    assert changed.wait(5), "the change did not reach the SDK"
    deadline = time.time() + 10
    while status()["events_by_kind"].get("custom", 0) < 1:
        assert time.time() < deadline, status()
        time.sleep(0.1)
    assert status()["malformed_events"] == 0, status()
    client.close()


CHECKS = {
    "anthropic": check_anthropic,
    "openai": check_openai,
    "mistralai": check_mistral,
    "launchdarkly-server-sdk": check_launchdarkly,
}
failed = 0
try:
    for name, check in CHECKS.items():
        try:
            check()
            print(f"ok      {name} {version(name)}")
        except Exception as error:  # every client is tried, whatever became of the one before
            failed += 1
            print(f"FAILED  {name} {version(name)}: {type(error).__name__}: {error}")
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
