#!/usr/bin/env bash
# Package: jsonschema 4.26.0 with its extra `format` (PyPI).
# Expected: the checker of `format: time` accepts RFC 3339 times such as 09:30:00Z, as JSON Schema 2020-12 says, however it is made.
# Found: `FormatChecker()`, which the documentation shows first, checks `time` by the rule of draft 3: it rejects 09:30:00Z and accepts
#   09:30:00. `Draft202012Validator.FORMAT_CHECKER` does the opposite. No value satisfies both.
# Output seen: FormatChecker(): 09:30:00Z False, 09:30:00 True; Draft202012Validator.FORMAT_CHECKER: True, False
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check "jsonschema[format]==4.26.0"
"$dir/venv/bin/python" - <<'PY'
import sys

from jsonschema import Draft202012Validator, FormatChecker

times = ("09:30:00Z", "09:30:00")
found = {}
for name, checker in (("FormatChecker()", FormatChecker()), ("Draft202012Validator.FORMAT_CHECKER", Draft202012Validator.FORMAT_CHECKER)):
    found[name] = [checker.conforms(time, "time") for time in times]
    print(name, dict(zip(times, found[name])))
as_found = list(found.values()) == [[False, True], [True, False]]
print("as found" if as_found else "changed")
sys.exit(0 if as_found else 1)
PY
