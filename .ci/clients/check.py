"""The vendors' own Python clients against `simlab serve`: each check is an assertion, and each is named in the table.

Usage: python check.py PATH_TO_SIMLAB; needs openai, anthropic, mistralai, google-genai, boto3,
launchdarkly-server-sdk, launchdarkly-server-sdk-ai and launchdarkly-api from PyPI (`.ci/clients/run` installs the newest).
"""

import base64
import json
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from importlib.metadata import version

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]

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
ROUTES = ("security_agent", "support_agent")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SEARCH = {"type": "object", "properties": {"query": {"type": "string"}, "top_k": {"type": "integer"}}, "required": ["query"]}


def call(path, method="GET", body=None, headers=None):
    """A plain request for what no client offers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"} | (headers or {}), method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def status():
    return call("/_simlab/status")


def faults(*rules):
    """Sets the faults that the server commits."""
    call("/_simlab/faults", "PUT", {"faults": list(rules)})


def until(what, done):
    deadline = time.time() + 10
    while not done():
        assert time.time() < deadline, f"{what}: {status()}"
        time.sleep(0.05)


def refused(error, ask):
    try:
        ask()
    except error as found:
        return found
    raise AssertionError(f"{error.__name__} did not come")


def retried(endpoint, failures, ask):
    """Each failure comes once; the client asks again by itself and gets its answer."""
    for failure in failures:
        faults(failure | {"on": [endpoint], "next": 1})
        before = status()["requests"]
        assert ask()
        assert status()["requests"] == before + 2, f"not retried once after {failure}"
    faults()


LIMITED = {"fault": "rate_limited", "retry_after": "1s"}
BROKEN = {"fault": "server_error", "status": 500}
OVERLOADED = {"fault": "overloaded"}


def check_anthropic(ok):
    import anthropic
    from pydantic import BaseModel

    class Topic(BaseModel):
        title: str
        hard: bool

    client = anthropic.Anthropic(api_key="key", base_url=base)
    model = "claude-3-5-haiku-20241022"
    plain = client.messages.create(model=model, max_tokens=200, messages=QUESTION)
    assert plain.content[0].type == "text" and plain.usage.output_tokens > 0
    ok("plain")
    with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text and final.content[0].text == text and final.usage.output_tokens > 0
    ok("streaming")
    tool = {"name": "PIIPreScreening", "description": "", "input_schema": SCHEMA}
    choice = {"type": "tool", "name": "PIIPreScreening"}
    forced = client.messages.create(model=model, max_tokens=500, messages=PERSONAL, tools=[tool], tool_choice=choice)
    assert forced.stop_reason == "tool_use" and forced.content[0].input["recommended_route"] in ROUTES
    with client.messages.stream(model=model, max_tokens=500, messages=PERSONAL, tools=[tool], tool_choice=choice) as stream:
        assert stream.get_final_message().content[0].input["recommended_route"] in ROUTES
    ok("forced tool, streamed too")
    search = {"name": "search_v1", "description": "searches", "input_schema": SEARCH}
    call_ = client.messages.create(model=model, max_tokens=500, messages=QUESTION, tools=[search], tool_choice={"type": "any"})
    use = next(block for block in call_.content if block.type == "tool_use")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "found"}]}
    turns = QUESTION + [{"role": "assistant", "content": call_.content}, result]
    after = client.messages.create(model=model, max_tokens=500, messages=turns, tools=[search], tool_choice={"type": "none"})
    assert after.content[0].type == "text"
    ok("tool result")
    parsed = client.messages.parse(model=model, max_tokens=500, messages=QUESTION, output_format=Topic)
    assert isinstance(parsed.parsed_output, Topic)
    ok("structured output")
    short = client.messages.create(model=model, max_tokens=5, messages=QUESTION)
    assert short.stop_reason == "max_tokens" and short.usage.output_tokens <= 5
    ok("token limit")
    assert any(card.id == model for card in client.models.list())
    ok("models")
    refused(anthropic.BadRequestError, lambda: client.messages.create(model=model, max_tokens=10, messages=[]))
    ok("bad request")
    retried("anthropic", [LIMITED, BROKEN, OVERLOADED], lambda: client.messages.create(model=model, max_tokens=50, messages=QUESTION).content)
    ok("retry after 429, 500, 529")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    seen = [{"role": "user", "content": [image, {"type": "text", "text": "What is this?"}]}]
    assert client.messages.create(model=model, max_tokens=50, messages=seen).usage.input_tokens == client.messages.count_tokens(model=model, messages=seen).input_tokens
    ok("image, count of tokens")
    batches, params = client.messages.batches, {"model": model, "max_tokens": 50, "messages": QUESTION}
    made = batches.create(requests=[{"custom_id": "a", "params": params}, {"custom_id": "b", "params": params | {"messages": []}}])
    assert made.processing_status == "in_progress" and made.request_counts.processing == 2
    ended = batches.retrieve(made.id)
    assert ended.processing_status == "ended" and (ended.request_counts.succeeded, ended.request_counts.errored) == (1, 1)
    results = {line.custom_id: line.result for line in batches.results(made.id)}
    assert results["a"].message.content[0].text and results["b"].error.error.type == "invalid_request_error"
    assert [batch.id for batch in batches.list()] == [made.id]
    second = batches.create(requests=[{"custom_id": "a", "params": params}])
    assert batches.cancel(second.id).processing_status == "canceling" and batches.retrieve(second.id).request_counts.canceled == 1
    assert batches.delete(second.id).type == "message_batch_deleted"
    ok("batches")


def check_google(ok):
    from google import genai
    from google.genai import errors, types
    from pydantic import BaseModel

    class Topic(BaseModel):
        title: str
        hard: bool

    client = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=base))
    models, model, config = client.models, "gemini-3.5-flash", types.GenerateContentConfig
    question = QUESTION[0]["content"]
    plain = models.generate_content(model=model, contents=question, config=config(system_instruction="Be brief.", thinking_config=types.ThinkingConfig(thinking_level="low")))
    usage = plain.usage_metadata
    assert plain.text and plain.candidates[0].finish_reason == "STOP" and plain.model_version == model
    assert usage.prompt_token_count + usage.candidates_token_count == usage.total_token_count
    ok("plain")
    chunks = list(models.generate_content_stream(model=model, contents=question))
    assert "".join(chunk.text or "" for chunk in chunks) and chunks[-1].candidates[0].finish_reason == "STOP"
    ok("streaming")
    declared = types.Tool(function_declarations=[types.FunctionDeclaration(name="search_v1", description="searches", parameters_json_schema=SEARCH)])
    calling = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["search_v1"])
    forced = models.generate_content(model=model, contents=question, config=config(tools=[declared], tool_config=types.ToolConfig(function_calling_config=calling)))
    called = forced.function_calls[0]
    assert called.name == "search_v1" and called.args["query"] and called.id
    result = types.Content(role="user", parts=[types.Part.from_function_response(name="search_v1", response={"result": "found"})])
    turns = [types.Content(role="user", parts=[types.Part(text=question)]), forced.candidates[0].content, result]
    assert models.generate_content(model=model, contents=turns).text
    ok("forced tool, its result")
    asked = []

    def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return "sunny"

    calling = types.FunctionCallingConfig(mode="ANY")
    automatic = types.AutomaticFunctionCallingConfig(maximum_remote_calls=2)
    client.chats.create(model=model, config=config(tools=[get_weather], tool_config=types.ToolConfig(function_calling_config=calling), automatic_function_calling=automatic)).send_message("What is the weather in Paris?")
    assert asked and isinstance(asked[0], str)
    ok("automatic function calling")
    for typed in ({"response_schema": Topic}, {"response_json_schema": Topic.model_json_schema()}):
        parsed = models.generate_content(model=model, contents=question, config=config(response_mime_type="application/json", **typed)).parsed
        assert Topic.model_validate(parsed if isinstance(parsed, dict) else parsed.model_dump())
    ok("structured output, both kinds of schema")
    short = models.generate_content(model=model, contents=question, config=config(max_output_tokens=5))
    assert short.candidates[0].finish_reason == "MAX_TOKENS" and short.usage_metadata.candidates_token_count <= 5
    ok("token limit")
    assert models.count_tokens(model=model, contents=question).total_tokens > 0
    one = models.embed_content(model="gemini-embedding-001", contents="a policy gradient")
    two = models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=types.EmbedContentConfig(output_dimensionality=8))
    assert len(one.embeddings[0].values) == 3072 and [len(vector.values) for vector in two.embeddings] == [8, 8]
    ok("count of tokens, embeddings")
    seen = [question, types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")]
    assert models.count_tokens(model=model, contents=seen).total_tokens == models.generate_content(model=model, contents=seen).usage_metadata.prompt_token_count > 258
    ok("image")
    assert any(card.name == f"models/{model}" for card in models.list()) and models.get(model=model).output_token_limit > 0
    ok("models")
    chat = client.chats.create(model=model)
    assert chat.send_message(question).text and chat.send_message("And why?").text and len(chat.get_history()) == 4
    ok("chat of two turns")
    wrong = refused(errors.ClientError, lambda: models.generate_content(model=model, contents=question, config=config(temperature=9)))
    assert (wrong.code, wrong.status) == (400, "INVALID_ARGUMENT")
    assert refused(errors.ClientError, lambda: models.generate_content(model="gemini-99", contents=question)).status == "NOT_FOUND"
    faults(LIMITED | {"on": ["google"], "next": 1})
    assert refused(errors.ClientError, lambda: models.generate_content(model=model, contents=question)).code == 429
    faults(OVERLOADED | {"on": ["google"], "next": 1})
    assert refused(errors.ServerError, lambda: models.generate_content(model=model, contents=question)).code == 503
    faults()
    ok("400, 404, 429, 503")
    patient = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=base, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.1)))
    retried("google", [LIMITED, BROKEN, OVERLOADED], lambda: patient.models.generate_content(model=model, contents=question).text)
    ok("retry after 429, 500, 503, where asked for")


def check_bedrock(ok):
    import boto3
    import botocore.config
    import botocore.exceptions

    def client(service="bedrock-runtime", attempts=1):
        config = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": attempts})
        return boto3.client(service, endpoint_url=base, region_name="us-east-1", aws_access_key_id="AKID", aws_secret_access_key="secret", config=config)

    runtime, model = client(), "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    question = [{"role": "user", "content": [{"text": QUESTION[0]["content"]}]}]
    plain = runtime.converse(modelId=model, messages=question, system=[{"text": "Be brief."}], inferenceConfig={"maxTokens": 500, "temperature": 0.5})
    usage = plain["usage"]
    assert plain["output"]["message"]["content"][0]["text"] and plain["stopReason"] == "end_turn" and plain["metrics"]["latencyMs"] > 0
    assert usage["inputTokens"] + usage["outputTokens"] == usage["totalTokens"] and plain["ResponseMetadata"]["RequestId"]
    ok("plain")
    events = list(runtime.converse_stream(modelId=model, messages=question)["stream"])
    assert [next(iter(event)) for event in events[-3:]] == ["contentBlockStop", "messageStop", "metadata"] and "messageStart" in events[0]
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0
    ok("streaming")
    tools = {"tools": [{"toolSpec": {"name": "search_v1", "description": "searches", "inputSchema": {"json": SEARCH}}}]}
    forced = runtime.converse(modelId=model, messages=question, toolConfig=tools | {"toolChoice": {"any": {}}})
    use = next(block["toolUse"] for block in forced["output"]["message"]["content"] if "toolUse" in block)
    assert forced["stopReason"] == "tool_use" and use["input"]["query"]
    pieces = [event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in runtime.converse_stream(modelId=model, messages=question, toolConfig=tools | {"toolChoice": {"any": {}}})["stream"] if "toolUse" in event.get("contentBlockDelta", {}).get("delta", {})]
    assert json.loads("".join(pieces))["query"]
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"json": {"found": "a page"}}]}}
    turns = question + [forced["output"]["message"], {"role": "user", "content": [result]}]
    assert runtime.converse(modelId=model, messages=turns, toolConfig=tools)["stopReason"] in ("end_turn", "tool_use")
    ok("forced tool, streamed too, its result")
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "screening"}}}}
    personal = [{"role": "user", "content": [{"text": PERSONAL[0]["content"]}]}]
    typed = runtime.converse(modelId=model, messages=personal, outputConfig=form)
    assert json.loads(typed["output"]["message"]["content"][0]["text"])["recommended_route"] in ROUTES
    ok("structured output")
    counted = runtime.count_tokens(modelId=model, input={"converse": {"messages": question}})["inputTokens"]
    pixel = base64.b64decode(PIXEL)
    seen = [{"role": "user", "content": question[0]["content"] + [{"image": {"format": "png", "source": {"bytes": pixel}}}]}]
    assert runtime.converse(modelId=model, messages=seen)["usage"]["inputTokens"] == counted + 1
    ok("count of tokens, image")
    body = runtime.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "a policy", "dimensions": 256}))["body"]
    assert len(json.loads(body.read())["embedding"]) == 256
    cards = client("bedrock").list_foundation_models()["modelSummaries"]
    assert any(card["modelId"] == "amazon.nova-pro-v1:0" for card in cards)
    assert client("bedrock").get_foundation_model(modelIdentifier="amazon.nova-pro-v1:0")["modelDetails"]["modelLifecycle"]["status"] == "ACTIVE"
    ok("embeddings, models")
    short = runtime.converse(modelId=model, messages=question, inferenceConfig={"maxTokens": 5})
    assert short["stopReason"] == "max_tokens" and short["usage"]["outputTokens"] <= 5
    ok("token limit")
    wrong = refused(runtime.exceptions.ValidationException, lambda: runtime.converse(modelId=model, messages=question * 2))
    assert "must alternate" in wrong.response["Error"]["Message"]
    refused(runtime.exceptions.ValidationException, lambda: runtime.converse(modelId="amazon.nova-9-v1:0", messages=question))
    ok("bad request, unknown model")
    for fault, error in ((LIMITED, "ThrottlingException"), (BROKEN, "InternalServerException"), (OVERLOADED, "ServiceUnavailableException")):
        faults(fault | {"on": ["bedrock"], "next": 1})
        assert refused(botocore.exceptions.ClientError, lambda: runtime.converse(modelId=model, messages=question)).response["Error"]["Code"] == error
    faults({"fault": "stream_error", "on": ["bedrock"], "next": 1})
    refused(botocore.exceptions.EventStreamError, lambda: list(runtime.converse_stream(modelId=model, messages=question)["stream"]))
    faults()
    ok("429, 500, 503, error in a stream")
    patient = client(attempts=3)
    retried("bedrock", [LIMITED, BROKEN, OVERLOADED], lambda: patient.converse(modelId=model, messages=question)["output"])
    ok("retry after 429, 500, 503")


def check_openai(ok):
    import openai
    from pydantic import BaseModel

    class Topic(BaseModel):
        title: str
        hard: bool

    client = openai.OpenAI(api_key="key", base_url=f"{base}/v1")
    chat = client.chat.completions
    plain = chat.create(model="gpt-4o", messages=QUESTION)
    assert plain.choices[0].message.content and plain.usage.total_tokens > 0
    ok("plain")
    chunks = list(chat.create(model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    with chat.stream(model="gpt-4o", messages=QUESTION) as stream:
        assert stream.get_final_completion().choices[0].message.content
    ok("streaming")
    function = {"type": "function", "function": {"name": "search_v1", "description": "searches", "parameters": SEARCH}}
    forced = chat.create(model="gpt-4o", messages=QUESTION, tools=[function], tool_choice="required")
    made = forced.choices[0].message.tool_calls[0]
    assert "query" in json.loads(made.function.arguments) and forced.choices[0].finish_reason == "tool_calls"
    ok("forced tool")
    turns = QUESTION + [
        forced.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": made.id, "content": "found"},
    ]
    answered = chat.create(model="gpt-4o", tools=[function], tool_choice="none", messages=turns)
    assert answered.choices[0].message.content and not answered.choices[0].message.tool_calls
    ok("tool result")
    form = {"type": "json_schema", "json_schema": {"name": "screening", "schema": SCHEMA, "strict": True}}
    structured = chat.create(model="gpt-4o", messages=PERSONAL, response_format=form)
    assert json.loads(structured.choices[0].message.content)["recommended_route"] in ROUTES
    assert isinstance(chat.parse(model="gpt-4o", messages=QUESTION, response_format=Topic).choices[0].message.parsed, Topic)
    ok("structured output")
    vectors = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert [len(entry.embedding) for entry in vectors.data] == [1536, 1536]
    ok("embeddings")
    assert any(card.id == "gpt-4o" for card in client.models.list())
    ok("models")
    refused(openai.BadRequestError, lambda: chat.create(model="gpt-4o", messages=[]))
    ok("bad request")
    retried("openai", [LIMITED, BROKEN, OVERLOADED], lambda: chat.create(model="gpt-4o", messages=QUESTION).choices)
    ok("retry after 429, 500, 503")
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    seen = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]
    assert chat.create(model="gpt-4o", messages=seen).usage.prompt_tokens > 255
    assert "image_url" in str(refused(openai.BadRequestError, lambda: chat.create(model="gpt-3.5-turbo", messages=seen)))
    ok("image")
    lines = [{"custom_id": f"r{nth}", "method": "POST", "url": "/v1/chat/completions", "body": {"model": model, "messages": QUESTION}} for nth, model in enumerate(("gpt-4o", "gpt-99"))]
    sent = client.files.create(file=("in.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
    made = client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"})
    ended = client.batches.retrieve(made.id)
    assert (made.status, ended.status) == ("validating", "completed") and (ended.request_counts.completed, ended.request_counts.failed) == (1, 1)
    answer = json.loads(client.files.content(ended.output_file_id).text)
    assert answer["custom_id"] == "r0" and answer["response"]["body"]["choices"][0]["message"]["content"]
    assert json.loads(client.files.content(ended.error_file_id).text)["response"]["status_code"] == 404
    second = client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.cancel(second.id).status == "cancelling" and client.batches.retrieve(second.id).status == "cancelled"
    assert [batch.id for batch in client.batches.list()] == [second.id, made.id]
    assert len(list(client.files.list())) == 3 and client.files.delete(sent.id).deleted
    refused(openai.NotFoundError, lambda: client.files.retrieve(sent.id))
    ok("files, batches")


def check_mistral(ok):
    from pydantic import BaseModel

    try:
        from mistralai.client import Mistral
        from mistralai.client.utils import BackoffStrategy, RetryConfig
    except ImportError:
        from mistralai import Mistral
        from mistralai.utils import BackoffStrategy, RetryConfig

    class Topic(BaseModel):
        title: str
        hard: bool

    client = Mistral(api_key="key", server_url=f"{base}/mistral")
    model = "mistral-small-latest"
    plain = client.chat.complete(model=model, messages=QUESTION)
    assert plain.choices[0].message.content and plain.usage.completion_tokens > 0
    ok("plain")
    chunks = [event.data for event in client.chat.stream(model=model, messages=QUESTION)]
    assert chunks[-1].usage.completion_tokens > 0 and chunks[-1].choices[0].finish_reason == "stop"
    ok("streaming")
    function = {"type": "function", "function": {"name": "PIIPreScreening", "description": "", "parameters": SCHEMA}}
    forced = client.chat.complete(model=model, messages=PERSONAL, tools=[function], tool_choice="any")
    arguments = forced.choices[0].message.tool_calls[0].function.arguments
    assert (json.loads(arguments) if isinstance(arguments, str) else arguments)["recommended_route"] in ROUTES
    ok("forced tool")
    parsed = client.chat.parse(model=model, messages=QUESTION, response_format=Topic)
    assert isinstance(parsed.choices[0].message.parsed, Topic)
    ok("structured output")
    assert any(card.id == model for card in client.models.list().data)
    ok("models")
    # This client retries only when it is told to.
    patience = RetryConfig("backoff", BackoffStrategy(100, 1000, 1.5, 10_000), True)
    retried("mistral", [LIMITED, BROKEN], lambda: client.chat.complete(model=model, messages=QUESTION, retries=patience).choices)
    ok("retry after 429, 500")


def launchdarkly():
    """A client with its stream open, and what is served."""
    import ldclient
    from ldclient.config import Config

    served = status()["launchdarkly"]
    client = ldclient.LDClient(Config(served["sdk_key"], base_uri=base, stream_uri=base, events_uri=base), start_wait=10)
    assert client.is_initialized()
    context = ldclient.Context.builder("user_1").set("country", "US").set("plan", "paid").set("region", "other").build()
    return client, context, served


def check_launchdarkly_sdk(ok):
    client, context, served = launchdarkly()
    ok("stream opens")
    value = client.variation("support-agent", context, {})
    assert value["_ldMeta"]["enabled"] and value["model"]["name"]
    detail = client.variation_detail("security-agent", context, {})
    assert detail.reason["inExperiment"], detail.reason
    ok("evaluation")
    changed = threading.Event()
    client.flag_tracker.add_listener(lambda change: changed.set() if change.key == "security-agent" else None)
    path = f"/api/v2/projects/{served['project']}/ai-configs/security-agent/targeting"
    headers = {"Authorization": "api-key"}
    variations = call(path, headers=headers)["variations"]
    instruction = {"kind": "updateFallthroughVariationOrRollout", "variationId": variations[1]["_id"]}
    call(path, "PATCH", {"environmentKey": served["environment"], "instructions": [instruction]}, headers)
    assert changed.wait(5), "the change did not reach the SDK"
    ok("change over REST")
    faults(BROKEN | {"on": ["events"], "next": 1})
    client.track("ai_cost_per_request", context, {"configKey": "support-agent"}, 0.01)
    client.flush()
    until("no event after a 500", lambda: status()["events_by_kind"].get("custom", 0) == 1)
    faults()
    ok("events, retry after 500")
    assert status()["malformed_events"] == 0 and status()["events_by_kind"].get("feature", 0) >= 1
    client.close()


def check_launchdarkly_ai(ok):
    from ldai.client import LDAIClient
    from ldai.tracker import FeedbackKind, TokenUsage

    client, context, _ = launchdarkly()
    ai = LDAIClient(client)
    before = status()["events_by_kind"].get("custom", 0)
    agent = ai.agent_config("support-agent", context)
    assert agent.enabled and agent.model.name and agent.provider.name and agent.instructions and agent.tools
    ok("agent config")
    tracker = agent.create_tracker()
    tracker.track_success()
    tracker.track_duration(1200)
    tracker.track_tokens(TokenUsage(30, 20, 10))
    tracker.track_feedback({"kind": FeedbackKind.Positive})
    client.flush()
    until("no tracked events", lambda: status()["events_by_kind"].get("custom", 0) >= before + 6)
    assert status()["malformed_events"] == 0
    ok("tracking")
    client.close()


def check_launchdarkly_graph(ok):
    import launchdarkly_api as rest
    from ldai.client import LDAIClient
    from ldai.tracker import TokenUsage

    client, context, served = launchdarkly()
    api = rest.ApiClient(rest.Configuration(host=base, api_key={"ApiKey": "api-key"}))
    # The client's own default header hides the argument, so both are set.
    api.default_headers["LD-API-Version"] = "beta"
    agents, where = rest.AgentControlApi(api), {"ld_api_version": "beta", "project_key": served["project"]}
    changed = threading.Event()
    client.flag_tracker.add_listener(lambda change: changed.set() if change.key == "chatbot-flow" else None)
    ways = [("supervisor-agent", "security-agent"), ("supervisor-agent", "support-agent"), ("security-agent", "support-agent")]
    edges = [rest.AgentGraphEdgePost(key=f"{a}-{b}", source_config=a, target_config=b, handoff={"route": b}) for a, b in ways]
    new = rest.AgentGraphPost(key="chatbot-flow", name="Flow", root_config_key="supervisor-agent", edges=edges)
    agents.post_agent_graph(agent_graph_post=new, **where)
    listed = agents.list_agent_graphs(**where)
    assert [one.key for one in listed.items] == ["chatbot-flow"] and len(listed.items[0].edges) == 3
    assert changed.wait(5), "the graph did not reach the SDK"
    ok("created over REST")
    before = status()["events_by_kind"]
    graph = LDAIClient(client).agent_graph("chatbot-flow", context)
    assert graph.is_enabled()
    seen = []
    graph.traverse(lambda node, _: seen.append((node.get_key(), [edge.handoff["route"] for edge in node.get_edges()])))
    assert seen[0] == ("supervisor-agent", ["security-agent", "support-agent"]) and seen[-1] == ("support-agent", []), seen
    ok("walked")
    tracker = graph.create_tracker()
    tracker.track_duration(1200)
    tracker.track_invocation_success()
    tracker.track_path([key for key, _ in seen])
    tracker.track_total_tokens(TokenUsage(30, 20, 10))
    client.flush()
    until("no tracked events", lambda: status()["events_by_kind"].get("custom", 0) >= before.get("custom", 0) + 4)
    # Whoever fetches a graph is exposed to the experiments on all of its agents.
    assert status()["events_by_kind"]["feature"] > before.get("feature", 0)
    assert status()["malformed_events"] == 0
    ok("graph events, exposures")
    agents.patch_agent_graph(graph_key="chatbot-flow", agent_graph_patch=rest.AgentGraphPatch(name="Renamed"), **where)
    assert agents.get_agent_graph(graph_key="chatbot-flow", **where).name == "Renamed"
    agents.delete_agent_graph(graph_key="chatbot-flow", **where)
    refused(rest.exceptions.NotFoundException, lambda: agents.get_agent_graph(graph_key="chatbot-flow", **where))
    api.default_headers["LD-API-Version"] = "20240415"
    refused(rest.exceptions.ForbiddenException, lambda: agents.list_agent_graphs(**where))
    ok("changed, removed, beta only")
    client.close()


def check_launchdarkly_flags(ok):
    import launchdarkly_api as rest
    from ldai.client import LDAIClient

    client, context, served = launchdarkly()
    project, api = served["project"], rest.ApiClient(rest.Configuration(host=base, api_key={"ApiKey": "api-key"}))
    flags = rest.FeatureFlagsApi(api)
    changed = threading.Event()
    client.flag_tracker.add_listener(lambda change: changed.set() if change.key == "dark" else None)
    available = rest.ClientSideAvailabilityPost(using_environment_id=True, using_mobile_key=False)
    made = flags.post_feature_flag(project, rest.FeatureFlagBody(name="Dark", key="dark", client_side_availability=available))
    assert made.kind == "boolean" and not made.environments["production"].on
    on = rest.PatchOperation(op="replace", path="/environments/production/on", value=True)
    assert flags.patch_feature_flag(project, "dark", rest.PatchWithComment(patch=[on])).environments["production"].on
    assert changed.wait(5), "the flag did not reach the SDK"
    until("not on", lambda: client.variation("dark", context, False) is True)
    assert client.all_flags_state(context, client_side_only=True).get_flag_value("dark") is True
    ok("created, switched, evaluated")
    client.flush()
    until("no status", lambda: flags.get_feature_flag_status(project, "production", "dark").name == "active")
    assert rest.AuditLogApi(api).get_audit_log_entries(limit=1).items[0].name == "dark"
    flags.delete_feature_flag(project, "dark")
    refused(rest.exceptions.NotFoundException, lambda: flags.get_feature_flag(project, "dark"))
    ok("status, audit log, removed")
    agents = rest.AgentControlApi(api)
    agents.post_ai_config(project, rest.AIConfigPost(key="chat", name="Chat", mode="completion"))
    judges = {"judges": [{"judgeConfigKey": "relevance-judge", "samplingRate": 1}]}
    body = {"key": "a", "name": "A", "modelConfigKey": "OpenAI.gpt-4o", "messages": [{"role": "system", "content": "Hi"}], "judgeConfiguration": judges}
    path, headers = f"/api/v2/projects/{project}/ai-configs/chat", {"Authorization": "api-key"}
    call(f"{path}/variations", "POST", body, headers)
    variations = call(f"{path}/targeting", headers=headers)["variations"]
    serve = {"kind": "updateFallthroughVariationOrRollout", "variationId": variations[1]["_id"]}
    call(f"{path}/targeting", "PATCH", {"environmentKey": served["environment"], "instructions": [serve]}, headers)
    ai = LDAIClient(client)
    until("no judge", lambda: (ai.completion_config("chat", context).judge_configuration or judges) is not judges)
    attached = ai.completion_config("chat", context).judge_configuration.judges
    assert [(judge.key, judge.sampling_rate) for judge in attached] == [("relevance-judge", 1)], attached
    agents.delete_ai_config(project, "chat")
    ok("judges")
    client.close()


def check_launchdarkly_api(ok):
    import launchdarkly_api as rest

    served = status()["launchdarkly"]
    project, environment = served["project"], served["environment"]
    client = rest.ApiClient(rest.Configuration(host=base, api_key={"ApiKey": "api-key"}))
    agents = rest.AgentControlApi(client)
    config = agents.get_ai_config(project_key=project, config_key="support-agent")
    assert config.key == "support-agent" and config.variations
    assert agents.get_ai_config_targeting(project_key=project, config_key="support-agent").environments
    assert agents.list_ai_tools(project_key=project).items
    ok("AI configs, targeting, tools")
    projects = rest.ProjectsApi(client)
    assert any(one.key == project for one in projects.get_projects().items)
    projects.post_project(rest.ProjectPost(name="Other", key="other"))
    assert refused(rest.exceptions.ConflictException, lambda: projects.post_project(rest.ProjectPost(name="Other", key="other"))).status == 409
    ok("projects, conflict")
    assert rest.SegmentsApi(client).get_segments(project_key=project, environment_key=environment).items
    assert rest.MetricsApi(client).get_metrics(project_key=project).items
    ok("segments, metrics")
    experiments = rest.ExperimentsApi(client)
    first = experiments.get_experiments(project_key=project, environment_key=environment).items[0]
    one = experiments.get_experiment(project_key=project, environment_key=environment, experiment_key=first.key)
    assert one.current_iteration.status == "running"
    ok("experiments")
    refused(rest.exceptions.NotFoundException, lambda: agents.get_ai_config(project_key=project, config_key="none"))
    ok("not found")


CHECKS = {
    "google-genai": check_google,
    "boto3": check_bedrock,
    "openai": check_openai,
    "anthropic": check_anthropic,
    "mistralai": check_mistral,
    "launchdarkly-server-sdk": check_launchdarkly_sdk,
    "launchdarkly-server-sdk-ai": check_launchdarkly_ai,
    "launchdarkly-api": check_launchdarkly_api,
    "launchdarkly agent graph": check_launchdarkly_graph,
    "launchdarkly flags": check_launchdarkly_flags,
}
# Checks that are about two packages are named by the one whose version counts.
PACKAGES = {"launchdarkly agent graph": "launchdarkly-server-sdk-ai", "launchdarkly flags": "launchdarkly-server-sdk"}
failed = 0
print(f"{'client':28} {'version':10} checks passed")
try:
    for name, check in CHECKS.items():
        passed = []
        try:
            check(passed.append)
            print(f"{name:28} {version(PACKAGES.get(name, name)):10} {len(passed)}: {'; '.join(passed)}")
        except Exception:  # every client is tried, whatever became of the one before
            failed += 1
            print(f"{name:28} {version(PACKAGES.get(name, name)):10} FAILED after {'; '.join(passed) or 'nothing'}")
            traceback.print_exc(file=sys.stdout)
            faults()
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
