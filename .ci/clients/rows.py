"""Further frameworks, unmodified, against `simlab serve`: a greeting, a stream, a tool loop that ends, and a typed answer of each.

Usage: python rows.py PATH_TO_SIMLAB [NAME…]; needs the packages of `.ci/lock/rows.in` from PyPI.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from importlib.metadata import version

process = subprocess.Popen([sys.argv[1], "serve", "security"], stdout=subprocess.PIPE, text=True)
base = json.loads(process.stdout.readline())["listening"]
os.environ.update(
    OPENAI_API_KEY="key", OPENAI_BASE_URL=f"{base}/v1", ANTHROPIC_API_KEY="key", ANTHROPIC_BASE_URL=base, MISTRAL_API_KEY="key",
    DSPY_CACHEDIR=tempfile.mkdtemp(), LITELLM_LOCAL_MODEL_COST_MAP="True", AGNO_TELEMETRY="false", HAYSTACK_TELEMETRY_ENABLED="False",
    OTEL_SDK_DISABLED="true", INSPECT_LOG_DIR=tempfile.mkdtemp(), CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false",
)
warnings.simplefilter("ignore")

from pydantic import BaseModel  # noqa: E402

HELLO = "Hello!"
WEATHER = "What is the weather in Paris?"
OSLO = "The weather in Oslo is 4 degrees."
asked = []


class Report(BaseModel):
    """A report on the weather."""

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


def told(text):
    """The tool was called once, for Paris, and the answer says what it gave."""
    found, asked[:] = list(asked), []
    assert found == ["Paris"] and "18 degrees" in str(text), (found, text)


def typed(report):
    assert isinstance(report, Report) and (report.city, report.temperature) == ("Oslo", 4.0), report


async def joined(stream, piece):
    parts = [piece(event) async for event in stream]
    text = "".join(part for part in parts if part)
    assert text, "the stream has no text"


def check_instructor(row):
    import instructor
    from openai import OpenAI

    for mode in ("TOOLS", "TOOLS_STRICT", "JSON", "MD_JSON", "JSON_SCHEMA", "RESPONSES_TOOLS"):
        client = instructor.from_openai(OpenAI(), mode=getattr(instructor.Mode, mode))
        typed(client.create(model="gpt-4o", response_model=Report, messages=[{"role": "user", "content": OSLO}], max_retries=0))
    client = instructor.from_openai(OpenAI())
    parts = list(client.create_partial(model="gpt-4o", response_model=Report, messages=[{"role": "user", "content": OSLO}]))
    assert parts[-1].city == "Oslo"
    row("stream", "typed")


def check_litellm(row):
    import litellm

    message = [{"role": "user", "content": HELLO}]
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Get the current weather in a city.", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
    models = (("openai/gpt-4o", {}), ("anthropic/claude-sonnet-4-5", {}), ("mistral/mistral-small-latest", {"api_base": f"{base}/mistral/v1"}))
    for model, more in models:
        answer = litellm.completion(model=model, messages=message, **more)
        assert answer.choices[0].message.content and answer.usage.total_tokens > 0 and litellm.completion_cost(answer) > 0
        assert "".join(part.choices[0].delta.content or "" for part in litellm.completion(model=model, messages=message, stream=True, **more))
        messages = [{"role": "user", "content": WEATHER}]
        first = litellm.completion(model=model, messages=messages, tools=[tool], **more).choices[0].message
        messages.append(first.model_dump(exclude_none=True))
        for call in first.tool_calls:
            result = get_weather(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result})
        told(litellm.completion(model=model, messages=messages, tools=[tool], **more).choices[0].message.content)
        answer = litellm.completion(model=model, messages=[{"role": "user", "content": OSLO}], response_format=Report, **more)
        typed(Report.model_validate_json(answer.choices[0].message.content))
    assert litellm.responses(model="openai/gpt-4o", input=HELLO).output
    row("hello", "stream", "tools", "typed")


def check_llama_index(row):
    from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
    from llama_index.core.llms import ChatMessage
    from llama_index.core.prompts import PromptTemplate
    from llama_index.llms.openai import OpenAI, OpenAIResponses

    for kind in (OpenAI, OpenAIResponses):
        # It reads OPENAI_API_BASE alone.
        model = kind(model="gpt-4o", api_base=f"{base}/v1")
        assert model.complete(HELLO).text
        assert "".join(part.delta or "" for part in model.stream_chat([ChatMessage(role="user", content=HELLO)]))

        async def run():
            return str(await FunctionAgent(tools=[get_weather], llm=model).run(WEATHER))

        told(asyncio.run(run()))
        typed(model.structured_predict(Report, PromptTemplate(OSLO)))

    async def react():
        # Its tools are offered in the words of the prompt.
        return str(await ReActAgent(tools=[get_weather], llm=OpenAI(model="gpt-4o", api_base=f"{base}/v1"), streaming=False).run(WEATHER))

    told(asyncio.run(react()))
    row("hello", "stream", "tools", "typed", "tools in words")


def check_dspy(row):
    import dspy

    dspy.configure(lm=dspy.LM("openai/gpt-4o", cache=False))
    assert dspy.Predict("question -> answer")(question=HELLO).answer
    assert dspy.ChainOfThought("question -> answer")(question=HELLO).reasoning
    row("hello")

    async def stream():
        program = dspy.streamify(dspy.Predict("question -> answer"))
        await joined(program(question=HELLO), lambda part: getattr(part, "answer", None) or str(part))

    asyncio.run(stream())
    row("stream")
    # Its agents offer tools in the words of a prompt, and read calls from the words of the answer.
    for adapter in (dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter()):
        with dspy.context(adapter=adapter):
            told(dspy.ReAct("question -> answer", tools=[get_weather])(question=WEATHER).answer)
            assert dspy.ReAct("question -> answer", tools=[get_weather])(question=HELLO).answer and not asked
    row("tools")

    class Read(dspy.Signature):
        """Read the report."""

        text: str = dspy.InputField()
        report: Report = dspy.OutputField()

    typed(dspy.Predict(Read)(text=OSLO).report)
    with dspy.context(adapter=dspy.JSONAdapter()):
        assert isinstance(dspy.Predict(Read)(text=OSLO).report, Report)
    row("typed")


def check_haystack(row):
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.tools import create_tool_from_function

    tool = create_tool_from_function(get_weather)
    for kind in (OpenAIChatGenerator, OpenAIResponsesChatGenerator):
        parts = []
        assert kind(model="gpt-4o").run([ChatMessage.from_user(HELLO)])["replies"][0].text
        kind(model="gpt-4o", streaming_callback=lambda part: parts.append(part.content)).run([ChatMessage.from_user(HELLO)])
        assert "".join(part or "" for part in parts)
        told(Agent(chat_generator=kind(model="gpt-4o"), tools=[tool]).run(messages=[ChatMessage.from_user(WEATHER)])["last_message"].text)
    typed_ = OpenAIChatGenerator(model="gpt-4o", generation_kwargs={"response_format": Report}).run([ChatMessage.from_user(OSLO)])
    typed(Report.model_validate_json(typed_["replies"][0].text))
    row("hello", "stream", "tools", "typed")


def check_agno(row):
    from agno.agent import Agent
    from agno.models.anthropic import Claude
    from agno.models.openai import OpenAIChat, OpenAIResponses

    for model in (OpenAIChat(id="gpt-4o"), OpenAIResponses(id="gpt-4o"), Claude(id="claude-sonnet-4-5")):
        assert Agent(model=model, telemetry=False).run(HELLO).content
        assert "".join(str(part.content or "") for part in Agent(model=model, telemetry=False).run(HELLO, stream=True) if hasattr(part, "content"))
        told(Agent(model=model, tools=[get_weather], telemetry=False).run(WEATHER).content)
        typed(Agent(model=model, output_schema=Report, telemetry=False).run(OSLO).content)
    row("hello", "stream", "tools", "typed")


def check_strands(row):
    from strands import Agent, tool
    from strands.models.anthropic import AnthropicModel
    from strands.models.openai import OpenAIModel

    for model in (OpenAIModel(model_id="gpt-4o"), AnthropicModel(model_id="claude-sonnet-4-5", max_tokens=500)):

        async def stream():
            await joined(Agent(model=model, callback_handler=None).stream_async(HELLO), lambda event: event.get("data"))

        assert str(Agent(model=model, callback_handler=None)(HELLO)).strip()
        asyncio.run(stream())
        told(Agent(model=model, tools=[tool(get_weather)], callback_handler=None)(WEATHER))
        typed(Agent(model=model, callback_handler=None)(OSLO, structured_output_model=Report).structured_output)
        report = Agent(model=model, tools=[tool(get_weather)], callback_handler=None)(WEATHER, structured_output_model=Report).structured_output
        assert (report.city, report.temperature) == ("Paris", 18.0) and asked == ["Paris"], (report, asked)
        asked.clear()
    row("hello", "stream", "tools", "typed")


def check_autogen(row):
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.messages import ModelClientStreamingChunkEvent
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    async def run():
        def client():
            return OpenAIChatCompletionClient(model="gpt-4o")

        assert (await AssistantAgent("helper", client()).run(task=HELLO)).messages[-1].content
        streamed = AssistantAgent("helper", client(), model_client_stream=True).run_stream(task=HELLO)
        await joined(streamed, lambda event: event.content if isinstance(event, ModelClientStreamingChunkEvent) else None)
        agent = AssistantAgent("helper", client(), tools=[get_weather], reflect_on_tool_use=True)
        told((await agent.run(task=WEATHER)).messages[-1].content)
        typed((await AssistantAgent("helper", client(), output_content_type=Report).run(task=OSLO)).messages[-1].content)

    asyncio.run(run())
    row("hello", "stream", "tools", "typed")


def check_inspect(row):
    from inspect_ai import Task, eval as run
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import includes, model_graded_qa
    from inspect_ai.solver import basic_agent, generate
    from inspect_ai.tool import tool

    @tool
    def weather():
        async def execute(city: str) -> str:
            """Get the current weather in a city.

            Args:
                city: The name of the city.
            """
            return get_weather(city)

        return execute

    for model in ("openai/gpt-4o", "openai/gpt-5", "anthropic/claude-sonnet-4-5"):
        tasks = {
            "graded": Task([Sample(HELLO, target="Hello")], solver=generate(), scorer=model_graded_qa(model=model)),
            "agent": Task([Sample(WEATHER, target="18")], solver=basic_agent(tools=[weather()], message_limit=20), scorer=includes()),
        }
        for name, task in tasks.items():
            log = run(task, model=model, display="none", log_format="json")[0]
            assert log.status == "success", (name, model, log.error)
            score = next(iter(log.samples[0].scores.values()))
            assert score.value in ("C", "I", "P"), (name, model, score)
    assert "Paris" in asked
    asked.clear()
    row("hello", "tools")


def check_agent_framework(row):
    from agent_framework import Agent
    from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient

    async def run(client):
        assert (await Agent(client=client).run(HELLO)).text
        await joined(Agent(client=client).run(HELLO, stream=True), lambda part: part.text)
        told((await Agent(client=client, tools=[get_weather]).run(WEATHER)).text)
        typed((await Agent(client=client).run(OSLO, options={"response_format": Report})).value)

    for kind in (OpenAIChatClient, OpenAIChatCompletionClient):
        asyncio.run(run(kind(model="gpt-4o")))
    row("hello", "stream", "tools", "typed")


def check_google_adk(row):
    from google.adk.agents import LlmAgent
    from google.adk.models.lite_llm import LiteLlm
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    async def run(text, **more):
        runner = InMemoryRunner(agent=LlmAgent(name="helper", model=LiteLlm(model="openai/gpt-4o"), **more), app_name="app")
        session = await runner.session_service.create_session(app_name="app", user_id="user")
        message = types.Content(role="user", parts=[types.Part(text=text)])
        events = [event async for event in runner.run_async(user_id="user", session_id=session.id, new_message=message)]
        return "".join(part.text or "" for part in events[-1].content.parts)

    assert asyncio.run(run(HELLO))
    told(asyncio.run(run(WEATHER, tools=[get_weather])))
    typed(Report.model_validate_json(asyncio.run(run(OSLO, output_schema=Report))))
    row("hello", "tools", "typed")


def check_langchain_mistral(row):
    from langchain_mistralai import ChatMistralAI

    model = ChatMistralAI(model="mistral-small-latest", base_url=f"{base}/mistral/v1")
    assert model.invoke(HELLO).content
    assert "".join(part.content for part in model.stream(HELLO))
    first = model.bind_tools([get_weather]).invoke(WEATHER)
    results = [{"role": "tool", "tool_call_id": call["id"], "content": get_weather(**call["args"])} for call in first.tool_calls]
    told(model.bind_tools([get_weather]).invoke([("user", WEATHER), first, *results]).content)
    for method in ("function_calling", "json_schema", "json_mode"):
        typed(model.with_structured_output(Report, method=method).invoke(f"{OSLO} Answer as JSON with the keys city, temperature (number) and summary."))
    row("hello", "stream", "tools", "typed")


def check_semantic_kernel(row):
    from semantic_kernel.agents import ChatCompletionAgent
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
    from semantic_kernel.functions import KernelArguments, kernel_function

    class Plugin:
        @kernel_function(name="get_weather", description="Get the current weather in a city.")
        def weather(self, city: str) -> str:
            return get_weather(city)

    async def run():
        def agent(**more):
            return ChatCompletionAgent(service=OpenAIChatCompletion(ai_model_id="gpt-4o"), name="helper", **more)

        assert str(await agent().get_response(messages=HELLO))
        await joined(agent().invoke_stream(messages=HELLO), lambda part: str(part.content))
        told(await agent(plugins=[Plugin()]).get_response(messages=WEATHER))
        settings = OpenAIChatPromptExecutionSettings(response_format=Report)
        answer = await agent(arguments=KernelArguments(settings)).get_response(messages=OSLO)
        typed(Report.model_validate_json(str(answer)))

    asyncio.run(run())
    row("hello", "stream", "tools", "typed")


def check_langchain_mcp(row):
    from langchain.agents import create_agent
    from langchain_mcp_adapters.client import MultiServerMCPClient
    from langchain_openai import ChatOpenAI

    servers = {
        "arxiv": {"transport": "streamable_http", "url": f"{base}/mcp/arxiv"},
        "scholar": {"transport": "stdio", "command": os.path.abspath(sys.argv[1]), "args": ["mcp", "semantic-scholar"]},
    }

    async def run():
        tools = await MultiServerMCPClient(servers).get_tools()
        assert sorted(tool.name for tool in tools) == ["search_papers", "search_semantic_scholar"]
        for tool in tools:
            assert len(str(await tool.ainvoke({"query": "Q-Learning"}))) > 100
        agent = create_agent(ChatOpenAI(model="gpt-4o"), [tool for tool in tools if tool.name == "search_papers"])
        messages = (await agent.ainvoke({"messages": [{"role": "user", "content": "Search for papers on Q-Learning."}]}))["messages"]
        kinds = [message.type for message in messages]
        assert kinds == ["human", "ai", "tool", "ai"] and messages[-1].content, messages

    asyncio.run(run())
    row("tools over HTTP and standard input")


def check_crewai(row):
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    llm = LLM(model="openai/gpt-4o", base_url=f"{base}/v1")
    assert llm.call(HELLO)
    helper = Agent(role="Helper", goal="Help", backstory="You help.", llm=llm)

    def run(agent, **task):
        return Crew(agents=[agent], tasks=[Task(agent=agent, **task)]).kickoff()

    assert run(helper, description="Greet the user.", expected_output="A greeting").raw
    streaming = LLM(model="openai/gpt-4o", base_url=f"{base}/v1", stream=True)
    assert run(Agent(role="Helper", goal="Help", backstory="You help.", llm=streaming), description="Greet the user.", expected_output="A greeting").raw
    weather = Agent(role="Reporter", goal="Tell the weather", backstory="You know tools.", llm=llm, tools=[tool("get_weather")(get_weather)])
    told(run(weather, description=WEATHER, expected_output="The weather").raw)
    typed(run(helper, description=f"{OSLO} Report it.", expected_output="A report", output_pydantic=Report).pydantic)
    row("hello", "stream", "tools", "typed")


def check_claude_agent(row):
    from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, ResultMessage, StreamEvent, create_sdk_mcp_server, query, tool

    @tool("get_weather", "Get the current weather in a city.", {"city": str})
    async def weather(args):
        return {"content": [{"type": "text", "text": get_weather(args["city"])}]}

    # The program that it starts is told nothing of this machine.
    env = {"HOME": tempfile.mkdtemp(), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "IS_SANDBOX": "1"}
    settings = {"model": "claude-sonnet-4-5", "max_turns": 4, "tools": [], "setting_sources": [], "cwd": tempfile.mkdtemp(), "env": env}

    async def run(question, **more):
        said = [message async for message in query(prompt=question, options=ClaudeAgentOptions(**settings, **more))]
        ended = said[-1]
        assert isinstance(ended, ResultMessage) and not ended.is_error, said
        return said, ended

    async def all_():
        said, ended = await run(HELLO)
        assert ended.result and any(isinstance(message, AssistantMessage) for message in said), said
        said, _ = await run(HELLO, include_partial_messages=True)
        assert sum(isinstance(message, StreamEvent) for message in said) > 3
        server = create_sdk_mcp_server("weather", "1.0.0", [weather])
        told((await run(WEATHER, mcp_servers={"weather": server}, allowed_tools=["mcp__weather__get_weather"]))[1].result)
        form = {"type": "json_schema", "schema": Report.model_json_schema()}
        typed(Report.model_validate((await run(OSLO, output_format=form))[1].structured_output))

    asyncio.run(all_())
    row("hello", "stream", "tools", "typed")


CHECKS = {
    "instructor": check_instructor,
    "litellm": check_litellm,
    "llama-index-core": check_llama_index,
    "dspy": check_dspy,
    "haystack-ai": check_haystack,
    "agno": check_agno,
    "strands-agents": check_strands,
    "autogen-agentchat": check_autogen,
    "inspect-ai": check_inspect,
    "agent-framework-openai": check_agent_framework,
    "google-adk": check_google_adk,
    "langchain-mistralai": check_langchain_mistral,
    "langchain-mcp-adapters": check_langchain_mcp,
    "semantic-kernel": check_semantic_kernel,
    "crewai": check_crewai,
    "claude-agent-sdk": check_claude_agent,
}
# They fit with other packages than the rest; `.ci/lock/frameworks.in` and `.ci/lock/apart.in` have them.
APART = ("inspect-ai", "semantic-kernel", "crewai", "claude-agent-sdk")
chosen = sys.argv[2:] or [name for name in CHECKS if name not in APART]
failed = 0
print(f"{'framework':24} {'version':10} what passed")
try:
    for name in chosen:
        passed = []
        try:
            asked.clear()
            CHECKS[name](lambda *more: passed.extend(more))
            print(f"{name:24} {version(name):10} {', '.join(passed)}", flush=True)
        except Exception:  # every framework is tried, whatever became of the one before
            failed += 1
            print(f"{name:24} {version(name):10} FAILED after {', '.join(passed) or 'nothing'}")
            traceback.print_exc(file=sys.stdout)
finally:
    process.terminate()
    process.wait(15)
sys.exit(1 if failed else 0)
