#!/usr/bin/env bash
# free_threading.sh PYTHON: what threads do at once, tested on a CPython without the GIL. Kept in .venv-free-threading.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec </dev/null
home=.venv-free-threading
"$1" -c 'import sys; sys.exit(getattr(sys, "_is_gil_enabled", lambda: True)())' || { echo "$1 has the GIL, or is not there: give one without it, FREE=/path/to/python3.14t" >&2; exit 1; }
[ -x "$home/bin/python" ] || "$1" -m venv "$home"
# without dependencies: msgspec has nothing for 3.13t, and hypothesis after 6.139 asks for a compiler of Rust there
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
"$home/bin/python" -m pip install --quiet --disable-pip-version-check rich click cloudpickle 'hypothesis<6.140' pyte pytest pytest-timeout pytest-xdist tqdm 2>&1 | grep -v 'msgspec\|dependency resolver' || true
for round in 1 2 3; do
  "$home/bin/python" -m pytest -q -p no:cacheprovider --numprocesses 2 tests/worker tests/channels tests/state tests/futures tests/aio
done
