#!/usr/bin/env bash
# CPython's own tests of thread executors, and of task groups, against ours: run.sh PYTHON [...]. Each PYTHON is any
# CPython from 3.11; one that cannot import mainstage gets an environment of its own, .venv-X.Y beside .venv. All of the tests run twice: with the
# run that a drop-in opens for itself, the standard implementation's own attributes looked at too, and within a run.
# Then the public tests of process pools, for each start method. Each part ends with `N passed, N failed, N skipped`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || { echo "usage: tests/cpython/run.sh PYTHON [...]" >&2; exit 2; }

for python in "$@"; do
  if ! "$python" -c 'import mainstage' 2>/dev/null; then
    own="$root/.venv-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    [ -x "$own/bin/python" ] || "$python" -m venv "$own"
    "$own/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root"
    python=$own/bin/python
  fi
  "$python" "$root/tests/cpython/run_taskgroups.py"
  if ! "$python" -c 'import test.test_concurrent_futures.util' 2>/dev/null; then
    echo "$("$python" --version) ships no tests of concurrent.futures: nothing to run"
    continue
  fi
  "$python" "$root/tests/cpython/run_suite.py" --private --within-run
  MAINSTAGE_VIEW=plain "$python" "$root/tests/cpython/run_suite.py" 2>&1
  # pools of processes, once for each start method, side by side: they mostly wait
  logs=$(mktemp -d)
  pids=()
  for method in fork forkserver spawn; do
    MAINSTAGE_VIEW=silent "$python" "$root/tests/cpython/run_processes.py" --methods "$method" >"$logs/$method" 2>&1 &
    pids+=("$!")
  done
  failed=0
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  for method in fork forkserver spawn; do
    [ "$failed" = 0 ] || cat "$logs/$method"
    echo "processes by $method: $(tail -n 1 "$logs/$method")"
  done
  rm -rf "$logs"
  [ "$failed" = 0 ] || exit 1
done
