"""The run that bars open for themselves where none is live: nothing is seen of it before they are 0.1 s old.

Until then what they report waits in its channel. Then a thread of its own sends the main thread SIGURG, whose handler
opens the run there, whatever the main thread does: it may loop over the bar, or wait for the threads whose bars they
are. Bars that end before leave the lines that the run would have left, and no run is opened. Where the main thread
cannot be called so, its own bars open their run at once, and those of other threads leave their last lines.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mainstage.channels.inbox import ThreadChannel
from mainstage.core import unpatched
from mainstage.core.clock import SystemClock, monotonic
from mainstage.core.refusals import retried
from mainstage.events import RunEnded
from mainstage.tasks.integrations.starts import StartWatch
from mainstage.tasks.reporter import live

if TYPE_CHECKING:
    from types import FrameType

    from mainstage.events import Event

PATIENCE = 0.1
"""Seconds that bars are older than when their run opens."""
HEAD_START = 0.03
"""Seconds that bars are older than when what a run needs is loaded."""
AGAIN = 0.05
"""Seconds between two calls of the main thread: it may be in the middle of what no run may open in."""
LINGER = 0.5
"""Seconds that the thread which calls it waits for more bars."""
SAID = ("VIEW", "LOG", "LAYOUT", "HEARTBEAT", "CAPTURE", "STRICT", "PREFIX", "THEME", "KEYS", "STUCK_AFTER")
"""What the environment may say of a run. The run then opens at once: it may record, or refuse what is said."""
_VARIABLES = [f"MAINSTAGE_{name}" for name in SAID]
_KEYS = [os.fsencode(name) for name in _VARIABLES]
_OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")  # noqa: PTH100, PTH118, PTH120  # as code objects have it


class EarlyRun:
    """Keeps what bars report until the run opens: after 0.1 s, with the first `Run` of the program's, or never."""

    def __init__(self, title: str) -> None:
        self.title = title
        clock = SystemClock()
        self._wall = clock.wall()
        self.channel = ThreadChannel(clock)
        """What the run takes over that opens."""
        self.began = monotonic()
        self.due = self.began + PATIENCE
        """When it is to open; never, once that has failed."""
        self.run: Any = None
        """The run, once it is open."""
        self._lock = threading.RLock()
        self._ended = False
        self._pid = os.getpid()

    def __enter__(self) -> None:
        """Begin to keep reports; on the main thread, open at once where it could not be called later."""
        live.early, live.reporter = self, self.channel
        if not _caller.can_call() or _is_said():
            if unpatched.in_main_thread():
                try:
                    self._open()
                except BaseException:
                    self._forget()
                    raise
            return
        _caller.expect()

    def make_way(self, run: object) -> None:
        """Open before `run`, which the main thread enters; one that another thread enters shows the bars itself."""
        if run is not self.run and unpatched.in_main_thread():
            self._open()

    def open_in_handler(self) -> None:
        """Open in the middle of other code of the main thread; where that fails nothing is shown before the end."""
        try:
            self._open()
        except Exception:  # noqa: BLE001  # it would be raised in code that knows nothing of it
            self.run, self.due = None, float("inf")

    def _open(self) -> None:
        with self._lock:
            if live.early is self:
                _starts.stop()
                self.run = import_module("mainstage.run.run").own_run(self.title)
                self.run.__enter__()

    def __exit__(self, *trouble: object) -> None:
        """End the run; where none was opened, write what it would have left. Any thread."""
        if self._ended or os.getpid() != self._pid:
            return
        self._ended = True
        with self._lock:
            run = self.run
            if live.early is self:
                self._forget()
                self._say()
        if run is not None:
            run.__exit__(*trouble)
        _caller.give_back()

    def _forget(self) -> None:
        if live.early is self:
            live.early = live.reporter = None

    def _say(self) -> None:
        """Write the lines of a run that was too short to open."""
        from mainstage.ui.brief import write_end  # noqa: PLC0415  # most runs open

        events = [*_received(self.channel), RunEnded(monotonic())]
        self.channel.close()
        write_end(self.title, self._wall, events)


def _is_said() -> bool:
    """Return whether the environment says anything of how a run is shown."""
    env = getattr(os.environ, "_data", os.environ)  # as the system has it: ten look-ups cost a short loop a tenth
    return any(name in env for name in (_KEYS if os.name == "posix" else _VARIABLES))


def _received(channel: ThreadChannel) -> list[Event]:
    events: list[Event] = []
    while not channel.empty():
        event = channel.receive(0)
        if event is not None:
            events.append(event)
    return events


class _Caller:
    """The thread that calls the main one, and the signal handler that hears it."""

    def __init__(self) -> None:
        self._thread: unpatched.NativeThread | None = None
        self._lock = threading.Lock()
        self._bell = unpatched.Flag()
        self._over = False
        self.stays = False
        """Whether the handler stays where no bar waits: bars of other threads may come."""

    def give_back(self) -> None:
        """Give SIGURG back, where the handler is not to stay; another thread has the main one do so."""
        import signal  # noqa: PLC0415  # it is loaded

        if self.stays or live.early is not None or not hasattr(signal, "SIGURG"):
            return
        if signal.getsignal(signal.SIGURG) is not on_call:
            return
        if unpatched.in_main_thread():
            signal.signal(signal.SIGURG, signal.SIG_DFL)
        else:
            with contextlib.suppress(OSError):
                signal.pthread_kill(unpatched.main_ident, signal.SIGURG)

    def can_call(self) -> bool:
        """Return whether the main thread can be called; on it, see to that if SIGURG is free."""
        import signal  # noqa: PLC0415  # a program without bars does not load it

        if not (hasattr(signal, "SIGURG") and hasattr(signal, "pthread_kill")):
            return False
        handler = signal.getsignal(signal.SIGURG)
        if handler is signal.SIG_DFL and unpatched.in_main_thread():
            signal.signal(signal.SIGURG, on_call)
            return True
        return handler is on_call

    def expect(self) -> None:
        """Begin, unless it goes on: bars wait for a run."""
        if self._thread is None:
            # What acquires locks around a fork must not be loaded in the middle of one: a fork waits for the thread.
            try:
                import concurrent.futures.thread  # noqa: F401, PLC0415  # with `logging`; the thread loads the rest
            except RuntimeError:  # the interpreter ends, and waits for threads: their bars leave their last lines
                return
            with self._lock:
                if self._thread is None:
                    self._over, self._bell = False, unpatched.Flag()
                    thread = unpatched.NativeThread(self._run)
                    with contextlib.suppress(RuntimeError):  # the system has no thread left: they end without a run
                        retried(thread.start)
                        self._thread = thread
                    _starts.start()

    def pause(self) -> None:
        """End it: a process that forks now copies no thread of ours."""
        thread = self._thread
        if thread is not None:
            self._over = True
            self._bell.set()
            thread.join()
            self._thread = None
            _starts.stop()

    def resume(self) -> None:
        """Begin again, where bars wait."""
        if live.early is not None:
            self.expect()

    def _run(self) -> None:
        import signal  # noqa: PLC0415  # it is loaded

        last = monotonic()
        while not self._over:
            early, now = live.early, monotonic()
            if early is None or early.due > now:
                if early is not None:
                    last = now
                    if now - early.began > HEAD_START:
                        _load()  # not at once: a short bar would be held up by it
                        now = monotonic()
                elif now - last > LINGER:
                    self._leave()
                    return
                self._bell.wait(HEAD_START if early is None else max(0, min(HEAD_START, early.due - now)))
                continue
            try:
                _load()
                signal.pthread_kill(unpatched.main_ident, signal.SIGURG)
            except Exception:  # noqa: BLE001  # the interpreter ends already: the bars leave their last lines
                early.due = float("inf")
            self._bell.wait(AGAIN)
            last = monotonic()

    def _leave(self) -> None:
        with self._lock:
            self._thread = None
            _starts.stop()
        self.resume()


def _load() -> None:
    """Load what a run needs, not in the handler: the main thread may be in the middle of loading some of it."""
    with contextlib.suppress(Exception):  # the interpreter ends already
        import_module("mainstage.run.run")


def on_call(_signum: int, frame: FrameType | None) -> None:
    """Open the run that bars wait for, unless the main thread is in the middle of opening or ending one."""
    early = live.early
    if early is None:
        _caller.give_back()
    if early is None or early.due > monotonic():
        return
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            return
        frame = frame.f_back
    early.open_in_handler()


def _open_before_others() -> bool:
    """Open the run that bars wait for, since a display of another library begins; return whether one has opened."""
    early = live.early
    if early is None or early.run is not None or not unpatched.in_main_thread():
        return False
    early.open_in_handler()
    return early.run is not None


_caller = _Caller()
_starts = StartWatch(_open_before_others)


def allow_calls() -> None:
    """See to it that threads' bars can call this one, the main thread, while it does something else."""
    if unpatched.in_main_thread():
        _caller.stays = _caller.can_call()


def keeps_handler(handler: object) -> bool:
    """Return whether `handler` is the one that hears bars, and is to stay."""
    return handler is on_call and _caller.stays


@atexit.register
def _end() -> None:
    """Write the lines of bars that never got a run, and were never ended."""
    if live.early is not None:
        live.early.__exit__()


def _before_fork() -> None:
    _caller.pause()


def _after_in_parent() -> None:
    _caller.resume()


def _after_in_child() -> None:
    global _caller  # noqa: PLW0603  # its locks may be held by threads that are not there
    _caller = _Caller()
    if live.early is not None:
        live.early = live.reporter = None  # it is the parent's, which is told by another way


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
