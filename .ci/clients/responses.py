"""OpenAI's own client and the agent frameworks that speak the Responses format, against `simlab serve`: hello, stream, tools, typed answers.

Usage: python responses.py PATH_TO_SIMLAB; needs openai, openai-agents, pydantic-ai-slim[openai], langchain and langchain-openai from
PyPI (`.ci/clients/run` installs the versions of .ci/lock/clients.txt).
"""

import asyncio
import json
import os
import subprocess
import sys
import traceback
from importlib.metadata import version

from pydantic import BaseModel

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]
os.environ.update(OPENAI_BASE_URL=f"{base}/v1", OPENAI_API_KEY="key", OPENAI_AGENTS_DISABLE_TRACING="1")

QUESTION = "What is the weather in Paris?"
MODELS = ("gpt-4o", "gpt-5")  # the second one reasons
cities = []


class Weather(BaseModel):
    city: str
    degrees: int


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    cities.append(city)
    return "sunny"


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOL = {"type": "function", "name": "get_weather", "description": get_weather.__doc__, "parameters": PARAMETERS, "strict": True}


def called():
    """Whether the tool was called since this was last asked."""
    found = bool(cities)
    cities.clear()
    return found


def check_openai(ok):
    import openai

    client = openai.OpenAI(max_retries=0)
    responses = client.responses
    for model in MODELS:
        plain = responses.create(model=model, input=QUESTION)
        assert plain.output_text and plain.usage.total_tokens > 0 and plain.status == "completed"
        with responses.stream(model=model, input=QUESTION, text_format=Weather) as stream:
            events = list(stream)
        assert events[-1].type == "response.completed" and isinstance(stream.get_final_response().output_parsed, Weather)
        assert isinstance(responses.parse(model=model, input=QUESTION, text_format=Weather).output_parsed, Weather)
        with responses.stream(model=model, input=QUESTION, tools=[TOOL], tool_choice="required") as stream:
            list(stream)
        asked = stream.get_final_response()
        made = next(item for item in asked.output if item.type == "function_call")
        assert "city" in json.loads(made.arguments)
        result = {"type": "function_call_output", "call_id": made.call_id, "output": "sunny"}
        history = [{"role": "user", "content": QUESTION}, *(item.model_dump(exclude_none=True) for item in asked.output), result]
        told = responses.create(model=model, input=history, tools=[TOOL])
        followed = responses.create(model=model, input=[result], previous_response_id=asked.id, tools=[TOOL])
        assert told.output_text and followed.usage.input_tokens == told.usage.input_tokens
    ok("plain, stream, typed, tools, previous_response_id")
    assert responses.retrieve(plain.id).output_text == plain.output_text
    assert len(responses.input_items.list(plain.id).data) == 1
    responses.delete(plain.id)
    try:
        responses.retrieve(plain.id)
        raise AssertionError("a deleted response was found")
    except openai.NotFoundError:
        pass
    conversation = client.conversations.create(items=[{"role": "user", "content": "Hello"}])
    responses.create(model="gpt-4o", conversation=conversation.id, input=QUESTION)
    assert len(list(client.conversations.items.list(conversation.id, limit=2))) == 3
    assert client.conversations.delete(conversation.id).deleted
    assert responses.input_tokens.count(model="gpt-4o", input=QUESTION).input_tokens > 0
    assert responses.create(model="gpt-4o", input=QUESTION, background=True).status == "queued"
    short = responses.create(model="gpt-4o", input="Explain Q-Learning at length.", max_output_tokens=16)
    assert short.status == "incomplete" and short.incomplete_details.reason == "max_output_tokens"
    events = list(responses.create(model="gpt-4o", input=QUESTION, stream=True))
    kept = events[0].response.id
    assert list(responses.retrieve(kept, stream=True)) == events
    assert list(responses.retrieve(kept, stream=True, starting_after=3)) == events[4:]
    ok("kept answers, streamed again from any event on, conversations, counting, background, token limit")


def check_agents(ok):
    from agents import Agent, ModelSettings, OpenAIConversationsSession, Runner, function_tool

    tool = function_tool(get_weather)

    async def check():
        # Without a model: the default one of the framework.
        for more in ({}, {"model": "gpt-4o"}):
            plain = Agent(name="plain", instructions="You help.", **more)
            assert (await Runner.run(plain, "Hello")).final_output
            streamed = Runner.run_streamed(plain, "Hello")
            assert [event async for event in streamed.stream_events()] and streamed.final_output
            for choice in (None, "required"):
                agent = Agent(name="a", tools=[tool], model_settings=ModelSettings(tool_choice=choice), **more)
                assert (await Runner.run(agent, QUESTION)).final_output and called()
            streamed = Runner.run_streamed(agent, QUESTION)
            assert [event async for event in streamed.stream_events()] and streamed.final_output and called()
            typed = Agent(name="typed", output_type=Weather, **more)
            assert isinstance((await Runner.run(typed, QUESTION)).final_output, Weather)
            both = Agent(name="both", output_type=Weather, tools=[tool], **more)
            assert isinstance((await Runner.run(both, QUESTION)).final_output, Weather) and called()
            refund = Agent(name="refund", instructions="You handle refunds.", **more)
            triage = Agent(name="triage", instructions="Hand over to the right agent.", handoffs=[refund], **more)
            assert (await Runner.run(triage, "I want a refund.")).last_agent.name == "refund"
            session = OpenAIConversationsSession()
            await Runner.run(agent, QUESTION, session=session)
            await Runner.run(agent, "And in Rome?", session=session)
            assert len(await session.get_items()) >= 6

    asyncio.run(check())
    ok("hello, stream, tools, typed, typed with tools, handoff, conversation")


def check_pydantic_ai(ok):
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIResponsesModel

    for name in MODELS:
        model = OpenAIResponsesModel(name)
        assert Agent(model, instructions="You help.").run_sync("Hello").output

        async def streamed():
            async with Agent(model).run_stream("Hello") as answer:
                return [text async for text in answer.stream_text(delta=True)]

        assert asyncio.run(streamed())
        agent = Agent(model)
        agent.tool_plain(get_weather)
        first = agent.run_sync(QUESTION)
        assert first.output and called()
        assert agent.run_sync("And in Rome?", message_history=first.all_messages()).output
        for form in (Weather, NativeOutput(Weather)):
            assert isinstance(Agent(model, output_type=form).run_sync(QUESTION).output, Weather)
        cities.clear()
        both = Agent(model, output_type=Weather)
        both.tool_plain(get_weather)
        assert isinstance(both.run_sync(QUESTION).output, Weather) and called()
    ok("hello, stream, tools, history, typed, typed with tools")


def check_langchain(ok):
    from langchain.agents import create_agent
    from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
    from langchain_openai import ChatOpenAI

    ways = (
        {"model": "gpt-4o", "use_responses_api": True},
        {"model": "gpt-5", "reasoning": {"effort": "low", "summary": "auto"}},
        {"model": "gpt-5", "use_responses_api": True, "store": False, "include": ["reasoning.encrypted_content"]},
    )
    question = {"messages": [{"role": "user", "content": QUESTION}]}
    for way in ways:
        model = ChatOpenAI(max_retries=0, **way)
        plain = model.invoke("Hello")
        assert plain.text and plain.usage_metadata["total_tokens"] > 0
        assert model.invoke([{"role": "user", "content": "Hello"}, plain, {"role": "user", "content": "More."}]).text
        chunks = list(model.stream("Hello"))
        assert any(chunk.usage_metadata for chunk in chunks) and "".join(chunk.text for chunk in chunks)
        assert isinstance(model.with_structured_output(Weather).invoke(QUESTION), Weather)
        assert create_agent(model, [get_weather]).invoke(question)["messages"][-1].text and called()
        for form in (ProviderStrategy(Weather), ToolStrategy(Weather)):
            typed = create_agent(model, [get_weather], response_format=form).invoke(question, {"recursion_limit": 12})
            assert isinstance(typed["structured_response"], Weather)
        cities.clear()
    ok("hello, history, stream, typed, agent, typed agents")


CHECKS = {"openai": check_openai, "openai-agents": check_agents, "pydantic-ai-slim": check_pydantic_ai, "langchain-openai": check_langchain}
failed = 0
print(f"{'Responses with':28} {'version':10} checks passed")
try:
    for name, check in CHECKS.items():
        passed = []
        cities.clear()
        try:
            check(passed.append)
            print(f"{name:28} {version(name):10} {len(passed)}: {'; '.join(passed)}")
        except Exception:  # every client is tried, whatever became of the one before
            failed += 1
            print(f"{name:28} {version(name):10} FAILED after {'; '.join(passed) or 'nothing'}")
            traceback.print_exc(file=sys.stdout)
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
