"""Drop-ins for `concurrent.futures`: change the import, and the program has a display.

Signatures and semantics are the standard library's (a running future does not cancel, one failure cancels nothing, a
generator function gives a generator), with one exception: Ctrl-C while a call of this module waits asks the work to
stop and raises `KeyboardInterrupt` when it has. The display begins with the main thread's first submit, and ends when
no future is pending; in other threads, and in child processes, an executor is the standard library's and no more,
unless a run is live.
"""

from __future__ import annotations

import concurrent.futures
import os
import sys
import threading
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
)
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mainstage import exits, waiting
from mainstage.attach import Adopted, describe_submitted
from mainstage.session import Run, current_run
from mainstage.waiting import DoneAndNotDone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "CancelledError",
    "DoneAndNotDone",
    "Executor",
    "Future",
    "InvalidStateError",
    "ThreadPoolExecutor",
    "TimeoutError",
    "as_completed",
    "wait",
]

P = ParamSpec("P")
R = TypeVar("R")
TimeoutError = TimeoutError  # noqa: A001, PLW0127  # `concurrent.futures` has the builtin under this name too


class Implicit:
    """The run that exists because a drop-in executor has work: opened by a submit, closed when none is pending."""

    def __init__(self) -> None:
        self.run: Run | None = None
        """The run that it opened, while that is live."""
        self._lock = threading.Lock()
        """Held by who submits; who ends the run only tries, since it may be a signal handler on the same thread."""
        self._pid = os.getpid()
        self._over = False
        self._stuck: Run | None = None
        """The last run that ended although calls did not stop when they were asked to."""

    def expect(self, description: str) -> tuple[Run, Adopted] | None:
        """Return what shows a call about to be submitted, opening a run if need be; None: there is no display for it.

        Raises `RuntimeError` while the interpreter waits for the last calls, as a submit does.
        """
        if self._over:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        if os.getpid() != self._pid:
            return None  # the run is the parent's, and so is the terminal
        with self._lock:
            run = current_run()
            if run is None:
                if threading.current_thread() is not threading.main_thread() or _is_child():
                    return None
                run = self.run = Run(on_error="collect")
                run.open_implicitly(self.end)
            return run, run.expect(description)

    def end(self) -> None:
        """End the run if nothing is pending in it; on its owner's thread, also in a signal handler. Raises nothing."""
        run = self.run
        if run is None or not self._lock.acquire(blocking=False):
            return  # a call is just being submitted: its end brings us here again
        try:
            if run is current_run() and not run.pending():
                self.run = None
                run.close_implicitly()
                self._stuck = run if run.stuck() else self._stuck
        finally:
            self._lock.release()

    def finish(self) -> None:
        """Wait for what is pending when the interpreter exits, taking no more, and show the end."""
        self._over = True
        error = getattr(sys, "last_value", None)  # what the program ends with, if it is no exit
        interrupt = error if isinstance(error, KeyboardInterrupt) else None
        run = self.run
        if run is not None and run.pumps():
            try:
                if interrupt is not None:
                    run.cancel("Ctrl-C")
                run.wait_until(lambda: not run.pending())
            except KeyboardInterrupt as caught:
                interrupt = caught
                exits.die_at_the_end(caught)
            self.end()
        if interrupt is not None and self._stuck is not None and self._stuck.stuck():
            exits.end_at_once(interrupt)


_implicit = Implicit()


def _is_child() -> bool:
    """Return whether `multiprocessing` has started this process for work of its parent's."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


class ShownFuture(Future[R]):
    """A `concurrent.futures.Future` whose `result` and `exception` keep the display alive while they wait."""

    settled = False
    """Whether its run has learned of its end."""

    def result(self, timeout: float | None = None) -> R:
        """As `Future.result`."""
        try:
            return super().result(self._shown(timeout))
        finally:
            self = None  # type: ignore[assignment]  # noqa: PLW0642  # the exception has this frame: no cycle, as there

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As `Future.exception`."""
        return super().exception(self._shown(timeout))

    def _shown(self, timeout: float | None) -> float | None:
        """Wait where this is the thread that draws, and return how long is left to wait."""
        run = current_run()
        if run is None or not run.pumps() or (self.settled and run is not _implicit.run):
            return timeout
        run.wait_until(lambda: self.settled, timeout)
        return None if timeout is None else 0


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """`concurrent.futures.ThreadPoolExecutor` under a display; its workers may use `track`, `task` and the rest."""

    shows_itself = True

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As the standard library's."""
        refused = self._shutdown or self._broken  # the standard one says so; there is nothing to show
        expected = None if refused else _implicit.expect(describe_submitted(fn, args))
        if expected is None:
            return super().submit(fn, *args, **kwargs)
        run, adopted = expected
        unsettled = self._unsettled()
        unsettled[adopted.id] = adopted

        def settle(future: Future[Any]) -> None:
            unsettled.pop(adopted.id, None)
            vars(future)["settled"] = True

        adopted.on_end = settle
        try:
            future = run.adopt(adopted, super().submit, adopted.inside(fn), args, kwargs)
        except BaseException:
            unsettled.pop(adopted.id, None)
            if run.pumps():
                _implicit.end()
            raise
        if type(future) is Future:
            future.__class__ = ShownFuture
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's; the display stays alive while it waits."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            unsettled = self._unsettled()
            run = current_run()
            if unsettled and run is not None and run.pumps():
                run.wait_until(lambda: not unsettled)
            super().shutdown(wait=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Wait for what was submitted; leaving by Ctrl-C, ask it to stop first."""
        if isinstance(error, KeyboardInterrupt):
            for adopted in reversed(list(self._unsettled().values())):  # waiting ones first: none begins meanwhile
                adopted.cancel("Ctrl-C")
        return super().__exit__(kind, error, traceback)

    def _unsettled(self) -> dict[int, Adopted]:
        """Return the calls under a display that have not ended; not made in `__init__`, whose signature is not ours."""
        return vars(self).setdefault("_shown", {})  # type: ignore[no-any-return]  # of this type, or new


def as_completed(fs: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
    """As `concurrent.futures.as_completed`, keeping the display alive while it waits."""
    return waiting.as_completed(current_run(), fs, timeout)


def wait(fs: Iterable[Future[R]], timeout: float | None = None, return_when: str = ALL_COMPLETED) -> DoneAndNotDone[R]:
    """As `concurrent.futures.wait`, keeping the display alive."""
    return waiting.wait(current_run(), fs, timeout, return_when)


threading._register_atexit(_implicit.finish)  # type: ignore[attr-defined]  # noqa: SLF001  # before the standard pools are joined
