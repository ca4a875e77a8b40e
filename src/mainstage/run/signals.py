"""Signals become messages where the owner waits in our loop, and exceptions where it runs other code.

Only handlers that are still the default ones are replaced, and only put back where they are still ours. A forked child
has the handlers from before: it dies of SIGTERM like any other, also where it stands still.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mainstage.core.unpatched import in_main_thread
from mainstage.errors import Terminated
from mainstage.tasks.task import note_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from mainstage.run.render_loop import RenderLoop

LAST_STAGE = 3

F = TypeVar("F", bound="Callable[..., object]")

_uninterrupted: dict[CodeType, bool] = {}


def defer_signals(function: F) -> F:
    """Defer signals that arrive in `function`, or in what it calls: they raise nothing there."""
    _uninterrupted[function.__code__] = True
    return function


def allow_signals(function: F) -> F:
    """Allow signals to raise in `function`, also where a deferring one has called it."""
    _uninterrupted[function.__code__] = False
    return function


def _is_uninterrupted(frame: FrameType | None) -> bool:
    while frame is not None:
        found = _uninterrupted.get(frame.f_code)
        if found is not None:
            return found
        frame = frame.f_back
    return False


class Emergency(Protocol):
    """What can give the terminal back without a loop."""

    def emergency(self) -> None:
        """Write the reset sequences, now."""
        ...


CONTROL_C_EXIT = 0xC000013A - (1 << 32)
"""The status with which Windows ends a program at Ctrl-C, as the signed number that `os._exit` takes."""


def _nothing(_: object) -> None:
    """Do nothing."""


def die_by_signal(signum: int) -> None:
    """End this process by `signum`, as its default action does, so that a shell sees the signal.

    Windows has no signal to die of, and its `os.kill` would end the process with status 2.
    """
    if os.name == "nt":
        os._exit(CONTROL_C_EXIT)
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


class SignalHandlers:
    """The handlers of one run; `install` and `restore` on the main thread."""

    def __init__(self, loop: RenderLoop, stop: Callable[[str, int], int], stage: Callable[[], int] = int) -> None:
        """Take `stop(cause, signum)`, which puts the request into the inbox; both return the stage of the last one."""
        self._loop = loop
        self._stop = stop
        self._stage = stage
        self._pid = os.getpid()
        self._previous: dict[int, object] = {}
        self._held: list[int] = []
        """What came where it is not to be raised: in a round of the loop within other code, or in `defer_signals`."""
        self.cell_cancelled = False
        """Whether Ctrl-C has cancelled a notebook's cell that awaits: its `CancelledError` stands for that."""
        self.closing = False
        """Whether the last picture is on its way: nobody takes requests any more."""
        self.on_raise: Callable[[KeyboardInterrupt], object] = _nothing
        """Told of what is raised for a signal that would have killed without a word."""
        self._over = False
        """Whether the run has ended on another thread, which cannot put handlers back: each does so when it is called.
        """
        self._theirs: Callable[[], Callable[..., object] | None] = lambda: None
        """Returns the event loop's own handler of Ctrl-C, which lives as long as the loop runs; afterwards None."""
        self._cancel: Callable[[], object] | None = None
        self._raising: Callable[[KeyboardInterrupt], object] | None = None

    def install(self) -> None:
        """Take the signals whose handlers are the default ones."""
        if not in_main_thread():
            return
        for ended in [one for one in _installed if one._over]:  # noqa: SLF001  # its own class
            ended.restore()
        _give_back_in_children(self)
        self._take(signal.SIGINT, self._on_stop, only=signal.default_int_handler)
        self._take(signal.SIGTERM, self._on_stop, only=signal.SIG_DFL)
        for name, handler in (("SIGHUP", self._on_stop), ("SIGTSTP", self._on_suspend)):
            if hasattr(signal, name):
                self._take(getattr(signal, name), handler, only=signal.SIG_DFL)
        for name, handler in (("SIGCONT", self._on_continue), ("SIGWINCH", self._on_resize)):
            if hasattr(signal, name):
                self._take(getattr(signal, name), handler)

    def use_asyncio_rules(
        self,
        cancel: Callable[[], object],
        theirs: Callable[[object], bool],
        raising: Callable[[KeyboardInterrupt], object],
    ) -> None:
        """Keep to the rules of the event loop that has this thread: the first signal is a cancellation.

        `cancel()` asks its main coroutine to stop; a handler of Ctrl-C that is `theirs` does so, and is called.
        `raising(error)` is called with what the second one raises.
        """
        if in_main_thread():
            self._cancel = cancel
            self._raising = raising
            handler: Any = signal.getsignal(signal.SIGINT)
            if theirs(handler):
                self._take(signal.SIGINT, self._on_stop)
                self._previous[signal.SIGINT] = signal.default_int_handler
                self._theirs = weakref.ref(handler)

    def retake(self, replaceable: Callable[[object], bool]) -> None:
        """Take Ctrl-C again, where a handler that is `replaceable` has its place: who runs cells sets one for each."""
        if in_main_thread() and replaceable(signal.getsignal(signal.SIGINT)):
            self._take(signal.SIGINT, self._on_stop)

    def restore(self) -> None:
        """Restore the previous handlers, where no others were set meanwhile. Any thread: see `_over`."""
        if not in_main_thread():
            self._over = bool(self._previous)
            return
        self._over = False
        for signum, previous in self._previous.items():
            if getattr(signal.getsignal(signum), "__self__", None) is self:
                theirs = self._theirs() if signum == signal.SIGINT else None
                signal.signal(signum, theirs or previous)  # type: ignore[arg-type]  # what getsignal gave us
        self._previous.clear()
        if self in _installed:
            _installed.remove(self)

    def _hand_back(self, signum: int, frame: FrameType | None) -> bool:
        """Where the run has ended, put the previous handlers back and have this signal do what it does with them."""
        if not self._over:
            return False
        self.restore()
        handler = signal.getsignal(signum)
        if callable(handler):
            handler(signum, frame)
        elif handler == signal.SIG_DFL:
            os.kill(os.getpid(), signum)
        return True

    def _take(self, signum: int, handler: Callable[[int, FrameType | None], None], *, only: object = None) -> None:
        current = signal.getsignal(signum)
        if current is None or (only is not None and current is not only):
            return
        self._previous[signum] = current
        signal.signal(signum, handler)

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        if self._hand_back(signum, frame) or os.getpid() != self._pid:
            return
        if self._loop.beating:
            self._keep(signum)
        elif self._loop.pumping and not (self.closing and _is_uninterrupted(frame)):
            if self._stop(_name(signum), signum) >= LAST_STAGE:
                self._die(signum)
        else:
            self._arrive(signum, frame)

    def _arrive(self, signum: int, frame: FrameType | None) -> None:
        """Do in other code what the signal asks for."""
        if _is_uninterrupted(frame):
            self._keep(signum)
            return
        if self._cancel is None:
            if signum == signal.SIGINT and self._cancel_cell(frame):
                return
            error = _exception(signum)
            note_interrupt()
            if signum != signal.SIGINT:
                self.on_raise(error)
            raise error
        stage = self._stop(_name(signum), signum)
        if stage >= LAST_STAGE:
            self._die(signum)
        theirs = self._theirs() if signum == signal.SIGINT else None
        try:
            if theirs is not None:
                theirs(signum, frame)
            elif stage == 1:
                self._cancel()
            else:
                raise _exception(signum)
        except KeyboardInterrupt as error:
            if self._raising is not None:
                self._raising(error)
            raise

    def _cancel_cell(self, frame: FrameType | None) -> bool:
        """Call the handler of who runs cells, where one is awaited: it has the cell cancelled. False: there is none."""
        theirs = self._previous.get(signal.SIGINT)
        if not callable(theirs) or theirs is signal.default_int_handler:
            return False
        self.cell_cancelled = True
        theirs(signal.SIGINT, frame)
        running = sys.modules["asyncio"]._get_running_loop() if "asyncio" in sys.modules else None  # noqa: SLF001  # the public one raises
        if running is not None:
            running.call_soon_threadsafe(_nothing, None)  # it may wait for its sockets
        return True

    def raise_deferred(self) -> None:
        """Raise what came during a round of the loop within other code, now that the round is over."""
        if self._held and not _is_uninterrupted(sys._getframe()):  # noqa: SLF001  # as a handler has it
            self._arrive(self._taken()[0], None)

    def _keep(self, signum: int) -> None:
        self._held.append(signum)
        if self._stage() + len(self._held) >= LAST_STAGE:
            self._die(signum)

    def _taken(self) -> list[int]:
        held, self._held = self._held, []  # in one go: another may come at any moment
        return held

    def forward_deferred(self) -> None:
        """Make requests of the signals that were held back; on the owner's thread, as it waits."""
        for signum in self._taken():
            if self._stop(_name(signum), signum) >= LAST_STAGE:
                self._die(signum)

    def take_deferred(self) -> KeyboardInterrupt | None:
        """Return the exception that stands for the signals that were held back, and forget them; None: none was."""
        held = self._taken()
        return _exception(held[0]) if held else None

    def _die(self, signum: int) -> None:
        emergency = getattr(self._loop.display, "emergency", None)
        if emergency is not None:
            emergency()
        die_by_signal(signum)

    def _on_suspend(self, signum: int, frame: FrameType | None) -> None:
        if self._hand_back(signum, frame):
            return
        self._loop.call_soon(lambda: self._suspend(signum))

    def _suspend(self, signum: int) -> None:
        self._loop.display.suspend()
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
        self._go_on()  # SIGCONT may reach another thread, when this one is back in a blocking call already
        self._loop.repaint()

    def _on_continue(self, signum: int, frame: FrameType | None) -> None:
        if self._hand_back(signum, frame):
            return
        self._go_on()
        self._on_resize(signum, frame)

    def _go_on(self) -> None:
        if signal.SIGTSTP in self._previous:
            signal.signal(signal.SIGTSTP, self._on_suspend)

    def _on_resize(self, signum: int, frame: FrameType | None) -> None:
        if self._hand_back(signum, frame):
            return
        previous = self._previous.get(signum)
        if callable(previous):
            previous(signum, frame)
        if os.getpid() == self._pid:
            self._loop.call_soon(self._loop.repaint)


def _name(signum: int) -> str:
    return "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name


def _exception(signum: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if signum == signal.SIGINT else Terminated(_name(signum), signum)


# --- fork ---

_installed: list[SignalHandlers] = []
_hooked: list[int] = []


def _give_back_in_children(interrupts: SignalHandlers) -> None:
    if not _hooked and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_in_child)
        _hooked.append(os.getpid())
    _installed.append(interrupts)


def _after_in_child() -> None:
    for interrupts in reversed(_installed.copy()):
        interrupts.restore()
