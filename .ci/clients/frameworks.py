"""Agent frameworks, unmodified, against `simlab serve`: a greeting, a stream, a tool loop that ends, a typed answer, scripted answers.

Usage: python frameworks.py PATH_TO_SIMLAB; needs the packages of `.ci/lock/frameworks.in` from PyPI.
"""

import asyncio
import json
import os
import subprocess
import sys
import traceback
import urllib.request
from importlib.metadata import version

from pydantic import BaseModel

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]
os.environ.update(OPENAI_API_KEY="key", ANTHROPIC_API_KEY="key", HF_HUB_OFFLINE="1")

HELLO = "Hello!"
WEATHER = "What is the weather in Paris?"
BOTH = "Compare the weather in Paris and Berlin."
asked = []


class Report(BaseModel):
    city: str
    temperature: float
    summary: str


def get_weather(city: str) -> str:
    """Get the current weather in a city.

    Args:
        city: The name of the city.
    """
    asked.append(city)
    return f"18 degrees and sunny in {city}"


def answers(rules, strict=False):
    """Sets the scripted answers."""
    body = json.dumps({"strict": strict, "rules": rules}).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{base}/_simlab/answers", body, headers, method="PUT")).read()


def told(text, *cities):
    """The tool was called once for each of these cities, and the answer says what it gave."""
    found, asked[:] = sorted(asked), []
    assert found == sorted(cities), found
    assert "18 degrees" in text, text


def typed(report, city="Paris", temperature=18.0):
    asked.clear()
    assert (report.city, report.temperature) == (city, temperature), report


def check_langchain(ok):
    from langchain.agents import create_agent
    from langchain.agents.structured_output import ToolStrategy
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI

    def ask(agent, text):
        return agent.invoke({"messages": [{"role": "user", "content": text}]})

    for model in (ChatOpenAI(model="gpt-4o", base_url=f"{base}/v1"), ChatAnthropic(model="claude-sonnet-4-5", base_url=base)):
        assert model.invoke(HELLO).content
        assert "".join(str(chunk.content) for chunk in model.stream(HELLO))
        told(ask(create_agent(model, [get_weather]), WEATHER)["messages"][-1].content, "Paris")
        told(ask(create_agent(model, [get_weather]), BOTH)["messages"][-1].content, "Paris", "Berlin")
        for form in (Report, ToolStrategy(Report)):
            typed(ask(create_agent(model, [get_weather], response_format=form), WEATHER)["structured_response"])
        typed(model.with_structured_output(Report).invoke("The weather in Oslo is 4 degrees."), "Oslo", 4.0)
    ok("OpenAI and Anthropic: plain, stream, tool loop, parallel calls, typed agents")
    rules = [{"when": {"contains": "weather"}, "call": {"name": "get_weather", "arguments": {"city": "Rome"}}}, {"when": {"after": "*"}, "say": "18 degrees, says the script."}]
    answers(rules, strict=True)
    told(ask(create_agent(ChatOpenAI(model="gpt-4o", base_url=f"{base}/v1"), [get_weather]), WEATHER)["messages"][-1].content, "Rome")
    ok("scripted tool loop")


def check_pydantic_ai(ok):
    from pydantic_ai import Agent, NativeOutput, PromptedOutput
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    async def stream(agent):
        async with agent.run_stream(HELLO) as result:
            return [text async for text in result.stream_text()][-1]

    for model in (
        OpenAIChatModel("gpt-4o", provider=OpenAIProvider(base_url=f"{base}/v1", api_key="key")),
        AnthropicModel("claude-sonnet-4-5", provider=AnthropicProvider(base_url=base, api_key="key")),
    ):
        assert Agent(model).run_sync(HELLO).output
        assert asyncio.run(stream(Agent(model)))
        told(Agent(model, tools=[get_weather]).run_sync(WEATHER).output, "Paris")
        typed(Agent(model, output_type=Report).run_sync("Oslo is at 4 degrees.").output, "Oslo", 4.0)
        for form in (Report, NativeOutput(Report)):
            typed(Agent(model, tools=[get_weather], output_type=form).run_sync(WEATHER).output)
        assert Agent(model, output_type=PromptedOutput(Report)).run_sync(WEATHER).output.city == "Paris"
    ok("OpenAI and Anthropic: plain, stream, tool loop, typed, tool and typed, prompted")
    answers([{"when": {"contains": "Oslo"}, "json": {"city": "Oslo", "temperature": 7, "summary": "scripted"}}])
    typed(Agent(model, output_type=Report).run_sync("How is Oslo?").output, "Oslo", 7.0)
    ok("scripted typed answer")


def check_openai_agents(ok):
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)

    def made(name="Helper", **more):
        client = AsyncOpenAI(base_url=f"{base}/v1", api_key="key")
        return Agent(name=name, model=OpenAIChatCompletionsModel(model="gpt-4o", openai_client=client), **more)

    async def stream():
        result = Runner.run_streamed(made(), HELLO)
        async for _ in result.stream_events():
            pass
        return result.final_output

    assert Runner.run_sync(made(), HELLO).final_output
    assert asyncio.run(stream())
    weather = function_tool(get_weather)
    told(Runner.run_sync(made(tools=[weather]), WEATHER).final_output, "Paris")
    typed(Runner.run_sync(made(tools=[weather], output_type=Report), WEATHER).final_output)
    ok("plain, stream, tool loop, tool and typed")
    billing = made("Billing agent", handoff_description="Handles invoices and refunds")
    technical = made("Technical agent", handoff_description="Solves problems with software")
    for question, agent in (("Please refund my invoice 1234.", "Billing agent"), ("My software crashes.", "Technical agent"), (HELLO, "Triage")):
        # A client belongs to one event loop, so each run has agents of its own.
        assert Runner.run_sync(made("Triage", handoffs=[billing, technical]), question).last_agent.name == agent, question
    ok("handoffs")


def check_smolagents(ok):
    from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel("gpt-4o", api_base=f"{base}/v1", api_key="key")
    settings = {"tools": [tool(get_weather)], "model": model, "max_steps": 4, "verbosity_level": 0}
    told(ToolCallingAgent(**settings).run(WEATHER), "Paris")
    assert ToolCallingAgent(**settings).run(HELLO)
    ok("tool loop")
    told(CodeAgent(**settings).run(WEATHER), "Paris")
    told(CodeAgent(**settings).run(BOTH), "Paris", "Berlin")
    assert CodeAgent(**settings).run(HELLO)
    ok("code agent")


def check_anthropic(ok):
    import anthropic

    client = anthropic.Anthropic(api_key="key", base_url=base)
    ask = {"model": "claude-sonnet-4-5", "max_tokens": 500}
    runner = client.beta.messages.tool_runner(**ask, tools=[anthropic.beta_tool(get_weather)], messages=[{"role": "user", "content": WEATHER}])
    told(runner.until_done().content[0].text, "Paris")
    ok("tool runner")
    typed(client.messages.parse(**ask, messages=[{"role": "user", "content": "Oslo is at 4 degrees."}], output_format=Report).parsed_output, "Oslo", 4.0)
    ok("typed")


CHECKS = {
    "langchain": check_langchain,
    "pydantic-ai-slim": check_pydantic_ai,
    "openai-agents": check_openai_agents,
    "smolagents": check_smolagents,
    "anthropic": check_anthropic,
}
failed = 0
print(f"{'framework':28} {'version':10} checks passed")
try:
    for name, check in CHECKS.items():
        passed = []
        try:
            answers([])
            asked.clear()
            check(passed.append)
            print(f"{name:28} {version(name):10} {len(passed)}: {'; '.join(passed)}")
        except Exception:  # every framework is tried, whatever became of the one before
            failed += 1
            print(f"{name:28} {version(name):10} FAILED after {'; '.join(passed) or 'nothing'}")
            traceback.print_exc(file=sys.stdout)
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
