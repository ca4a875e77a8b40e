"""The shape that docs/design.md draws: who may import whom, what a worker process pays, what the package offers."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mainstage

ROOT = Path(__file__).parents[2]
OWNER_SIDE = ("rich", "msgspec", "click", "logging", "concurrent.futures", "dataclasses", "inspect", "traceback")
WORKER_SIDE = ("mainstage.events", "mainstage.core.commands", "mainstage.errors", "mainstage.core.clock")
WORKER_PACKAGES = ("tasks", "channels")
OWNED_BY_THE_LOOP = "mainstage.tasks.queue.async_queue"
"""Coroutines put into it: it loads asyncio, which has loaded these already."""

CALLABLES = {"Run", "current_task", "joblib", "map", "status", "stepwise", "task", "track"}
TYPES = {
    "Cancelled",
    "Dashboard",
    "DisplayError",
    "MainstageError",
    "QueueError",
    "Task",
    "TaskTimeout",
    "Terminated",
    "UnknownMessage",
}
MODULES = {"aio", "futures"}
TEXTS = {"__version__"}
PUBLIC = CALLABLES | TYPES | MODULES | TEXTS


def modules() -> list[str]:
    found = pkgutil.walk_packages(mainstage.__path__, "mainstage.")
    return [module.name for module in found if module.name != "mainstage.__main__"]


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_after(code: str) -> set[str]:
    """Which owner-side modules are in `sys.modules` after `code`, in an interpreter that has none at its start."""
    ask = f"import sys\n{code}\nprint(*sorted(set({OWNER_SIDE!r}) & set(sys.modules)))"
    return set(in_a_fresh_interpreter(ask).split())


@pytest.mark.parametrize("config", ["pyproject.toml", "tests/architecture/cycles.toml"])
def test_the_import_contract_is_kept(config: str) -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", config]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]


def test_what_a_bare_interpreter_loads_is_none_of_the_owner_side() -> None:
    assert loaded_after("pass") == set()


def test_a_worker_loads_nothing_of_the_owner_side() -> None:
    assert loaded_after("import mainstage\nmainstage.track\nimport mainstage.tasks.outcome") == set()


@pytest.mark.parametrize(
    "module",
    [
        *WORKER_SIDE,
        *(name for name in modules() if name.split(".")[1] in WORKER_PACKAGES and name != OWNED_BY_THE_LOOP),
    ],
)
def test_no_module_of_the_worker_side_loads_the_owner_side(module: str) -> None:
    assert loaded_after(f"import {module}") == set()


def test_reporting_costs_no_more_than_a_bare_start_with_threading() -> None:
    """`typing`, with what it imports, is as dear as a bare start: `mainstage._typing` stands in for it."""
    uses = "mainstage.track, mainstage.task, mainstage.current_task, mainstage.stepwise"
    ask = f"import sys, mainstage\n{uses}\nprint(*sorted({{'typing', 're', 'enum', 'weakref'}} & set(sys.modules)))"
    assert in_a_fresh_interpreter(ask) == ""


def test_a_track_loop_without_a_run_loads_nothing_of_the_display_in_a_thread() -> None:
    start = "thread = threading.Thread(target=lambda: list(mainstage.track([1, 2])))\nthread.start()\nthread.join()"
    code = f"import threading, mainstage\n{start}"
    assert loaded_after(code) == set()


def test_the_public_names_are_these() -> None:
    assert set(mainstage.__all__) == PUBLIC
    assert set(dir(mainstage)) >= PUBLIC


def test_every_public_name_is_still_what_it_was_after_all_submodules_are_imported() -> None:
    for name in modules():  # an import binds the submodule in its package: `mainstage.track` must stay the function
        importlib.import_module(name)
    for name in CALLABLES:
        assert callable(getattr(mainstage, name)), name
        assert not isinstance(getattr(mainstage, name), ModuleType), name
    for name in TYPES:
        assert isinstance(getattr(mainstage, name), type), name
    for name in MODULES:
        assert isinstance(getattr(mainstage, name), ModuleType), name
    assert isinstance(mainstage.__version__, str)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mainstage.no_such_name  # type: ignore[attr-defined]  # that is the point


@pytest.mark.parametrize("module", modules())
def test_every_module_can_be_imported_first(module: str) -> None:
    in_a_fresh_interpreter(f"import {module}")
