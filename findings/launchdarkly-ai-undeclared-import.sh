#!/usr/bin/env bash
# Package: launchdarkly-server-sdk-ai 1.2.0 (PyPI), with launchdarkly-server-sdk 9.16.1.
# Expected: after `pip install launchdarkly-server-sdk-ai`, `import ldai` works.
# Found: the package imports `typing_extensions` and does not declare it (it declares chevron and launchdarkly-server-sdk), and nothing
#   that it declares brings it along. In an otherwise empty environment the import fails; it works as soon as any other package has
#   installed `typing_extensions`.
# Output seen: empty environment: ModuleNotFoundError: No module named 'typing_extensions'; with typing_extensions: imported
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check launchdarkly-server-sdk==9.16.1 launchdarkly-server-sdk-ai==1.2.0
try() { "$dir/venv/bin/python" -c 'import ldai; print("imported")' 2>&1 | tail -n 1 || true; }
empty=$(try)
"$dir/venv/bin/pip" install -q --disable-pip-version-check typing_extensions==4.15.0
with=$(try)
echo "empty environment: $empty"
echo "with typing_extensions: $with"
if [[ "$empty" == *"No module named 'typing_extensions'"* && "$with" == imported ]]; then
  echo "as found"
else
  echo "changed"
  exit 1
fi
