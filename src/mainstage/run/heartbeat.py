"""Frames while the main thread runs other code.

Python runs a signal handler on the main thread, in the middle of a blocking call too, and resumes the call (PEP 475).
So the heartbeat thread, which draws nothing, sends the main thread SIGURG when a note has found the owner away or a
clock on the screen is due, and the handler does one round of the loop. SIGURG is ignored by default, so a late one is
harmless, and SIGALRM and its timer stay the user's. Where the platform lacks it, or its handler is not the default one,
frames are drawn only while the main thread is in a call of ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mainstage.core import unpatched
from mainstage.core.clock import monotonic
from mainstage.core.refusals import retried
from mainstage.run.early import keeps_handler, on_call
from mainstage.run.render_loop import CALM
from mainstage.ui.views.user_code import OverTime, UserCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from mainstage.run.render_loop import RenderLoop

NEVER = float("inf")
SOON = 0.05
"""Seconds that a call may be late for the sake of one wake-up less: half as many on an idle terminal."""
RECHECK_S = 1.02
"""Seconds after which the metronome looks whether the owner wants to be called again: a clock's next second needs no
word from it then."""
AGAIN = 0.5
"""Seconds after which a call that goes on although it was interrupted is interrupted again."""
CALM_LINGER = CALM + 0.04
"""The same while the owner wants to be called that seldom."""


def _nothing() -> None:
    """Do nothing."""


class WakeQueue:
    """Wakes one thread, with a word or at a time; `put` never blocks, and is safe in a signal handler.

    A lock is waited for and not the queue: `SimpleQueue.get(timeout)` of CPython, interrupted past its deadline (this
    process was stopped meanwhile, and continued), waits for ever.
    """

    def __init__(self) -> None:
        self._words: SimpleQueue[float | None] = SimpleQueue()
        self._rung = unpatched.allocate_lock()
        self._rung.acquire()

    def put(self, word: float | None) -> None:
        """Leave a word, and ring."""
        self._words.put(word)
        with contextlib.suppress(RuntimeError):  # it has been rung, and not been heard yet
            self._rung.release()

    def get(self, timeout: float | None) -> float | None:
        """Return the next word; raise `Empty` after `timeout` seconds (None: never)."""
        while True:
            try:
                return self._words.get_nowait()
            except Empty:
                if not self._rung.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)):
                    raise


class Heartbeat:
    """The metronome and the handler; `start` and `stop` on the main thread."""

    def __init__(self, loop: RenderLoop) -> None:
        self._loop = loop
        self._main = unpatched.main_ident
        self._pid = os.getpid()
        self._bell = WakeQueue()
        self._due = NEVER  # when the owner wants to be called
        self._wake_at = NEVER  # when the metronome looks next
        self._linger = RECHECK_S
        self._resting = 0.0  # up to when the owner is left alone: half of its time is its own
        self._asked = False  # the owner was called and has not come yet
        self._thread: unpatched.NativeThread | None = None
        self._dozing: SimpleQueue[None] = SimpleQueue()  # holds one while the metronome is to be begun anew
        self._missed = False  # a note came while the metronome was about to doze
        self._in_handler = False
        self._limit_at = NEVER  # when a call of user code in the handler is to be interrupted
        self._before: Any = signal.SIG_DFL
        self._over = False  # stopped by another thread, which cannot give the signal back: its handler does so
        self.after_beat: Callable[[], None] | None = None
        """Called on the main thread after each round done by the handler."""
        self.after_end: Callable[[], None] = _nothing
        """Called on the main thread once another one has stopped it: what only the main thread can give back."""
        self.before_beat: Callable[[FrameType | None], float | None] | None = None
        """Called before each with where the main thread stands; may return when it wants to be called again."""

    @staticmethod
    def possible() -> bool:
        """Return whether this thread and platform can have one, and SIGURG is free."""
        if not (hasattr(signal, "SIGURG") and hasattr(signal, "pthread_kill")):
            return False
        if not unpatched.in_main_thread():
            return False
        handler = signal.getsignal(signal.SIGURG)
        earlier = getattr(handler, "__self__", None)
        if handler in (signal.SIG_DFL, on_call):
            return True
        return isinstance(earlier, Heartbeat) and earlier._over  # noqa: SLF001  # its own class

    def start(self) -> None:
        """Begin: the channel's alarm rings for us."""
        before = signal.signal(
            signal.SIGURG, self._on_signal
        )  # no siginterrupt(False): a lock's wait would not be interrupted
        self._before = on_call if keeps_handler(before) else signal.SIG_DFL
        self._loop.channel.alarm = self._ring
        self._begin()
        UserCode.limit = self.limited
        self._loop.go_away()
        self.owner_left()  # what was reported before it began rings no more

    @contextlib.contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Raise `OverTime` in the block when it has taken so many seconds, from the signal handler."""
        self._limit_at = monotonic() + seconds
        self._bell.put(self._limit_at)
        try:
            yield
        finally:
            self._limit_at = NEVER

    def _begin(self) -> None:
        self._thread = unpatched.NativeThread(self._run)
        retried(self._thread.start)

    def pause_for_fork(self) -> None:
        """End the metronome until the next note: a process that forks now copies no thread of ours. Any thread."""
        if self._thread is None or self._in_handler:
            return
        self._missed = False
        self._loop.channel.alarm = self._wake
        self._bell.put(None)
        self._thread.join()
        self._thread = None
        self._dozing.put(None)
        if self._missed:
            self._wake()

    def _wake(self) -> None:
        """Take the first note since; on any thread, one of which begins the metronome anew."""
        if self._pid != os.getpid():
            return
        self._missed = True
        with contextlib.suppress(Empty, RuntimeError):  # somebody else does, or an interpreter that ends begins none
            self._dozing.get_nowait()
            self._loop.channel.alarm = self._ring
            self._begin()
        self._ring()

    def stop(self) -> None:
        """End, and give the signal back. Any thread: the main one does with the next, which is sent at once."""
        self._loop.channel.away = False
        UserCode.limit = None
        self._bell.put(None)
        if self._thread is not None and self._pid == os.getpid() and not self._in_handler:
            self._thread.join()  # in the handler this thread may hold a lock that the other needs to end
        if signal.getsignal(signal.SIGURG) != self._on_signal:
            return
        if unpatched.in_main_thread():
            signal.signal(signal.SIGURG, self._before)
        else:
            self._over = True
            with contextlib.suppress(OSError):
                signal.pthread_kill(self._main, signal.SIGURG)

    def call(self) -> None:
        """Make the owner run a round at once. Any thread."""
        self._bell.put(0.0)

    def owner_left(self) -> None:
        """Called when the owner has left a call of ours: a clock on the screen may be due before any note."""
        self._want(self._loop.due())

    def call_at(self, due: float | None) -> None:
        """Call the owner at `due`, unless another time is given before; None: never."""
        self._want(due)

    def _want(self, due: float | None) -> None:
        """Call the owner at `due`; the heartbeat thread is woken only if it would check too late."""
        self._due = NEVER if due is None else due
        if self._due < self._wake_at - SOON:
            self._wake_at = self._due
            self._bell.put(self._due)

    def _ring(self) -> None:
        """Take a note's word that something happened, on any thread; quiet until the next round."""
        self._loop.channel.away = False
        due = self._loop.due_if_notified
        if due is not None:
            self._bell.put(max(due, self._resting))

    def _run(self) -> None:
        noted = NEVER  # what the bell asked for; the owner's own wish stands in `_due`
        while True:
            wake_at = self._wake_at = min(noted, self._wake_at)
            try:
                asked = self._bell.get(None if wake_at == NEVER else max(0.0, wake_at - monotonic()))
            except Empty:
                noted = self._tick(noted)
                continue
            if asked is None:
                return
            noted = min(noted, asked)

    def _tick(self, noted: float) -> float:
        """Call the owner if it is time; return what is left of what was noted."""
        due, now = min(self._due, noted), monotonic()
        if due > now and not self._asked:
            self._wake_at = due
            return noted
        self._wake_at = now + self._linger if due <= now else min(due, now + self._linger)
        if due <= now:
            self._due = noted = NEVER
        self._call()
        return noted

    def _call(self) -> None:
        """Call the owner; a while later once more if it has not come.

        A signal that reaches it between Python's last look for signals and a blocking system call does not end that
        call, and its handler would run when the call is over: after an hour, maybe.
        """
        limited = self._limit_at <= monotonic()
        if limited or not (self._loop.pumping or self._loop.paused):
            self._asked = not limited
            with contextlib.suppress(OSError):  # it is asked again
                signal.pthread_kill(self._main, signal.SIGURG)

    def _on_signal(self, _signum: int, frame: FrameType | None) -> None:
        self._asked = False
        if self._over:
            signal.signal(signal.SIGURG, self._before)
            self.after_end()
            return
        if self._limit_at <= monotonic():
            self._limit_at = monotonic() + AGAIN
            self._bell.put(self._limit_at)
            raise OverTime
        if os.getpid() != self._pid or self._loop.pumping:
            return
        again = self.before_beat(frame) if self.before_beat is not None else None
        began = monotonic()
        self._in_handler = True  # the end of a run may be among what the loop does for another thread
        try:
            due = self._loop.run_once()
        finally:
            self._in_handler = False
        ended = monotonic()
        self._resting = ended + (ended - began)
        self._linger = CALM_LINGER if self._loop.is_idle() else RECHECK_S
        due = due if again is None else min(again, NEVER if due is None else due)
        self._want(None if due is None else max(due, self._resting))
        if self.after_beat is not None:
            self._in_handler = True
            try:
                self.after_beat()
            finally:
                self._in_handler = False
