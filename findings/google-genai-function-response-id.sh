#!/usr/bin/env bash
# Package: google-genai 3.6.1 (PyPI).
# Expected: if the model's function calls have an id, automatic function calling returns each result with the id of its call.
# Found: the history has the ids in functionCall, and the functionResponse parts have none. Only the order tells two parallel
#   calls of one function apart. A service or a log reader that pairs calls with results by id finds no pair. Chats do the same.
# The script sends the requests to a server of its own.
# Output seen: functionCall ids ['id-1', 'id-2'], functionResponse ids [None, None]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check google-genai==3.6.1
"$dir/venv/bin/python" -W ignore - <<'PY'
import http.server
import json
import logging
import sys
import threading

from google import genai
from google.genai import types

logging.disable(logging.CRITICAL)
requests = []


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        call = lambda id, city: {"functionCall": {"id": id, "name": "weather", "args": {"city": city}}}
        parts = [call("id-1", "Oslo"), call("id-2", "Rome")] if len(requests) == 1 else [{"text": "Rain and sun."}]
        reply = {"candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": parts}}]}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}"))


def weather(city: str) -> str:
    """Return the weather of a city."""
    return {"Oslo": "rain", "Rome": "sun"}[city]


config = types.GenerateContentConfig(tools=[weather])
question = "What is the weather in Oslo and in Rome?"
ways = {
    "generate_content": lambda: client.models.generate_content(model="m", contents=question, config=config),
    "chat": lambda: client.chats.create(model="m", config=config).send_message(question),
}
as_found = True
for way, ask in ways.items():
    requests.clear()
    ask()
    parts = [part for content in requests[1]["contents"] for part in content["parts"]]
    calls = [part["functionCall"].get("id") for part in parts if "functionCall" in part]
    results = [part["functionResponse"].get("id") for part in parts if "functionResponse" in part]
    print(f"{way}: functionCall ids {calls}, functionResponse ids {results}")
    as_found = as_found and calls == ["id-1", "id-2"] and results == [None, None]
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
