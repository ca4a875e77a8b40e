"""What holds for every test: a known environment, a deadline (pyproject.toml), no sleeping where time is virtual."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SLEEPLESS = ("contract", "state", "views", "display", "worker")
FOREIGN = (
    "ACCESSIBLE",
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "LINES",
    "NO_COLOR",
    "PYTHONBREAKPOINT",  # Ray sets it where it is started
    "TERM_PROGRAM",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)

PEERS = "MAINSTAGE_PEERS"
"""It names a folder of other libraries' sources: tests/swapped/peers.py."""

settings.register_profile("here", deadline=None)  # shared cores: a slow example says nothing
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "here")


class Ran:
    """The files of which at least one test was run to its end, written out for `.ci/ran.py`."""

    def __init__(self, report: Path, root: Path) -> None:
        self._report = report
        self._root = root
        self._files: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            self._files.add(report.nodeid.partition("::")[0])

    def pytest_sessionfinish(self) -> None:
        self._report.write_text("".join(f"{file}\n" for file in sorted(self._files)), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    report = os.environ.get("MAINSTAGE_TEST_REPORT")
    if report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ran(Path(report), config.rootpath))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background: its children inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in _foreign():  # fixtures that outlive a test, and the programs that they start, see no more either
        del os.environ[name]
    os.environ["TERM"] = "xterm-256color"


def _foreign() -> list[str]:
    ours = (name for name in os.environ if name.startswith("MAINSTAGE_") and name != PEERS)
    return [*(name for name in os.environ if name in FOREIGN), *ours]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("tmux") and shutil.which("tmux") is None:
        pytest.skip(f"{item.name}: tmux is not installed")


@pytest.fixture(autouse=True)
def known_environment() -> Iterator[None]:
    """Take away what the caller's shell says about terminals; children of a test inherit the result."""
    with pytest.MonkeyPatch.context() as patch:  # and not the fixture: hypothesis bans one made anew for each test
        for name in _foreign():
            patch.delenv(name)
        patch.setenv("TERM", "xterm-256color")
        yield


def _asleep(seconds: float) -> None:
    if threading.current_thread() is threading.main_thread():
        pytest.fail(
            f"time.sleep({seconds}) in a test of virtual time: advance its clock, or wait for what it waits for"
        )
    threading.Event().wait(seconds)


@pytest.fixture(autouse=True)
def sleepless(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that sleeps on the main thread, in the folders where time is data."""
    folder = request.path.relative_to(HERE).parts[0]
    with pytest.MonkeyPatch.context() as patch:
        if folder in SLEEPLESS:
            patch.setattr(time, "sleep", _asleep)
        yield
