# Everything here needs python3 (3.11 or newer), make and git; the rest is installed into .venv on first use.
PYTHON ?= python3
FREE ?= python3.13t
BIN := .venv/bin
CORE := .venv/ready-for-the-demo
READY := .venv/ready-for-mainstage

.PHONY: demo test check shape bench soak load free-threading windows docs clean

demo: $(CORE)  ## ten seconds of what a run looks like; installs mainstage and its three dependencies, nothing else
	$(BIN)/mainstage demo

test: $(READY)  ## the whole suite on one interpreter
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal

check: $(READY)  ## lint, format, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/lint-imports --config tests/architecture/cycles.toml

shape: $(READY)  ## the countable figures of the package's shape, with their goals
	$(BIN)/python -m tests.architecture.shape

bench: $(READY)  ## every budget row beside its peers
	$(BIN)/python -m bench

soak: $(READY)  ## long runs: leaks, stalls, races; other libraries' suites under exec; then guarded lines broken one by one
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.suites
	$(BIN)/python -m tests.faults.chaos 100
	$(BIN)/python -m tests.faults.product
	$(BIN)/python -m tests.faults.resources 2000
	for use in 1 2 3 5; do $(BIN)/python -m tests.faults.inject --at=$$use || exit 1; done
	$(BIN)/python -m tests.faults.texts
	$(BIN)/python -m tests.faults.mutations

load: $(READY)  ## the whole suite ten times beside four busy processes: no test may need quiet cores
	$(BIN)/python -m tests.faults.load 10 4

free-threading: $(READY)  ## worker, channels and executors on a CPython without the GIL: make free-threading FREE=python3.14t
	tests/faults/free_threading.sh $(FREE)

windows: $(READY)  ## what is portable on Windows' own Python under wine, and what a console shows
	.ci/windows

docs: $(READY)  ## what in the docs is made from the code
	$(BIN)/python docs/build.py

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Every rule that installs begins with this: a Python that will do, and an environment of it.
define ENVIRONMENT
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mainstage needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): run make PYTHON=/path/to/python3.x" >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' has no venv: apt-get install python3-venv (Debian splits it off), then make again" >&2; exit 1; }
test -x $(BIN)/python || $(PYTHON) -m venv .venv
endef

$(CORE): pyproject.toml
	$(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY): pyproject.toml
	$(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(CORE) $@
