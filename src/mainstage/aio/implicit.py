"""The run that coroutines belong to: the one whose block they stand in, else the one that is live, else one of theirs.

That last one is opened on the main thread, as for a drop-in executor, and ends when nothing is pending in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING

from mainstage.core.fork import works_for_parent
from mainstage.run.implicit import last_lines
from mainstage.run.run import Run, current_run

if TYPE_CHECKING:
    from mainstage.run.async_scope import ExternalScope, ScopeCallbacks


class ImplicitGroup:
    """The run that exists because coroutines are under way."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._events: asyncio.AbstractEventLoop | None = None
        self._entering = False
        """While something joins it; who ends the run may be a signal handler in the middle of that."""
        self._pid = os.getpid()

    def stay(self, orders: ScopeCallbacks) -> ExternalScope | None:
        """Open a scope in the live run, or in one that is opened now; None: it cannot be shown."""
        self._entering = True
        try:
            run = current_run() or self._open()
            return run._open_scope(orders) if run is not None else None
        finally:
            self._entering = False

    def _open(self) -> Run | None:
        if threading.current_thread() is not threading.main_thread() or os.getpid() != self._pid or works_for_parent():
            return None  # nobody could draw on this thread, or the terminal is the parent's
        self._events = asyncio.get_running_loop()
        run = self._run = Run(on_error="collect")
        run._open_implicitly(self._end, self.end_soon)
        return run

    def end_soon(self) -> None:
        """End it, unless something new begins at once. Any thread."""
        if self._run is not None and self._events is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next round, wherever it is, ends the run
                self._events.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        """End it if nothing is pending in it; on its owner's thread, also in a signal handler. Raises nothing."""
        run = self._run
        if run is not None and not self._entering and run is current_run() and not run._goes_on():
            self._run = None
            ended = run._close_implicitly()
            if ended is not None:
                last_lines.keep(*ended)
                if ended[0].loop.state.counts.cancelled:
                    last_lines.say()  # the program has stopped it, and may be about to end by an error


_implicit = ImplicitGroup()


def stay(orders: ScopeCallbacks) -> ExternalScope | None:
    """Return the scope of what a coroutine begins, which ends with its `leave`; None: nothing is shown."""
    return _implicit.stay(orders)
