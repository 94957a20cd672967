#!/usr/bin/env bash
# Packages: smolagents 1.26.0, openai 3.57.0 (PyPI).
# Expected: ToolCallingAgent with a chat-completions model returns a call as `tool_calls` of an assistant message, and its result as a
#   message with the role "tool" and the call's id.
# Found: the call comes back as assistant text with a Python literal (single quotes, so not JSON), and the result as a user message that
#   begins with "Observation:". No message has the role "tool". All requests have tool_choice "required", so the model cannot answer in
#   text, and the stop sequences "Observation:" and "Calling tools:". Count tool results and user turns with this in mind.
# The script sends the requests to a server of its own.
# Output seen: roles system, user, assistant, user; tool_choice required
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check smolagents==1.26.0 openai==3.57.0
"$dir/venv/bin/python" -W ignore - <<'PY'
import http.server
import json
import sys
import threading

from smolagents import OpenAIModel, Tool, ToolCallingAgent

requests = []


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        first = len(requests) == 1
        name, arguments = ("weather", {"city": "Oslo"}) if first else ("final_answer", {"answer": "Rain."})
        call = {"id": f"call-{len(requests)}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        reply = {
            "id": "r",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Weather(Tool):
    name = "weather"
    description = "Return the weather of a city."
    inputs = {"city": {"type": "string", "description": "The city."}}
    output_type = "string"

    def forward(self, city: str) -> str:
        return "rain"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
model = OpenAIModel(model_id="m", api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="k")
ToolCallingAgent(tools=[Weather()], model=model, verbosity_level=0).run("What is the weather in Oslo?")

messages = requests[1]["messages"]
text = lambda message: message["content"][0]["text"] if isinstance(message["content"], list) else message["content"]
print("roles:", [message["role"] for message in messages])
print("call:", repr(text(messages[-2])), "and tool_calls:", messages[-2].get("tool_calls"))
print("result:", repr(text(messages[-1])))
print("tool_choice:", [request.get("tool_choice") for request in requests], "stop:", requests[1].get("stop"))
as_found = (
    [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    and "{'id': 'call-1'" in text(messages[-2])
    and "tool_calls" not in messages[-2]
    and text(messages[-1]) == "Observation:\nrain"
    and [request.get("tool_choice") for request in requests] == ["required", "required"]
    and requests[1].get("stop") == ["Observation:", "Calling tools:"]
)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
