"""How a program ends that a signal stopped: without pages of traceback, and of the signal."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING

from mainstage.errors import Terminated
from mainstage.interrupts import die_of

if TYPE_CHECKING:
    from types import TracebackType

_quiet: list[BaseException] = []
_deadly: list[int] = []


def quieten(error: BaseException) -> None:
    """Have `error` leave no traceback if it ends the process: what there is to say is on the screen.

    A `Terminated` that ends it then does so by its signal; for a `KeyboardInterrupt` Python itself sees to that.
    """
    if not _quiet:
        previous = sys.excepthook

        def hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
            if not any(value is quiet for quiet in _quiet):
                previous(kind, value, traceback)
            elif isinstance(value, Terminated):
                _deadly.append(value.signum)

        sys.excepthook = hook
    _quiet.append(error)


def _die_as_asked() -> None:
    if _deadly:
        die_of(_deadly[0])


atexit.register(_die_as_asked)  # registered early, so that it runs after nearly everybody else's
