"""A display for the events of a run of another process or another time: this one shows them, and does no work."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import Clock, SystemClock
from mainstage.core.commands import Hold
from mainstage.events import TextWritten
from mainstage.run.key_commands import KeyCommands
from mainstage.run.render_loop import RenderLoop
from mainstage.run.signals import SignalHandlers, die_by_signal
from mainstage.ui.setup import LayoutOptions, build_ui

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from mainstage.core.commands import Command
    from mainstage.events import Event
    from mainstage.run.key_commands import CommandTarget
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import FrameContext, View

FEW = 1000
"""Events between two looks at whether a picture is due."""


class ReplayClock:
    """The clock of a run that is shown `speed` times as fast as it was; it stands still while held."""

    def __init__(self, speed: float, clock: Clock) -> None:
        self.speed = speed
        self._clock = clock
        self._at = 0.0
        self._since: float | None = None

    def begin(self, at: float) -> None:
        """Go on from the time `at` of the run."""
        self._at, self._since = at, self._clock.now()

    def hold(self) -> None:
        """Stand still."""
        self._at, self._since = self.now(), None

    def stand(self, at: float) -> None:
        """Stand still at the time `at`."""
        self._at, self._since = at, None

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self._since is not None

    def now(self) -> float:
        """Return the run's time."""
        return self._at if self._since is None else self._at + (self._clock.now() - self._since) * self.speed

    def wall(self) -> float:
        """Return the time of day, of the one who looks."""
        return self._clock.wall()


class ReplayChannel(ThreadChannel):
    """An inbox whose receiver reckons in the time of a `ReplayClock`."""

    def __init__(self, clock: ReplayClock) -> None:
        super().__init__(clock)
        self._clock = clock

    def receive(self, timeout: float | None, *, patient: bool = True) -> Event | None:
        """As `ThreadChannel.receive`."""
        if timeout is not None:
            timeout = timeout / self._clock.speed if self._clock.runs else None
        return super().receive(timeout, patient=patient)


class SpedView:
    """Shows what `view` does as often as it would in a run, however fast that run's time goes by."""

    def __init__(self, view: View, speed: float) -> None:
        self._view = view
        self._speed = speed

    @property
    def interval(self) -> float:
        """The seconds between two pictures, in the run's time."""
        return self._view.interval * self._speed

    @property
    def shown(self) -> Sequence[int]:
        """The view's."""
        return self._view.shown

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does."""
        return self._view.history_lines(event, state, moment)

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return what the view does."""
        return self._view.rows(state, moment)

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return when the view is due, but not sooner than so many seconds of the one who looks."""
        due = self._view.due(state, drawn_at, dirty=dirty)
        if due is None:
            return None
        soonest = drawn_at + self.interval
        return soonest if due <= drawn_at + self._view.interval else max(due, soonest)


class Viewer:
    """Shows events that are handed to `show`, in the order and at the times at which they happened.

    A context manager, for the main thread. Raises `DisplayError` for a view or a layout that makes no sense.
    """

    def __init__(self, view: str, layout: str, *, keys: bool, speed: float = 1.0, clock: Clock | None = None) -> None:
        self.clock = ReplayClock(speed, clock or SystemClock())
        self.remark = ""
        """What is to be said at the end."""
        self.left = False
        """Whether the user has left."""
        self._signum = 0
        self._number = 0
        self._channel = ReplayChannel(self.clock)
        opened = build_ui(view, LayoutOptions(layout), keys="auto" if keys else None)
        shown = opened.view if speed == 1.0 else SpedView(opened.view, speed)
        self._loop = RenderLoop(self._channel, shown, opened.display, self.clock)
        self._loop.watchers += opened.watchers
        self._loop.fallback = opened.fallback
        self._signals = SignalHandlers(self._loop, self._stop)
        self._keys = None if opened.keyed is None else KeyCommands(*opened.keyed, self._loop, self)
        if self._keys is not None:
            self._keys.quit = self._leave

    def __enter__(self) -> Self:
        self._signals.install()
        if self._keys is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._keys.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        with contextlib.ExitStack() as steps:  # the last one first
            steps.callback(self._signals.restore)
            steps.callback(self._channel.close)
            steps.callback(self._finish)
            if self._keys is not None:
                steps.callback(self._keys.stop)
        if self._signum and kind is Left:
            die_by_signal(self._signum)
        return kind is Left

    def _finish(self) -> None:
        if self.remark:
            self.notice(self.remark)
        self._loop.finish()

    # --- what is shown ---

    def show(self, event: Event) -> None:
        """Wait for the time of `event`, and show it. Raises `Left`."""
        if not self._number:
            self.clock.begin(event.at)
        if event.at > self.clock.now():
            self.wait_until(event.at)
        self._channel.send(event)
        self._number += 1
        if self._number % FEW == 0:
            self._loop.run_once(borrowed=False)
            self._leave_if_asked()

    def wait_until(self, at: float) -> None:
        """Draw until the time `at` of the run. Raises `Left`: the user had enough."""
        self._loop.run_until(lambda: self.left, at)
        self._leave_if_asked()

    def end(self, at: float) -> None:
        """Draw until the time `at` of the run, at which it ended. Raises `Left`."""
        self.wait_until(at)
        self.clock.stand(at)

    def _leave_if_asked(self) -> None:
        if self.left:
            raise Left

    @property
    def state(self) -> RunState:
        """What is known of the run."""
        return self._loop.state

    # --- what keys and signals do ---

    @property
    def command_targets(self) -> Mapping[object, CommandTarget]:
        """Return who carries out the commands of keys."""
        return {self: self}

    def notice(self, text: str) -> None:
        """Show a line of the library's own."""
        self._channel.send(TextWritten(self.clock.now(), None, 0, "", "mainstage", text))

    def command(self, command: Command) -> None:
        """Hold the replay, or go on; nothing else can be done to what is over."""
        if isinstance(command, Hold):
            if command.on:
                self.clock.hold()
            else:
                self.clock.begin(self.clock.now())
            self._channel.wake()
        else:
            self.notice("nothing is cancelled: the run that is shown is over")

    def _leave(self) -> None:
        self.left = True
        self._channel.wake()

    def _stop(self, _cause: str, signum: int) -> int:
        self._signum = signum
        self._leave()
        return 1


class Left(Exception):
    """The user had enough."""
