"""A plugin of pytest for tqdm's own tests: `tqdm` is `mainstage.tqdm` in them.

`SWAPPED_AS=tasks`: a silent run is live in each test, and every bar is a task of it. `SWAPPED_AS=none`: tqdm itself.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = ("std", "asyncio", "auto", "autonotebook", "notebook", "contrib")
CONTRIB = ("concurrent", "itertools", "logging")
HOW = os.environ.get("SWAPPED_AS", "text")


def swap() -> None:
    """Put ours in the place of tqdm's, with the names that its tests take from where nobody else does."""
    ours: Any = importlib.import_module("mainstage.tqdm")
    std: Any = importlib.import_module("mainstage.tqdm.std")
    std.Bar = importlib.import_module("mainstage.tqdm.line").MeterBar
    ours.TMonitor = type("TMonitor", (), {"_test": {}})
    sys.modules["tqdm"] = ours
    for name in MODULES:
        sys.modules[f"tqdm.{name}"] = importlib.import_module(f"mainstage.tqdm.{name}")
    for name in CONTRIB:
        sys.modules[f"tqdm.contrib.{name}"] = importlib.import_module(f"mainstage.tqdm.contrib.{name}")


if HOW != "none":
    swap()


def pytest_configure(config: pytest.Config) -> None:
    for mark in ("asyncio", "slow"):
        config.addinivalue_line("markers", mark)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine, as the plugin that tqdm's tests are written for does."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


if HOW == "tasks":

    @pytest.fixture(autouse=True)
    def _live(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        from mainstage import Run  # noqa: PLC0415  # after the swap

        def is_own(stream: object) -> bool:
            return stream in (sys.stdout, sys.stderr)  # which pytest has replaced

        monkeypatch.setattr(sys.modules["mainstage.tqdm.std"], "is_own_stream", is_own)
        with Run(view="silent"):
            yield
