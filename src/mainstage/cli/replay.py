"""`mainstage replay`: a run that is over, drawn as it was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from mainstage.channels.inbox import ThreadChannel
from mainstage.cli.journal import end_of, open_reader
from mainstage.cli.viewer import Viewer
from mainstage.core.clock import Clock, SystemClock
from mainstage.core.commands import Hold
from mainstage.errors import DisplayError
from mainstage.events import RunEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.core.commands import Command
    from mainstage.events import Event
    from mainstage.journal.reader import JournalReader
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

    def go(self, at: float) -> None:
        """Go on from the time `at` of the run."""
        self._at, self._since = at, self._clock.now()

    def stand(self, at: float) -> None:
        """Stand still at the time `at`."""
        self._at, self._since = at, None

    @property
    def goes(self) -> bool:
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
        if timeout:
            timeout = timeout / self._clock.speed if self._clock.goes else None
        return super().receive(timeout, patient=patient)


class ReplayView:
    """Shows what `view` does as often as it would in a run, however fast that run's time goes by."""

    def __init__(self, speed: float, view: View) -> None:
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


class Replay:
    """Shows the events of `journal` at the times at which they happened, `speed` times as fast."""

    def __init__(  # keyword-only: how it is shown
        self, journal: JournalReader, speed: float, *, view: str, layout: str, keys: bool, clock: Clock | None = None
    ) -> None:
        """Raises `DisplayError` for a view or a layout that makes no sense."""
        self._journal = journal
        self._clock = ReplayClock(speed, clock or SystemClock())
        self._held = False
        self.viewer = Viewer(
            view,
            layout,
            keys=keys,
            clock=self._clock,
            channel=ReplayChannel(self._clock),
            commanded=self,
            paced=None if speed == 1.0 else partial(ReplayView, speed),
        )

    def run(self) -> None:
        """Show it to its end, or until the user leaves; on the main thread."""
        viewer, began = self.viewer, False
        viewer.farewell = f"left: {self._journal.header.title or 'the run'} was not shown to its end"
        with viewer:
            for number, event in enumerate(self._journal.events(), 1):
                if not began:
                    began = True
                    self._clock.go(event.at)
                if event.at > self._clock.now():
                    viewer.wait(lambda: False, event.at)
                if isinstance(event, RunEnded):
                    self._clock.stand(event.at)
                    break
                viewer.channel.send(event)
                if number % FEW == 0:
                    viewer.loop.run_once(borrowed=False)
                    viewer.leave_if_asked()
            viewer.loop.exit_status, viewer.loop.unretrieved = self._journal.status, self._journal.unretrieved
            remark = end_of(self._journal)
            if remark:
                viewer.notice(remark)

    def command(self, command: Command) -> None:
        """Hold the replay, or go on; nothing else can be done to what is over. Any thread."""
        if isinstance(command, Hold):
            (self._clock.stand if command.on else self._clock.go)(self._clock.now())
            self.viewer.channel.wake()
        else:
            self.viewer.refuse("nothing is cancelled: the run that is shown is over")


@click.command("replay", short_help="Show a recorded run again.")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="N times as fast as it was.",
)
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--view", type=click.Choice(["auto", "live", "plain", "silent"]), default="auto", help="What is shown.")
@click.option("--keys/--no-keys", default=True, help="Take keys; p holds the replay, ? lists the others.")
def replay_command(path: str, *, speed: float, **look: str | bool) -> None:
    """Show the run of the journal FILE again, in its own time or faster.

    What is shown at a moment is what the run itself showed then. Keys choose what is looked at, as in a live run.
    """
    with open_reader(path) as journal:
        try:
            replay = Replay(journal, speed, **look)  # type: ignore[arg-type]  # as the parser checked them
        except DisplayError as error:
            raise click.UsageError(str(error)) from error
        replay.run()
