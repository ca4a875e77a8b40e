"""Rendering driven by an asyncio event loop: while attached, each round of ours is a callback of that loop.

An event wakes the event loop at most once a frame. The first note after a quiet time wakes it (`call_soon_threadsafe`,
which a signal handler may call too) and a round draws at once; from then to the next frame no note does, and a timer
takes the events of the meantime. Where there are none, the timer is the next clock on the screen, or none.

A loop that user code blocks draws nothing. So the heartbeat knows each timer, takes over where one passes unnoticed,
and knows where the main thread stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from mainstage.events import TextWritten
from mainstage.tasks.source_location import user_location

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from mainstage.run.render_loop import RenderLoop

NEVER = float("inf")
PATIENCE = 0.2
"""Seconds that a frame may be late before the heartbeat draws it."""
BLOCKED = 1.0
"""Seconds after which a loop that did not come to its timer is told as blocked."""
MAX_QUIET_S = 1.0
"""Seconds for which what comes after a round may wait where pictures are rarer: text is to be seen soon."""
MAX_EVENTS = 1000
"""Events reduced in one round, some milliseconds: then the event loop has its turn, and the rest comes in the next."""
PLACES = 20
"""So many places where the loop was blocked are told, each once."""


class LoopTimer(Protocol):
    """A callback to come."""

    def cancel(self) -> None:
        """Cancel it."""
        ...


class LoopAPI(Protocol):
    """What a seat asks of an event loop."""

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object:
        """Call back in the next round, and wake the loop for it."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> LoopTimer:
        """Call back in `delay` seconds."""
        ...


class Metronome(Protocol):
    """The heartbeat: it calls the owner in the middle of whatever the main thread does."""

    before_beat: Callable[[FrameType | None], float | None] | None

    def call_at(self, due: float | None) -> None:
        """Call the owner at `due`, unless another time is given before; None: never."""
        ...


class AsyncioDriver:
    """The owner `owner` on the event loop `events`, whose thread it is."""

    def __init__(
        self, owner: RenderLoop, events: LoopAPI, *, metronome: Metronome | None, after_round: Callable[[], None]
    ) -> None:
        """Sit down: from now on notes knock at the event loop. `after_round` is called after each round, outside it."""
        self.events = events
        self.users = 0
        """How many count on it: the last one who goes has it left."""
        self._owner = owner
        self._now = owner.channel.now
        self._metronome = metronome
        self._after_round = after_round
        self._pid = os.getpid()
        self._timer: LoopTimer | None = None
        self._knocked = False
        self._expected = NEVER  # when the event loop should call us
        self._told: set[str] = set()
        self._silent = False  # the loop is blocked, and that has been told
        self._left = False
        self._found = owner.channel.alarm
        owner.channel.alarm = self._ring
        if metronome is not None:
            metronome.before_beat = self.on_heartbeat
        self.run_round()

    def leave(self) -> None:
        """Stand up: the heartbeat, where there is one, has the owner again. A second call does nothing."""
        if self._left:
            return
        self._left = True
        if self._timer is not None:
            self._timer.cancel()
        self._owner.channel.alarm = self._found
        if self._metronome is not None:
            self._metronome.before_beat = None
        self._owner.go_away()
        if self._metronome is not None:
            self._metronome.call_at(self._owner.due())

    # --- rounds ---

    def run_round(self, *, turn: int = MAX_EVENTS) -> None:
        """Do a round now, on the event loop's thread, with at most `turn` events."""
        if self._left or self._owner.pumping:
            return
        channel = self._owner.channel
        self._knocked = self._silent = False
        news = not channel.empty() or channel.next_sample_at() == 0.0
        due = self._owner.run_once(borrowed=False, most=turn)
        self._after_round()
        if not self._left:
            self._rest(due, news=news)

    def schedule(self) -> None:
        """Called when the owner returns to the event loop, after a call of ours that has drawn."""
        if self._left:
            if self._metronome is not None:
                self._metronome.call_at(self._owner.due())
            return
        self._rest(self._owner.due(), news=False)

    def _rest(self, due: float | None, *, news: bool) -> None:
        """Arm the timer for the next round; after `news` no note knocks up to then."""
        at = NEVER if due is None else due
        if news:
            now = self._now()
            shadow = self._owner.due_if_notified
            if shadow is not None and shadow > now:
                at = min(at, shadow, now + MAX_QUIET_S)
                self._owner.channel.away = False
        self._arm(at)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._expected = at
        if at != NEVER:
            try:
                self._timer = self.events.call_later(max(0.0, at - self._now()), self._on_time)
            except RuntimeError:  # it is closed: whoever had it has not told us
                self.leave()
                return
        if self._metronome is not None:
            self._metronome.call_at(None if at == NEVER else at + PATIENCE)

    def _on_time(self) -> None:
        self._timer = None
        self.run_round()

    # --- knocking: any thread, any signal handler ---

    def _ring(self) -> None:
        """Take a note's word that something happened; quiet until the next round."""
        self._owner.channel.away = False
        self.wake()

    def wake(self) -> None:
        """Schedule a round as the next callback of the event loop."""
        if self._knocked or os.getpid() != self._pid:
            return
        self._knocked = True
        now = self._now()
        self._expected = min(self._expected, now)
        try:
            self.events.call_soon_threadsafe(self.run_round)
        except RuntimeError:  # it is closed: whoever had it has not told us
            self._found()
            return
        if self._metronome is not None:
            self._metronome.call_at(max(now, self._owner.due_if_notified or now) + PATIENCE)

    # --- a loop that is blocked ---

    def on_heartbeat(self, frame: FrameType | None) -> float | None:
        """Called in the heartbeat's handler; return when it is to be called again."""
        late = self._now() - self._expected
        if late < BLOCKED:
            return None if late < 0 else self._expected + BLOCKED
        if not self._silent:
            self._silent = True
            self._tell(late, frame)
        return None

    def _tell(self, seconds: float, frame: FrameType | None) -> None:
        place = user_location(frame)
        if place in self._told or len(self._told) >= PLACES:
            return
        self._told.add(place)
        text = f"the event loop has been blocked for {seconds:.1f} s at {place}"
        self._owner.channel.send(TextWritten(self._now(), None, 0, "", "mainstage", text))


# --- waiting ---


class Waker:
    """Wait in a coroutine for a condition that threads make true; they call `wake` after it."""

    def __init__(self) -> None:
        self._events = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Make `wait` check its condition again. Any thread, any signal handler."""
        waiting = self._waiting
        if waiting is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._events.call_soon_threadsafe(_answer, waiting)

    async def wait(self, done: Callable[[], bool]) -> None:
        """Wait for `done()`."""
        try:
            while True:
                self._waiting = self._events.create_future()  # before the question: what becomes true after it wakes us
                if done():
                    return
                await self._waiting
        finally:
            self._waiting = None


def _answer(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


# --- whose loop it is ---


def events_here() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs on this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class MainTask:
    """The task that runs now, for signals: they ask it to stop. It is not kept: its result may keep the run."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        self._task = (lambda: None) if task is None else weakref.ref(task)
        self._events = asyncio.get_running_loop()
        self.asked = False
        """Whether a signal has cancelled it here; of those that asyncio takes itself it knows nothing."""

    def cancel(self) -> None:
        """Cancel it; in a signal handler."""
        task = self._task()
        if task is not None:
            self.asked = True
            task.cancel()
            self._events.call_soon_threadsafe(_nothing)  # it may wait for its sockets

    def take_back(self) -> None:
        """Take the cancellation back: what it stands for is raised instead."""
        task = self._task()
        if task is not None:
            task.uncancel()


def _nothing() -> None:
    """Do nothing: the call wakes the event loop."""


def is_of_a_runner(handler: Any) -> bool:
    """Return whether it is `asyncio.run`'s own handler of Ctrl-C, which cancels the main task."""
    method = getattr(handler, "func", None) if isinstance(handler, functools.partial) else None
    return getattr(method, "__func__", None) is asyncio.Runner._on_sigint  # type: ignore[attr-defined]  # noqa: SLF001  # nothing else tells
