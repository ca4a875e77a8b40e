"""`mainstage ps` and `mainstage watch`: the runs of other processes, found by their journals, and shown here."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from mainstage.channels.inbox import ThreadChannel
from mainstage.cli.journal import end_of, open_reader
from mainstage.cli.shell import say
from mainstage.cli.viewer import Viewer
from mainstage.core.clock import Clock, SystemClock
from mainstage.core.refusals import retried
from mainstage.core.unpatched import NativeThread
from mainstage.errors import DisplayError
from mainstage.events import RunEnded, StopRequested
from mainstage.journal.follow import FileWatch
from mainstage.journal.format import JournalError
from mainstage.journal.places import listed
from mainstage.journal.reader import JournalReader
from mainstage.journal.writer import boot_id
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.core.commands import Command
    from mainstage.events import Event
    from mainstage.journal.format import JournalHeader

HOW = "begin a run with --journal, Run(journal=True) or MAINSTAGE_JOURNAL=auto"
LAST = 1.0
"""Seconds that the thread that reads may take to end."""


class Found(NamedTuple):
    """A journal in the folder where they are found."""

    path: str
    header: JournalHeader
    lives: bool


class OtherBootClock:
    """The clock of a run of another machine, or of an earlier boot of this one, by the time of day."""

    def __init__(self, header: JournalHeader, clock: Clock) -> None:
        self._offset = header.monotonic - header.wall
        self._clock = clock

    def now(self) -> float:
        """Return the run's time."""
        return self._clock.wall() + self._offset

    def wall(self) -> float:
        """Return the time of day."""
        return self._clock.wall()


class EndedClock:
    """A clock that stands still, at the end of a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.end: float | None = None

    def now(self) -> float:
        """Return the time of the end, once it is known."""
        return self._clock.now() if self.end is None else self.end

    def wall(self) -> float:
        """Return the time of day."""
        return self._clock.wall()


class Watch:
    """Shows the run of `journal` while it is written, from its beginning. Raises `DisplayError`."""

    def __init__(self, journal: JournalReader, *, view: str, layout: str, keys: bool) -> None:
        self._journal = journal
        clock = SystemClock()
        same = journal.header.boot == boot_id()
        self._clock = EndedClock(clock if same else OtherBootClock(journal.header, clock))
        self._channel = ThreadChannel(self._clock)
        self._files: FileWatch | None = None
        self._over = False
        """Whether nothing more comes."""
        self._last = 0.0
        """The time of the last event."""
        self._viewer = Viewer(view, layout, keys=keys, clock=self._clock, channel=self._channel, commanded=self)

    def run(self) -> None:
        """Show it to its end, or until the user leaves; on the main thread."""
        journal, viewer = self._journal, self._viewer
        files = FileWatch(os.path.realpath(journal.path))  # before the first read: nothing is missed in between
        viewer.farewell = f"left: {journal.header.title or 'the run'} goes on (mainstage watch {journal.header.pid})"
        thread = NativeThread(lambda: self._follow(files))
        try:
            with viewer:
                dropped = viewer.loop.take_past(self._news())
                if dropped:
                    viewer.notice(f"{dropped:,} lines are not shown: mainstage journal {journal.path} --json has them")
                if not self._is_over():
                    retried(thread.start)
                    viewer.wait(lambda: self._over)
                self._tell_end()
        finally:
            files.close()
            thread.join(LAST)
            files.release()

    def _news(self) -> Iterator[Event]:
        """Yield what has been written since the last time."""
        for event in self._journal.events():
            if isinstance(event, RunEnded):
                self._clock.end = event.at
            else:
                self._last = max(self._last, event.at)
                yield event

    def _is_over(self) -> bool:
        journal = self._journal
        if journal.ended or journal.damage or journal.cut:
            return True
        return not journal.writer_lives()

    def _follow(self, files: FileWatch) -> None:
        """Send what is written as it comes; on a thread of its own."""
        while files.wait():
            alive = not self._is_over()  # before the last read
            for event in self._news():
                self._channel.send(event)
            if not alive or self._is_over():
                for event in self._news():
                    self._channel.send(event)
                break
        self._over = True
        self._channel.wake()

    def _tell_end(self) -> None:
        """Say how it ended, where its last event does not."""
        journal, viewer = self._journal, self._viewer
        viewer.loop.exit_status, viewer.loop.unretrieved = journal.status, journal.unretrieved
        if journal.ended:
            return
        self._clock.end = self._last
        if not journal.cut and not journal.damage:
            self._channel.send(StopRequested(self._last, f"the death of process {journal.header.pid}", 2))
        viewer.notice(end_of(journal))

    def command(self, _command: Command) -> None:
        """Refuse it: the run takes no commands from here. Any thread."""
        self._viewer.refuse("this run takes no commands from here")


def found_journals() -> list[Found]:
    """Return the journals of runs that are live, or have ended badly, the oldest first."""
    found = []
    for path in listed():
        try:
            with JournalReader(path) as journal:
                found.append(Found(path, journal.header, journal.writer_lives()))
        except (JournalError, OSError):  # one that has just begun, or is gone
            continue
    return sorted(found, key=lambda one: one.header.wall)


def choose(which: str | None) -> str:
    """Return the path of the journal that the command line means. Raises `click.UsageError` where it is not one."""
    if which is not None and os.path.isfile(which):  # noqa: PTH113  # a word of the command line
        return which
    found = found_journals()
    if which is not None:
        found = [one for one in found if which in (str(one.header.pid), one.header.title)]
        if not found:
            raise click.UsageError(f"there is no run {which!r} to watch, nor a file: mainstage ps lists the runs")
    chosen = [one for one in found if one.lives] or ([] if which is None else found[-1:])
    if not chosen:
        raise click.UsageError(f"there is no live run to watch: {HOW}")
    if len(chosen) > 1:
        lines = "\n".join(f"  {one.header.pid}  {one.header.title}" for one in chosen)
        raise click.UsageError(f"there are {len(chosen)} live runs, say which:\n{lines}")
    return chosen[0].path


@click.command("watch", short_help="Show the run of another process, while it runs.")
@click.argument("which", metavar="[PID|TITLE|FILE]", required=False)
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--view", type=click.Choice(["auto", "live", "plain", "silent"]), default="auto", help="What is shown.")
@click.option("--keys/--no-keys", default=True, help="Take keys; ? lists them.")
def watch_command(which: str | None, **look: str | bool) -> None:
    """Show a run of another process here, from its beginning to its end: the only live one, or the one that is named.

    It has to have a journal: `mainstage map --journal`, Run(journal=True), MAINSTAGE_JOURNAL=auto. The run notices
    nothing of it. q leaves, and the run goes on.
    """
    with open_reader(choose(which)) as journal:
        try:
            watch = Watch(journal, **look)  # type: ignore[arg-type]  # as the parser checked them
        except DisplayError as error:
            raise click.UsageError(str(error)) from error
        watch.run()


@click.command("ps", short_help="List the runs that can be watched.")
def ps_command() -> None:
    """List the runs of this user that have a journal: the live ones, and those that ended badly in the last 7 days."""
    rows: list[tuple[str, ...]] = [("PID", "STARTED", "FOR", "STATE", "DONE", "FAILED", "TITLE")]
    rows += [_row(one) for one in found_journals()]
    if len(rows) == 1:
        say(f"no run has a journal: {HOW}", err=True)
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[-1]]).rstrip())
    sys.stdout.flush()


def _row(one: Found) -> tuple[str, ...]:
    state, last = RunState(), one.header.monotonic
    with JournalReader(one.path) as journal:
        for event in journal.events():
            reduce(state, event)
            last = max(last, event.at)
        ended = journal.ended
    clock = SystemClock()
    if one.lives and one.header.boot == boot_id():
        last = clock.now()
    status = "live" if one.lives else "ended" if ended else "killed"
    counts = state.counts
    total = "" if state.open_ended else f"/{state.expected}"
    return (
        str(one.header.pid),
        formatting.time_of_day(one.header.wall, clock.utc_offset()),
        formatting.duration_text(last - one.header.monotonic),
        status,
        f"{counts.done}{total}",
        str(counts.failed),
        one.header.title,
    )
