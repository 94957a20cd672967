#!/usr/bin/env bash
# Packages: opentelemetry-instrumentation-openai-v2 2.4b0, opentelemetry-util-genai 1.3b0 (PyPI).
# Expected: after `pip install` of the instrumentation, its instrumentor can be imported.
# Found: it requires opentelemetry-util-genai without an upper bound, and the newest release, which pip installs, has no
#   module `opentelemetry.util.genai.instruments` any more. Importing the instrumentor fails. Its successor is the package
#   opentelemetry-instrumentation-genai-openai.
# Output seen: ModuleNotFoundError: No module named 'opentelemetry.util.genai.instruments'; the requirement is >=0.4b0.dev
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==1.3b0 openai==3.57.0 httpx==0.28.1
"$dir/venv/bin/pip" check
"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import requires

need = next(line for line in requires("opentelemetry-instrumentation-openai-v2") if "util-genai" in line)
print("requires", need)
try:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
    error = ""
except ModuleNotFoundError as found:
    error = str(found)
print("import:", error or "works")
as_found = "opentelemetry.util.genai.instruments" in error
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
