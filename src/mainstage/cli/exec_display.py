"""A show around a program that knows nothing of it: its signals, its output, its forks and its exits stay its own.

What differs from the show of a `Run`:
1. A signal does what it would do without us. Handlers are left alone but while a round of the loop runs: what comes
   then is handed to the program's own handler right after. SIGTERM and SIGHUP give the terminal back and kill.
2. What the main thread writes outside of any task goes straight to the terminal, in step with children and C code,
   where there are no rows or a scroll region keeps them out of reach. What tasks wrote before is shown first.
3. A forked child has no display, no metronome is there to be copied, and who leaves by `os._exit` or becomes another
   program gives the terminal back.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from mainstage.core.unpatched import get_ident
from mainstage.events import TextWritten
from mainstage.run.display_session import DisplayOptions, DisplaySession
from mainstage.run.external import ExternalExecutors
from mainstage.run.render_loop import BATCH, RenderLoop
from mainstage.run.signals import SignalHandlers, die_by_signal
from mainstage.tasks.capture.lines import Lines
from mainstage.tasks.capture.streams import EarlyStreamProxy
from mainstage.tasks.integrations.asyncio_ import CoroutineBridge
from mainstage.tasks.integrations.executors import PoolBridge
from mainstage.tasks.reporter import live
from mainstage.ui.display.stream import StreamDisplay
from mainstage.ui.display.terminal import TerminalDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from mainstage.tasks.integrations.base import Bridge

LAST_PATIENCE = 5.0
"""Seconds for text that was written before what the program is about to write."""
HELD = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGALRM", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPROF", "SIGVTALRM")
    if hasattr(signal, name)
]
"""Signals whose handlers may raise, SIGINT first."""
PATIENCE = 1.0
"""Seconds between two looks at a terminal that takes nothing."""


class ExecSignalHandlers(SignalHandlers):
    """The program's handlers, kept out of rounds of the loop; ours only where the default action would kill."""

    busy: Callable[[], bool] = staticmethod(lambda: False)
    """Whether runs of the program's own are live: for these, signals are what they are for any run."""
    last_words: Callable[[str], None] = staticmethod(lambda _: None)
    """Called with the name of the signal before the process dies of it."""

    def __init__(self, loop: RenderLoop, stop: Callable[[str, int], int], stage: Callable[[], int] = int) -> None:
        super().__init__(loop, stop, stage)
        self._found: list[tuple[int, Any]] = []
        self._deferred: list[tuple[int, Any]] = []
        cast("ExecRenderLoop", loop).shield = self

    def install(self) -> None:
        """Take what kills or stops by default, and resizes; SIGINT stays as Python has it."""
        super().install()
        if self._previous.pop(signal.SIGINT, None) is not None:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            die_by_signal(signum)
        if signum == signal.SIGINT or self.busy():
            super()._on_stop(signum, frame)
            return
        self.last_words(signal.Signals(signum).name)
        die_by_signal(signum)

    @contextlib.contextmanager
    def rounds(self, *, waiting: bool) -> Iterator[None]:
        """Keep the program's handlers out of the block; `waiting`: only Ctrl-C, which is then a request to stop."""
        self._hold(waiting=waiting)
        try:
            yield
        finally:
            self._release()

    def _hold(self, *, waiting: bool) -> None:
        if self._found or os.getpid() != self._pid:
            return
        try:
            for signum in HELD[:1] if waiting else HELD:
                handler = signal.getsignal(signum)
                ours = self._on_stop if waiting else self._defer
                default = handler is signal.default_int_handler
                if (default if waiting else callable(handler)) and getattr(handler, "__self__", None) is not self:
                    signal.signal(signum, ours)  # may raise what has just come: nothing has begun
                    self._found.append((signum, handler))
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        try:
            while self._found:
                signal.signal(*self._found[-1])  # may raise what has just come, and then has changed nothing
                self._found.pop()
        except BaseException:
            self._release()
            raise

    def _defer(self, signum: int, _frame: FrameType | None) -> None:
        handler = next((handler for number, handler in self._found if number == signum), None)
        self._deferred.append((signum, handler))

    def raise_deferred(self) -> None:
        """Hand what came during a round to the program's own handlers, now that the round is over."""
        deferred, self._deferred = self._deferred, []
        for signum, handler in deferred:
            if callable(handler):
                handler(signum, None)
        super().raise_deferred()


class ExecRenderLoop(RenderLoop):
    """A loop whose rounds no handler of the program's interrupts."""

    shield: ExecSignalHandlers
    passing = False
    """Whether the program is just writing by itself."""
    standing: Callable[[], None] = staticmethod(lambda: None)
    """Called before a picture with text: tells the display of a line that the program has begun by itself."""

    def run_until(self, done: Callable[[], bool], deadline: float | None = None) -> bool:
        """As `RenderLoop.run_until`; Ctrl-C is a request to stop meanwhile, unless the program handles it."""
        with self.shield.rounds(waiting=True):
            return super().run_until(done, deadline)

    def run_once(self, *, borrowed: bool = True, most: int = BATCH) -> float | None:
        """As `RenderLoop.run_once`."""
        if self.pumping:
            return None
        with self.shield.rounds(waiting=False):
            return super().run_once(borrowed=borrowed, most=most)

    def suspend(self, question: str = "") -> bool:
        """As `RenderLoop.suspend`."""
        with self.shield.rounds(waiting=False):
            return super().suspend(question)

    def catch_up(self) -> None:
        """Show text that was written before what the program is about to write by itself."""
        if self.paused or (self.channel.empty() and not self._pending_lines):
            return
        with self.shield.rounds(waiting=False):
            self.beating = self.pumping = True
            try:
                self._drain(self.channel, seconds=LAST_PATIENCE)
                if self._pending_lines:
                    self.draw(self._now())
            finally:
                self.beating = self.pumping = False
            self.go_away()

    def draw(self, now: float, *, borrowed: bool = False) -> None:
        """As `RenderLoop.draw`; text waits for one picture longer where it would come into a write of the program's."""
        if not self.passing:
            if self._pending_lines or self.partials:
                self.standing()
            super().draw(now, borrowed=borrowed)
            return
        waiting, self._pending_lines = self._pending_lines, []
        super().draw(now, borrowed=borrowed)
        self._pending_lines = waiting + self._pending_lines

    def wait_writable(self, display: TerminalDisplay) -> None:
        """Wait until the terminal has taken what we sent: as the program would for what it sends itself."""
        while display.stand_by(PATIENCE):
            with self.shield.rounds(waiting=False):
                display.complete()

    def go_silent(self) -> None:
        """Draw no more, ever: in a forked child, which owns neither display nor terminal."""
        self.pumping = True
        display = self._display
        if isinstance(display, TerminalDisplay):
            atexit.unregister(display.emergency)


class ExecDisplaySession(DisplaySession):
    """The show of a program that runs on the main thread; `open` and `close` there."""

    loops = ExecRenderLoop
    signals = ExecSignalHandlers
    loop: ExecRenderLoop
    interrupts: ExecSignalHandlers

    def __init__(self, title: str, look: DisplayOptions) -> None:
        super().__init__(title, look._replace(implicit=True))
        self.interrupts.busy = lambda: bool(self.stop_listeners)
        self.interrupts.last_words = self._last_words
        self._lines = Lines()
        self._standing = Lines()
        self._stood = self._overwritten = False
        self.loop.standing = self._tell_standing
        display = self.loop.display
        self._terminal = display if isinstance(display, TerminalDisplay) else None
        if isinstance(display, StreamDisplay) or (self._terminal is not None and self._terminal.pins):
            self.capture.passage = self

    def open(self) -> Callable[[], None]:
        """Go live; return what ends that."""
        end = super().open()
        if not _forking and hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_before_fork, after_in_child=_in_child)
        _forking[:] = [self]
        for name, router in self.capture.routers.items():
            if isinstance(router, EarlyStreamProxy) and self.capture.passage is self:
                self.leave(name, router.first_line)
        return end

    def _finish(self) -> None:
        for name in self.capture.routers:
            self._record(name, "\n" if self._lines.begun(_KEYS[name]) else "")
        super()._finish()

    # --- the program's own words ---

    def enter(self, text: str) -> bool:
        """Show what was written before, make way for `text`, and hold ours back while it is written."""
        loop = self.loop
        if loop.pumping:
            return False
        if not self.capture.passed:
            loop.catch_up()
        if self._terminal is not None:
            loop.wait_writable(self._terminal)
            self._terminal.make_room(text)
        self.interrupts.raise_deferred()
        loop.passing = True
        return True

    def leave(self, name: str, text: str) -> None:
        """Go on, and know what it has left on the last line."""
        self.loop.passing = False
        self._standing.add(_STANDING, text)
        if text:
            self.capture.passed = not text.endswith("\n")
        if self._stood and not self.capture.passed:
            self._tell_standing()
        if self._terminal is not None:
            self._terminal.wrote()
        if self.loop.recorders:
            self._record(name, text)

    def overwritten(self) -> None:
        """Make the next frame erase the line that the main thread has begun; any thread."""
        self._overwritten = bool(self._standing.begun(_STANDING))
        self.capture.passed = False

    def _tell_standing(self) -> None:
        """Tell the display what the program has begun on the terminal and not ended; flushed, so that it stands there.

        In the middle of a flush of the program's the next picture does.
        """
        begun = self._standing.begun(_STANDING)
        if not begun and not self._stood:
            return
        try:
            for router in self.capture.routers.values():
                router.original.flush()
        except (OSError, ValueError, RuntimeError):
            return
        stays, self._overwritten = not self._overwritten, False
        self._stood = bool(begun) and stays
        if not stays:
            self._standing.take(_STANDING)
        place = self._terminal or self.loop.display
        if isinstance(place, TerminalDisplay | StreamDisplay) and place.stand(begun, stays=stays):
            self.loop.partials.touch()

    def _record(self, name: str, text: str) -> None:
        if self.loop.recorders:
            whole = self._lines.add(_KEYS[name], text)
            if whole is not None:
                event = TextWritten(self.clock.now(), None, 0, "", name, whole)
                for recorder in self.loop.recorders:
                    recorder.record(event)

    # --- ways out ---

    def announce_end(self, cause: str) -> None:
        """Show that the program was ended by `cause`, if there is anything else to show."""
        if not self.loop.pumping:
            self.loop.catch_up()
        if self.loop.state.counts.seen:
            self.stopped(cause)

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Add no line to what the program writes in the block, in pieces, to a stream that is not captured."""
        if self._terminal is not None or self.loop.paused:
            yield
            return
        self.loop.paused = True
        try:
            yield
        finally:
            self.loop.resume()

    def _last_words(self, cause: str = "") -> None:
        """Give the terminal back, with what there is to show if this is the place for it."""
        if get_ident() == self._owner and not self.loop.pumping:
            if cause:
                self.announce_end(cause)
            self.close()
        else:
            getattr(self.loop.display, "emergency", lambda: None)()

    def last_words(self, status: int | None = None) -> None:
        """As `DisplaySession.last_words`; the last line says how the program ends."""
        if status is not None:
            self.loop.exit_status = status
        super().last_words(status)

    # --- forks ---

    def before_fork(self) -> None:
        """Leave no thread of ours to be copied; on any thread."""
        if self._heartbeat is not None and not self.loop.pumping:
            self._heartbeat.pause_for_fork()

    def in_child(self) -> None:
        """Called in a forked child: drop everything."""
        self.loop.go_silent()
        self.interrupts.restore()
        DisplaySession.current = None
        live.reporter = None
        self.ways_out.give_back()


_KEYS = {"stdout": (0, 1), "stderr": (0, 2)}
_STANDING = (0, 0)
"""What both streams have left on the last line of the terminal."""
_forking: list[ExecDisplaySession] = []


def _before_fork() -> None:
    for show in _forking:
        if DisplaySession.current is show:
            show.before_fork()


def _in_child() -> None:
    for show in _forking:
        if DisplaySession.current is show:
            show.in_child()


# --- the whole of it ---


class ExecDisplay(NamedTuple):
    """The display of a program, and the bridges that make its work a part of it."""

    session: ExecDisplaySession
    bridges: Sequence[Bridge]

    def close(self) -> None:
        """Show the end; what still runs goes on unseen. In a forked child nothing is left to close."""
        if ExecDisplaySession.current is self.session:
            for bridge in reversed(self.bridges):
                bridge.stop()
        self.session.close()


def open_exec_display(
    title: str,
    view: str,
    layout: str,
    log: str | None,
    capture: bool | Literal["fd"] | None,  # noqa: FBT001  # the fields of `ExecOptions`, in order
    journal: str | None,
    no_inputs: bool,  # noqa: FBT001  # as above
) -> ExecDisplay:
    """Open the display. Raises `DisplayError` for options that are wrong, `OSError` for a log that does not open."""
    look = DisplayOptions(view, layout=layout, log=log, capture=capture, journal=journal, journal_inputs=not no_inputs)
    session = ExecDisplaySession(title, look)
    external = ExternalExecutors(session.channel, session.wake).watch
    display = ExecDisplay(session, [PoolBridge(session.channel, external), CoroutineBridge(session.channel)])
    session.open()
    for bridge in display.bridges:
        bridge.start()
    return display
