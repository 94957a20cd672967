#!/usr/bin/env bash
# Package: launchdarkly-api 25.0.1 (PyPI).
# Expected: list_agent_graphs(ld_api_version="beta", ...) sends the header LD-API-Version: beta. The API's documentation says
#   that a beta operation without this header gets a 403.
# Found: the client's default header LD-API-Version: 20240415 replaces it, although ld_api_version is a required argument. `_headers` does
#   not help either. Only set_default_header("LD-API-Version", "beta") does, and it changes all calls of that client.
# The script sends the requests to a server of its own.
# Output seen: ld_api_version="beta": 20240415; with _headers: 20240415; after set_default_header: beta
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check launchdarkly-api==25.0.1
"$dir/venv/bin/python" - <<'PY'
import http.server
import json
import sys
import threading

import launchdarkly_api

seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        seen.append(self.headers.get_all("LD-API-Version"))
        link = {"href": self.path, "type": "application/json"}
        body = json.dumps({"items": [], "totalCount": 0, "_links": {"self": link}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
settings = launchdarkly_api.Configuration(host=f"http://127.0.0.1:{server.server_port}", api_key={"ApiKey": "k"})
client = launchdarkly_api.ApiClient(settings)
api = launchdarkly_api.AgentControlApi(client)
api.list_agent_graphs(ld_api_version="beta", project_key="p")
api.list_agent_graphs(ld_api_version="beta", project_key="p", _headers={"LD-API-Version": "beta"})
client.set_default_header("LD-API-Version", "beta")
api.list_agent_graphs(ld_api_version="beta", project_key="p")
for call, header in zip(('ld_api_version="beta"', "with _headers", "after set_default_header"), seen):
    print(f"{call}: LD-API-Version {header}")
as_found = seen == [["20240415"], ["20240415"], ["beta"]]
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
