#!/usr/bin/env bash
# Packages: pyarrow 26.0.1, installed with gbstats 0.8.0, which needs pandas below 2 and with it NumPy below 2 (PyPI).
# Expected: an installation without conflicts, as pip and `pip check` report it, can be imported; or pip refuses it.
# Found: pip chooses NumPy 1.26.4, because pyarrow declares no NumPy at all. `import pyarrow` then ends in "pyarrow requires NumPy 2.0 or
#   newer". pyarrow without any NumPy can be imported. tea-tasting, which needs pyarrow, cannot be imported next to gbstats for this reason.
#   pyarrow 21.0.0 works with NumPy 1.26.4.
# Output seen: pip check: No broken requirements found.; pyarrow 26.0.1 needs: nothing; import: ImportError: pyarrow requires NumPy 2.0 or newer, found 1.26.4
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyarrow==26.0.1 gbstats==0.8.0 numpy==1.26.4
checked=$("$dir/venv/bin/python" -m pip --disable-pip-version-check check)
needs=$("$dir/venv/bin/python" -c 'from importlib.metadata import requires; print(requires("pyarrow") or "nothing")')
imported=$("$dir/venv/bin/python" -c 'import pyarrow' 2>&1 | tail -1 || true)
printf 'pip check: %s\npyarrow 26.0.1 needs: %s\nimport: %s\n' "$checked" "$needs" "$imported"
if [[ "$checked" == "No broken requirements found." && "$needs" == nothing && "$imported" == "ImportError: pyarrow requires NumPy 2.0 or newer, found 1.26.4" ]]; then
  echo "as found"
else
  echo "changed"
  exit 1
fi
