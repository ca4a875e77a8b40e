"""Run CPython's own tests of process pools against `mainstage.futures.ProcessPoolExecutor`.

    python tests/cpython/run_processes.py [--methods fork,forkserver,spawn] [--list] [NAME ...]

As `run_suite.py`, for each start method. Left out are tests that start a script which imports the standard class by its
name, tests of attributes that only the standard implementation has, and those of `CANNOT_APPLY`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib
import sys
import unittest

import run_suite
from mainstage import futures

MODULES = (*run_suite.MODULES, "test_process_pool")
METHODS = ("fork", "forkserver", "spawn")
OURS_TOO = {"_processes", "_max_workers", "_mp_context", "_broken"}
"""Attributes of the standard implementation that ours has as well."""
CANNOT_APPLY = {
    "test_killed_child": "demands BrokenProcessPool for every task once a worker was killed; ours loses the task at hand",
    "test_python_finalization_error": "replaces a function of `threading` that the standard pool starts its threads by, "
    "and demands BrokenProcessPool",
    "test_saturation": "demands that all processes exist as soon as submit returns; ours are started by the dispatcher",
    "test_processes_terminate": "as test_saturation, and submits a local function, whose failure it never looks at",
    "test_broken_process_pool_traceback": "as test_killed_child (3.14)",
    "test_failed_worker_replacement_breaks_pool": "replaces a private function that starts the standard pool's workers (3.14)",
    "test_force_shutdown_during_max_tasks_worker_exit": "sets a private attribute of the standard pool (3.14)",
    "test_force_shutdown_workers": "demands that methods of the Process object are called; ours signals the group (3.14)",
    "test_force_shutdown_workers_dead_workers": "as test_killed_child (3.14)",
    "test_force_shutdown_workers_stops_pool": "asks a Process object that ours has closed by then (3.14)",
    "test_gc_during_max_tasks_worker_exit_gh152967": "demands BrokenProcessPool for what waits in a pool that is shut down "
    "without waiting, or forgotten; ours does it (3.14)",
    "test_shutdown_no_wait_max_tasks_gh119592": "as test_gc_during_max_tasks_worker_exit_gh152967 (3.14)",
    "test_force_shutdown_workers_invalid_op": "calls a private method of the standard pool (3.14)",
    "test_terminate_workers": "replaces a private method of the standard pool (3.14)",
    "test_kill_workers": "as test_terminate_workers (3.14)",
    "test_hang_gh83386": "skips itself for the standard class and starts a script for any other",
}
"""Tests that are not about what a pool promises, each with its reason (docs/processes.md has them too)."""


class Pool(futures.ProcessPoolExecutor):
    """Ours, with the name by which helpers of the tests find the thread that is to end."""

    _executor_manager_thread = property(lambda self: self._pool.dispatcher._thread)


def collect(methods: list[str]) -> list[unittest.TestCase] | None:
    """Return the tests that apply; None: this interpreter ships none."""
    try:
        util = importlib.import_module(f"{run_suite.PACKAGE}.util")
    except ImportError:
        return None
    importlib.import_module("test.support").verbose = False
    mixins = tuple(getattr(util, f"ProcessPool{method.capitalize()}Mixin") for method in methods)
    internals = set(vars(concurrent.futures.ProcessPoolExecutor(1))) - OURS_TOO
    for mixin in mixins:
        mixin.executor_type = Pool
    found = []
    for name in MODULES:
        module = importlib.import_module(f"{run_suite.PACKAGE}.{name}")
        if hasattr(module, "futures"):
            theirs = run_suite.their_futures()
            theirs.ProcessPoolExecutor = Pool
            theirs.process = concurrent.futures.process
            module.futures = theirs
        tests = run_suite.flat(unittest.defaultTestLoader.loadTestsFromModule(module))
        found += [test for test in tests if isinstance(test, mixins) and run_suite.applies(test, internals)]
    return [test for test in found if test._testMethodName not in CANNOT_APPLY]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    tests = collect(options.methods.split(","))
    if tests is None:
        print(f"Python {sys.version.split()[0]} ships no tests of concurrent.futures: nothing was run")
        return 0
    if options.names:
        tests = [test for test in tests if any(name in run_suite.short(test) for name in options.names)]
    if options.list:
        print(*sorted(map(run_suite.short, tests)), sep="\n")
        return 0
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(unittest.TestSuite(tests))
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
