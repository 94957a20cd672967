#!/usr/bin/env bash
# Packages: anthropic 2.14.0, openai 3.57.0, mistralai 3.7.0 (PyPI).
# Expected: with default settings, the three vendors' clients treat a rate limit (429, retry-after: 90 s) in the same way.
# Found: anthropic and openai each wait 90 s twice, so one call blocks for 3 minutes. mistralai sends the request once
#   and raises, whatever retry-after says. In an experiment whose arms use different vendors, the same rate limit
#   becomes latency in one arm and failures in the other.
# The script replaces time.sleep, records the waits, and so ends in seconds.
# Output seen: anthropic and openai: 3 requests, waits [90.0, 90.0] s; mistralai: 1 request, no wait
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check anthropic==2.14.0 openai==3.57.0 mistralai==3.7.0
"$dir/venv/bin/python" -W ignore - <<'PY'
import http.server
import sys
import threading
import time
import anthropic
import openai
from mistralai.client import Mistral

count = 0
after = "2"

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        global count
        count += 1
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
        self.send_response(429)
        self.send_header("content-type", "application/json")
        self.send_header("retry-after", after)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
waits = []
time.sleep = waits.append
messages = [{"role": "user", "content": "x"}]
anthropic_client = anthropic.Anthropic(api_key="k", base_url=base)
openai_client = openai.OpenAI(api_key="k", base_url=base + "/v1")
mistral_client = Mistral(api_key="k", server_url=base)
calls = {
    "anthropic": lambda: anthropic_client.messages.create(model="m", max_tokens=9, messages=messages),
    "openai": lambda: openai_client.chat.completions.create(model="m", messages=messages),
    "mistralai": lambda: mistral_client.chat.complete(model="m", messages=messages),
}
seen = {}
for after in ("2", "90"):
    for name, call in calls.items():
        count = 0
        waits.clear()
        try:
            call()
        except Exception as error:
            kind = type(error).__name__
        seen[name, after] = (count, [round(w, 1) for w in waits if w > 0.3])
        print(f"{name}, retry-after {after} s: {kind} after {count} requests, waits {seen[name, after][1]} s")
as_found = all(
    seen["anthropic", s] == seen["openai", s] == (3, [float(s)] * 2) and seen["mistralai", s] == (1, []) for s in ("2", "90")
)
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
