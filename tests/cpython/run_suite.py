"""Run CPython's own tests of thread executors, `wait` and `as_completed` against `mainstage.futures`.

    python tests/cpython/run_suite.py [--private] [--within-run] [--list] [NAME ...]

The tests are the running interpreter's (`test.test_concurrent_futures`); an interpreter without them is told so, with
status 0. A test is left out if it starts a script that imports the standard class by name, and, unless `--private` is
given, if it reads attributes that only the standard implementation has. Where `names-X.Y.txt` stands beside this file,
each name in it must have run. `--within-run` runs each test inside a silent `Run`, so that `wait` and `as_completed`
are ours for every future. The last line is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import concurrent.futures.thread
import importlib
import sys
import types
import unittest
from pathlib import Path

import mainstage
from mainstage import futures

PACKAGE = "test.test_concurrent_futures"
MODULES = ("test_thread_pool", "test_shutdown", "test_as_completed", "test_wait", "test_init")
SCRIPTS = {"assert_python_ok", "run_python_until_end", "script_helper"}
NAMES = Path(__file__).parent / "names-{}.{}.txt".format(*sys.version_info)


def their_futures() -> types.SimpleNamespace:
    """Return what the tests are to find under the name `concurrent.futures`: ours where there is one."""
    theirs = {name: getattr(concurrent.futures, name) for name in concurrent.futures.__all__}
    return types.SimpleNamespace(**theirs | {name: getattr(futures, name) for name in futures.__all__})


def names_in(code: types.CodeType) -> set[str]:
    """Return every name that a function loads, in functions within it too."""
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(names_in, inner))


def applies(test: unittest.TestCase, internals: set[str]) -> bool:
    """Return whether a test is about what an executor does, and not about where it lives or how it is made."""
    loaded = names_in(getattr(test, test._testMethodName).__func__.__code__)
    return not loaded & (SCRIPTS | internals)


def flat(suite: unittest.TestSuite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


def short(test: unittest.TestCase) -> str:
    """Return the name that the lists have: Class.method."""
    return test.id().removeprefix(f"{PACKAGE}.").partition(".")[2]


def collect(internals: set[str]) -> list[unittest.TestCase] | None:
    """Return the tests that apply; None: this interpreter ships none."""
    try:
        util = importlib.import_module(f"{PACKAGE}.util")
    except ImportError:
        return None
    importlib.import_module("test.support").verbose = False
    util.ThreadPoolMixin.executor_type = futures.ThreadPoolExecutor
    found = []
    for name in MODULES:
        module = importlib.import_module(f"{PACKAGE}.{name}")
        if hasattr(module, "futures"):
            module.futures = their_futures()
        tests = flat(unittest.defaultTestLoader.loadTestsFromModule(module))
        found += [test for test in tests if isinstance(test, util.ThreadPoolMixin) and applies(test, internals)]
    return found


class Result(unittest.TextTestResult):
    """Remembers which tests ran to their end."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.ran: set[str] = set()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        if test not in {skipped for skipped, _ in self.skipped}:
            self.ran.add(short(test))


class WithinRun(unittest.TestSuite):
    """Runs its tests inside a run that shows nothing and cares for no failure."""

    def run(self, result, debug=False):
        for test in self._tests:
            with mainstage.Run(view="silent", on_error="collect"):
                unittest.TestSuite([test]).run(result, debug)
        return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--private", action="store_true")
    parser.add_argument("--within-run", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    internals = set() if options.private else set(vars(concurrent.futures.ThreadPoolExecutor(1)))
    tests = collect(internals)
    if tests is None:
        print(f"Python {sys.version.split()[0]} ships no tests of concurrent.futures: nothing was run")
        return 0
    if options.names:
        tests = [test for test in tests if short(test) in options.names]
    if options.list:
        print(*sorted(map(short, tests)), sep="\n")
        return 0
    suite = (WithinRun if options.within_run else unittest.TestSuite)(tests)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result).run(suite)
    wanted = set() if options.names or not NAMES.exists() else set(NAMES.read_text(encoding="utf-8").split())
    missing = sorted(wanted - result.ran)
    for name in missing:
        print(f"in {NAMES.name}, and not run: {name}")
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or missing or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
