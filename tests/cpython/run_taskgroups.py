"""Run CPython's own tests of `asyncio.TaskGroup` against `mainstage.aio.TaskGroup`.

    python tests/cpython/run_taskgroups.py

The tests are the running interpreter's (`test.test_asyncio.test_taskgroups`), all of them; an interpreter without them is
told so, with status 0. They run twice: with the run that a group opens for itself, and within a silent `Run`. The last
line is `N passed, N failed, N skipped`, of both together.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import types
import unittest

import mainstage
from mainstage import aio

MODULE = "test.test_asyncio.test_taskgroups"


class Made:
    """Counts the groups that were made: the tests must have found ours."""

    count = 0


class TaskGroup(aio.TaskGroup):
    def __init__(self) -> None:
        super().__init__()
        Made.count += 1


def load() -> types.ModuleType | None:
    """Return the tests, in which every name of the group is ours; None: this interpreter ships none."""
    try:
        module = importlib.import_module(MODULE)
    except ImportError:
        return None
    names = vars(asyncio) | {"TaskGroup": TaskGroup}
    module.taskgroups = types.SimpleNamespace(TaskGroup=TaskGroup)
    module.asyncio = types.SimpleNamespace(**names)
    return module


def main() -> int:
    module = load()
    if module is None:
        print(f"Python {sys.version.split()[0]} ships no tests of asyncio.TaskGroup: nothing was run")
        return 0
    runner = unittest.TextTestRunner(stream=sys.stdout)
    load_tests = unittest.defaultTestLoader.loadTestsFromModule
    results = [runner.run(load_tests(module))]
    with mainstage.Run(view="silent", on_error="collect"):
        results.append(runner.run(load_tests(module)))
    failed = sum(len(result.failures) + len(result.errors) for result in results)
    skipped = sum(len(result.skipped) for result in results)
    ran = sum(result.testsRun for result in results)
    if not Made.count:
        print("the tests did not find our TaskGroup")
    print(f"{ran - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not Made.count else 0


if __name__ == "__main__":
    sys.exit(main())
