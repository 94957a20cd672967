"""The vendors' own Python clients against faults of `simlab serve`: they recover as their makers say, and are graded.

Usage: python faults.py PATH_TO_SIMLAB; needs openai, anthropic, mistralai, google-genai, boto3 and
launchdarkly-server-sdk from PyPI.
"""

import json
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]
QUESTION = [{"role": "user", "content": "Can you explain Q-Learning?"}]


def call(path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    text = urllib.request.urlopen(urllib.request.Request(f"{base}/_simlab/{path}", data, {"content-type": "application/json"}, method=method)).read()
    return json.loads(text) if text else None


def faults(*rules):
    """Starts over with these faults."""
    call("reset", "POST")
    call("faults", "PUT", {"faults": list(rules)})


def found():
    return {finding["code"]: finding["count"] for finding in call("status")["client"]}


def hits():
    return [rule["hits"] for rule in call("status")["faults"]]


# What a client with two retries gets over: a refusal with a time to wait, then an overload.
BURST = [{"fault": "rate_limited", "retry_after": "1s", "next": 1}, {"fault": "overloaded", "next": 1}]


def check_anthropic():
    import anthropic

    client = anthropic.Anthropic(api_key="key", base_url=base)
    ask = {"model": "claude-3-5-haiku-20241022", "max_tokens": 200, "messages": QUESTION}
    faults(*BURST)
    assert client.messages.create(**ask).content[0].text
    assert hits() == [1, 1] and found() == {}, found()
    faults({"fault": "server_error", "next": 1}, {"fault": "cut", "next": 1})
    assert client.messages.create(**ask).content[0].text, "an answer that broke off is asked for again"
    assert hits() == [1, 1] and found() == {}, found()
    faults({"fault": "timeout", "next": 1})
    assert client.with_options(timeout=0.5).messages.create(**ask).content[0].text
    faults({"fault": "overloaded", "next": 5})
    try:
        client.messages.create(**ask)
        raise AssertionError("five overloads were got over with two retries")
    except anthropic.InternalServerError as error:
        assert error.status_code == 529
    faults({"fault": "rate_limited", "next": 1, "retry_after": "3s"})
    try:
        client.with_options(max_retries=0).messages.create(**ask)
        raise AssertionError("a rate limit was not told")
    except anthropic.RateLimitError as error:
        assert error.response.headers["retry-after"] == "3"
    faults({"fault": "cut", "next": 1})
    try:
        with client.messages.stream(**ask) as stream:
            stream.get_final_message()
        raise AssertionError("a cut stream was taken as whole")
    except Exception as error:
        assert not isinstance(error, AssertionError), error


def check_openai():
    import openai

    client = openai.OpenAI(api_key="key", base_url=f"{base}/v1")
    ask = {"model": "gpt-4o", "messages": QUESTION}
    faults(*BURST)
    assert client.chat.completions.create(**ask).choices[0].message.content
    assert hits() == [1, 1] and found() == {}, found()
    faults({"fault": "server_error", "status": 502, "next": 2, "on": ["embeddings"]})
    assert len(client.embeddings.create(model="text-embedding-3-small", input="x").data) == 1
    assert found() == {}, found()
    faults({"fault": "cut", "next": 1})
    try:
        list(client.chat.completions.create(**ask, stream=True))
        raise AssertionError("a cut stream was taken as whole")
    except Exception as error:
        assert not isinstance(error, AssertionError), error
    faults({"fault": "malformed", "next": 1})
    try:
        list(client.chat.completions.create(**ask, stream=True))
        raise AssertionError("malformed JSON was read")
    except Exception as error:
        assert not isinstance(error, AssertionError), error


def check_mistral():
    try:
        from mistralai import Mistral, utils
    except ImportError:
        from mistralai.client import Mistral, utils

    retry = utils.RetryConfig("backoff", utils.BackoffStrategy(500, 4000, 1.5, 20000), True)
    client = Mistral(api_key="key", server_url=f"{base}/mistral", retry_config=retry)
    faults(*BURST)
    assert client.chat.complete(model="mistral-small-latest", messages=QUESTION).choices[0].message.content
    assert hits() == [1, 1] and found() == {}, found()


def check_google():
    from google import genai
    from google.genai import errors, types

    ask = {"model": "gemini-3.5-flash", "contents": QUESTION[0]["content"]}
    retries = types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    # A client that nobody holds is closed, also while its models are in use.
    patient = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=base, retry_options=retries))
    faults(*BURST)
    assert patient.models.generate_content(**ask).text
    assert hits() == [1, 1] and found() == {}, found()
    # Without options it asks once.
    hasty = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=base))
    models = hasty.models
    faults({"fault": "rate_limited", "next": 1, "retry_after": "3s"})
    try:
        models.generate_content(**ask)
        raise AssertionError("a rate limit was not told")
    except errors.ClientError as error:
        assert error.code == 429 and "3s" in str(error), error
    for fault in ("cut", "malformed", "stream_error"):
        faults({"fault": fault, "next": 1, "after_events": 1})
        try:
            list(models.generate_content_stream(**ask))
            raise AssertionError(f"a stream with the fault {fault} was taken as whole")
        except Exception as error:
            assert not isinstance(error, AssertionError), error


def check_bedrock():
    import boto3
    import botocore.config
    import botocore.exceptions

    ask = {"modelId": "amazon.nova-pro-v1:0", "messages": [{"role": "user", "content": [{"text": QUESTION[0]["content"]}]}]}

    def client(attempts):
        config = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=0.5)
        return boto3.client("bedrock-runtime", endpoint_url=base, region_name="us-east-1", aws_access_key_id="AKID", aws_secret_access_key="secret", config=config)

    faults(*BURST)
    assert client(3).converse(**ask)["output"]
    assert hits() == [1, 1]
    faults({"fault": "timeout", "next": 1})
    assert client(2).converse(**ask)["output"]
    faults({"fault": "rate_limited", "next": 1, "retry_after": "3s"})
    try:
        client(1).converse(**ask)
        raise AssertionError("a rate limit was not told")
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "ThrottlingException"
    # Not `malformed`: botocore 1.44 reads an event whose JSON is broken as an empty one.
    for fault in ("cut", "stream_error"):
        faults({"fault": fault, "next": 1, "after_events": 1})
        try:
            list(client(1).converse_stream(**ask)["stream"])
            raise AssertionError(f"a stream with the fault {fault} was taken as whole")
        except Exception as error:
            assert not isinstance(error, AssertionError), error


def check_launchdarkly():
    import ldclient
    from ldclient.config import Config

    faults(
        {"fault": "server_error", "status": 503, "next": 1, "on": ["launchdarkly-sdk"]},
        {"fault": "cut", "next": 1, "on": ["events"]},
    )
    key = call("status")["launchdarkly"]["sdk_key"]
    client = ldclient.LDClient(Config(key, base_uri=base, stream_uri=base, events_uri=base), start_wait=15)
    assert client.is_initialized(), "a stream that was refused is opened again"
    context = ldclient.Context.builder("user_1").set("country", "US").set("plan", "paid").build()
    client.variation("support-agent", context, {})
    client.track("ai_cost_per_request", context, {"configKey": "support-agent"}, 0.01)
    client.flush()
    deadline = time.time() + 15
    while call("status")["repeated_payloads"] < 1:
        assert time.time() < deadline, call("status")
        time.sleep(0.1)
    status = call("status")
    # The answer was lost, so the payload came again, and counts once.
    assert status["events_by_kind"]["custom"] == 1 and found() == {}, status
    client.close()


CHECKS = {
    "anthropic": check_anthropic,
    "openai": check_openai,
    "mistralai": check_mistral,
    "google-genai": check_google,
    "boto3": check_bedrock,
    "launchdarkly-server-sdk": check_launchdarkly,
}
failed = 0
try:
    for name, check in CHECKS.items():
        try:
            check()
            print(f"ok      {name} {version(name)}, faults")
        except Exception as error:  # every client is tried, whatever became of the one before
            failed += 1
            print(f"FAILED  {name} {version(name)}, faults: {type(error).__name__}: {error}")
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
