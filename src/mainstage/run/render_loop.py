"""The one owner: receive, reduce, draw.

The loop blocks in one receive with the deadline of the next picture, or with none when nothing can change. While its
thread runs other code the loop is `away`: `run_once`, called from a signal handler on that thread, does one
round without blocking. Views and displays come as arguments; nothing here knows a terminal.
"""

from __future__ import annotations

import contextlib
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from mainstage.core.clock import cpu, limit_wait
from mainstage.errors import explain
from mainstage.events import KeyPressed, RunEnded, StopRequested, TaskMoved, TextWritten
from mainstage.run.flushes import FlushSchedule
from mainstage.run.report_interval import ReportInterval
from mainstage.tasks.capture.lines import PartialLines
from mainstage.ui.display.recorder import BatchRecorder
from mainstage.ui.display.stream import NullDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext
from mainstage.ui.views.plain import SilentView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstage.channels.inbox import ThreadChannel
    from mainstage.core.clock import Clock
    from mainstage.events import Event
    from mainstage.ui.display import Display
    from mainstage.ui.display.recorder import Recorder
    from mainstage.ui.views import View

HEAD_START = 0.5
"""Seconds before the first picture: a short run does not flash."""
MOST_ABOVE = 5000
"""Lines that wait in memory for a blocked display; more stay in the channel, which has room on disk."""
PARTIAL = 0.1
"""Seconds between two pictures of a line that has not ended, before the first picture of the run too."""
RETRY = 0.05
"""Seconds between two looks at a display that is blocked and has that many."""
LAST_PATIENCE = 1.0
"""Seconds for which a display that is blocked at the end holds up what waits on disk; then memory takes it."""
CALM = 2.0
"""Seconds without news after which an owner in other code is called that seldom: two threads wake for each call."""
MOST_PAST = 100
"""Lines that are shown of what happened before somebody looked."""
BATCH = 5000
"""Events reduced in one round, at the most."""
ROUND = 0.05
"""Seconds that a round reduces events for: what comes faster than it is shown must not keep the owner from all else."""
FEW = 64
"""Events reduced between two looks at the clock."""


def _nothing() -> float:
    return 0.0


class RenderLoop:
    """Owns the state, and draws it."""

    exit_status: int | None = None
    """The exit status of the program that is shown; None: not known, or the run shows no program."""

    unretrieved: int | None = None
    """How many failures the program has not taken from what holds them; None: not known."""

    _recorders: Sequence[Recorder] = ()

    def __init__(self, channel: ThreadChannel, view: View, display: Display, clock: Clock) -> None:
        self.state = RunState()
        self.channel = channel
        self._attributing = False
        self._flushes = FlushSchedule((), clock.now())
        self.unshown: frozenset[str] = frozenset()
        """Streams whose text is recorded, and shown by nobody."""
        self.on_stop: Callable[[StopRequested], None] | None = None
        """Called, on the owner's thread, with each request to stop that the loop has reduced."""
        self.on_key: Callable[[KeyPressed], None] | None = None
        """Called, on the owner's thread, with each key; not the place to wait for anything, or to settle a future."""
        self.watchers: list[Callable[[RunState, float], None]] = []
        """Called, on the owner's thread, with the state and the time of each picture before it is drawn."""
        self.intake = ReportInterval()
        self.receive_cpu_s: Callable[[], float] = _nothing
        """What batches from workers in other processes have cost before they came here, in seconds of this process."""
        self.on_interval: Callable[[float], None] | None = None
        """Called, on the owner's thread, with the interval at which workers are to report, when it is another one."""
        self.partials = PartialLines()
        """What is to be shown of lines that have not ended."""
        self.fallback: Callable[[], tuple[View, Display]] | None = None
        """Makes what takes over when the view raises."""
        self.paused = False
        """True while somebody else has the terminal: events are reduced, nothing is drawn."""
        self.pumping = False
        """True while the owner's thread is in `run_until` or `beat`: a second entry, by a signal, returns at once."""
        self.waiting = False
        """True while `run_until` waits for news: a handler of the program's may then end everything."""
        self.beating = False
        """True while `beat` does its round, in the middle of somebody else's code."""
        self.due_if_notified: float | None = None
        """When a picture is due if a note comes while the owner is away; read by the alarm on any thread."""
        self._view = view
        self._display = display
        self._now = clock.now
        self._pending_lines: list[str] = []
        self._blocked = False
        self._patience = Lock()
        self._patience.acquire()  # never released: to wait for it is to sleep
        self._sampled_s = 0.0
        self._calls: deque[Callable[[], None]] = deque()
        self._dirty = False
        self._partials: list[str] = []
        self._read_partials_at = float("-inf")
        self._moved: set[int] = set()
        self._only_moved = False
        """Whether all that was reduced since the last picture are moves of the tasks `_moved`, and text."""
        self._news_at = clock.now()
        """The time of the last picture that showed more than a clock."""
        self.count_from(clock.now())
        self.check_detail()

    def count_from(self, began: float) -> None:
        """Draw the first picture when the run is half a second old that began then."""
        self._drawn_at = began + HEAD_START - self._view.interval if self._view.interval < HEAD_START else began

    @property
    def recorders(self) -> Sequence[Recorder]:
        """Those that are given each event as it is reduced."""
        return self._recorders

    @recorders.setter
    def recorders(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = recorders
        self._flushes = FlushSchedule(recorders, self._now())
        self.check_detail()

    def attribute_text(self, *, on: bool) -> None:
        """Get each start and end at once, since text of C code is attributed to the task that runs."""
        self._attributing = on
        self.check_detail()

    def check_detail(self) -> None:
        """Ask workers for the events of each short call, or for their sums, as recorders and view need."""
        wanting = [getattr(one, "wants_events", True) for one in (self._view, *self._recorders)]
        self.channel.detailed = self._attributing or any(wanting)

    # --- the owner blocks here ---

    def run_until(self, done: Callable[[], bool], deadline: float | None = None) -> bool:
        """Receive and draw until `done()`, at most until `deadline` (on the run's clock); return whether it is done."""
        channel = self.channel
        channel.away = False
        outer, self.pumping = self.pumping, True
        try:
            while not done():
                while self._calls:
                    self._calls.popleft()()
                now = self._now()
                self._look_at_intake(now)
                if deadline is not None and now >= deadline:
                    return False
                due = self.due()
                if due is not None and now >= due:
                    self.draw(now)
                    continue
                if self._backpressured():
                    self._patience.acquire(timeout=RETRY)
                    continue
                times = [time for time in (due, deadline) if time is not None]
                self.waiting = True
                event = channel.receive(limit_wait(max(0.0, min(times) - now) if times else None))
                self.waiting = False
                if event is not None:
                    self._take(event)
                self._drain(channel)
            return True
        finally:
            self.waiting = False
            self.pumping = outer
            if not outer:
                self.go_away()

    def go_away(self) -> None:
        """Go away: from now on a note rings the alarm. One that came just before is drained first."""
        if not self.pumping:
            while self._calls:
                self._calls.popleft()()
            self.due_if_notified = self._view.due(self.state, self._drawn_at, dirty=True) if not self.paused else None
            if self._flushes and not self.paused:
                due, soon = self.due_if_notified, self._flushes.soon()
                self.due_if_notified = soon if due is None else min(due, soon)
            if self.due_if_notified is not None and self.partials.changed:
                self.due_if_notified = self._partial_due(self.due_if_notified)
            self.channel.away = True
            if not self.channel.empty() and not self._backpressured():
                self.channel.away = False
                self.channel.alarm()

    def run_once(self, *, borrowed: bool = True, most: int = BATCH) -> float | None:
        """Do one round without blocking, inside other code; return when the next is due, None: never.

        `borrowed`: in a signal handler, in the middle of anything; else in a callback, which may wait for a lock.
        At `most` so many events are reduced.
        """
        if self.pumping:
            return None
        self.beating = self.pumping = True
        try:
            self._drain(self.channel, patient=not borrowed, most=most)
            now = self._now()
            self._look_at_intake(now)
            due = self.due()
            if due is not None and now >= due:
                self.draw(now, borrowed=borrowed)
        finally:
            self.beating = self.pumping = False
        self.go_away()
        due = self.due()
        return max(due, self._drawn_at + CALM) if borrowed and due is not None and self.is_idle() else due

    def is_idle(self) -> bool:
        """Return whether nothing but clocks has changed for so long that these may be late."""
        if self._dirty or self.partials or getattr(self._view, "animated", False):
            return False
        return self._drawn_at - self._news_at >= CALM

    def due(self) -> float | None:
        """Return when the next picture, or write of a recorder, is wanted if nothing more happens; None: never."""
        look = self.channel.next_sample_at()
        due = None if self.paused else self._picture_due(look)
        flush = self._flushes.due(look) if self._flushes else None
        return flush if due is None or (flush is not None and flush < due) else due

    def _picture_due(self, look: float | None) -> float | None:
        dirty = self._dirty or bool(self._pending_lines) or look == 0.0
        due = self._view.due(self.state, self._drawn_at, dirty=dirty)
        if self.partials.changed:
            due = self._partial_due(due)
        if look:
            poll = max(look, self._drawn_at + self._view.interval)
            if poll != float("inf") and (due is None or poll < due):
                return poll
        return due

    def _partial_due(self, due: float | None) -> float:
        """Return when a picture is due that shows what became of lines that have not ended: a question cannot wait."""
        soon = self._read_partials_at + PARTIAL
        return soon if due is None else min(soon, due)

    # --- one round ---

    def _backpressured(self) -> bool:
        """Return whether a blocked display has so many lines to take that the rest may wait where it is."""
        return (self._blocked or self.paused) and len(self._pending_lines) > MOST_ABOVE

    def _drain(
        self, channel: ThreadChannel, *, patient: bool = True, most: int = BATCH, seconds: float = ROUND
    ) -> None:
        ends = self._now() + seconds
        for number in range(1, most + 1):
            if channel.empty() or (number % FEW == 0 and self._now() >= ends):
                return
            if (self._blocked or self.paused) and self._backpressured():
                return
            event = channel.receive(0, patient=patient)
            if event is not None:
                self._take(event)
            elif not patient and channel.stuck():
                return

    def add_workers(self, workers: int) -> None:
        """Count `workers` more of other processes that are to report."""
        seconds = self.intake.add_workers(workers)
        if seconds is not None and self.on_interval is not None:
            self.on_interval(seconds)

    def _look_at_intake(self, now: float) -> None:
        if self.on_interval is not None:
            seconds = self.intake.adjust(now, self._sampled_s + self.receive_cpu_s())
            if seconds is not None:
                self.on_interval(seconds)

    def _take(self, event: Event) -> None:
        state = self.state
        reduce(state, event)
        self._dirty = self._flushes.pending = True
        for recorder in self._recorders:
            self.record(recorder, event)
        kind = type(event)
        if kind is TaskMoved:
            self._moved.add(event.task)  # type: ignore[union-attr, arg-type]  # by `kind`
            return
        if kind is not TextWritten:
            self._only_moved = False
        elif event.stream in self.unshown:  # type: ignore[union-attr]  # by `kind`
            return
        try:
            if self._view.__class__ is not SilentView:
                self._pending_lines += self._view.history_lines(event, state, self._moment(event.at))
            if kind is KeyPressed and self.on_key is not None:
                self.on_key(event)  # type: ignore[arg-type]  # narrowed by `kind`
        except Exception as error:  # noqa: BLE001  # a view of the user's: the plain one takes over
            self._fall_back(error)
        if kind is StopRequested and self.on_stop is not None:
            self.on_stop(event)  # type: ignore[arg-type]  # narrowed by `kind`

    def take_past(self, events: Iterable[Event]) -> int:
        """Reduce what happened before anybody looked, keep the last lines of it, and return how many are not."""
        dropped = 0
        for event in events:
            self._take(event)
            if len(self._pending_lines) > 2 * MOST_PAST:
                dropped += len(self._pending_lines) - MOST_PAST
                del self._pending_lines[:-MOST_PAST]
        return dropped

    def record(self, recorder: Recorder, event: Event) -> None:
        """Hand `event` to `recorder`; what that cannot keep is reported once, and changes nothing else."""
        try:
            recorder.record(event)
        except Exception as error:  # noqa: BLE001  # the user's own: it is asked no more
            self.recorders = [one for one in self._recorders if one is not recorder]
            self._say(f"the recorder {type(recorder).__name__} raised {explain(error)}; it is told nothing more")
            return
        self._tell_trouble(recorder)

    def _tell_trouble(self, recorder: Recorder) -> None:
        trouble = getattr(recorder, "trouble", "")
        if trouble:
            recorder.trouble = ""  # type: ignore[attr-defined]  # one that has it
            self._say(trouble)

    def flush_recorders(self, now: float) -> None:
        """Flush the recorders."""
        self._flushes.flush(now)
        for recorder in self._recorders:
            self._tell_trouble(recorder)

    def draw(self, now: float, *, borrowed: bool = False) -> None:
        """Read the positions and show one picture; a blocked display gets it again with the next."""
        began = cpu()
        self.check_detail()  # keys may have chosen another layout
        for event in self.channel.sample(now, self._view.shown):
            self._take(event)
        self._sampled_s += cpu() - began
        if self._flushes:
            self.flush_recorders(now)
        if self.paused:
            return
        self._drawn_at = now
        if self._dirty:
            self._news_at = now
        partials = self._partial_lines(now, borrowed=borrowed)
        try:
            for watch in self.watchers:
                watch(self.state, now)
            rows = self._rows(now, borrowed=borrowed)
            if self.channel.has_unread(self._view.shown):  # rows that were not there before: exact too
                for event in self.channel.sample(now, self._view.shown):
                    self._take(event)
                rows = self._rows(now, borrowed=borrowed)
        except Exception as error:  # noqa: BLE001  # as above
            self._fall_back(error)
            return
        *others, begun = partials or [""]
        self._blocked = not self._show([*others, *rows], begun)
        if not self._blocked:
            self._pending_lines = []
            self._dirty = False

    def _partial_lines(self, now: float, *, borrowed: bool) -> list[str]:
        """Return the lines that have not ended; what one of them has become meanwhile is taken, and shown with it."""
        before, self._partials = self._partials, self.partials.read()
        self._read_partials_at = now
        if len(self._partials) < len(before):
            self._drain(self.channel, patient=not borrowed)
        return self._partials

    def _rows(self, now: float, *, borrowed: bool) -> list[str]:
        if self.state.started_at is not None and now < self.state.started_at + HEAD_START:
            return []  # it is drawn for the sake of text
        moved = self._moved if self._only_moved else None
        rows = self._view.rows(
            self.state, FrameContext(now, self._display.size(), in_signal_handler=borrowed, moved=moved)
        )
        self._moved.clear()
        self._only_moved = True
        return rows

    def _moment(self, now: float, *, final: bool = False) -> FrameContext:
        return FrameContext(now, self._display.size(), final, status=self.exit_status, unretrieved=self.unretrieved)

    def _show(self, rows: Sequence[str], begun: str = "") -> bool:
        """Show the lines that wait and `rows`; False: not all of it, the lines wait on."""
        try:
            return self._display.show(self._pending_lines, rows, begun)
        except Exception as error:  # noqa: BLE001  # a display of the user's: the plain one takes over
            broken, self._display = self._display, NullDisplay()
            with contextlib.suppress(Exception):
                broken.close([], [])
            if self.fallback is not None:
                (self._view, self._display), self.fallback = self.fallback(), None
                self._say(f"the display {type(broken).__name__} raised {explain(error)}; the plain one takes over")
            return False

    def _say(self, text: str) -> None:
        self._take(TextWritten(self._now(), None, 0, "", "mainstage", text))

    def _fall_back(self, error: Exception) -> None:
        """Fall back to the plain view, and if that is what raised, to none: the work goes on."""
        name = getattr(self._view, "shown_name", type(self._view).__name__)
        text = f"the view {name} raised {explain(error)}"
        if self.fallback is None:
            self._display.close([*self._pending_lines, f"mainstage: {text}; nothing more is shown"], [])
            self._pending_lines = []
            self._view, self._display = SilentView(), NullDisplay()
            return
        self._display.close(self._pending_lines, [])
        self._pending_lines = []
        (self._view, self._display), self.fallback = self.fallback(), None
        self._say(f"{text}; the plain view takes over")

    # --- the terminal, lent and taken back ---

    @property
    def display(self) -> Display:
        """The place that is drawn on."""
        return self._display

    def suspend(self, question: str = "") -> bool:
        """Show what was written so far, give the terminal back, and draw nothing until `resume`.

        `question` stays at the end of the text; returns whether it stands there.
        """
        outer, self.pumping = self.pumping, True
        try:
            self._drain(self.channel, seconds=LAST_PATIENCE)
            self.paused = True
            if self._pending_lines and self._show([]):
                self._pending_lines = []
            return self._display.suspend(question)
        finally:
            self.pumping = outer
            self.go_away()

    def show_text(self) -> None:
        """Show what was written so far, without another picture; on the owner's thread."""
        if self.pumping or (self.channel.empty() and not self._pending_lines):
            return
        self.pumping = True
        try:
            self._drain(self.channel)
            if self._pending_lines and self._show([]):
                self._pending_lines = []
        finally:
            self.pumping = False
        self.go_away()

    def resume(self) -> None:
        """Draw again."""
        self.paused = False
        self._dirty = True

    def call_on_owner(self, call: Callable[[], None]) -> None:
        """Call `call` on the owner's thread at its next round; a caller on another thread then wakes it."""
        self._calls.append(call)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call `call` on the owner's thread between two rounds; from a signal handler on that thread."""
        if self.pumping:
            self._calls.append(call)
            self.channel.wake()
        else:
            call()

    def repaint(self) -> None:
        """Request a frame soon, at the size of then; safe in a signal handler."""
        self._display.resized()
        self._dirty = True
        self.channel.notify()

    def _take_all(self) -> None:
        """Reduce what is left; lines that are too many for memory are shown meanwhile, if the display takes any."""
        patience = LAST_PATIENCE
        while not self.channel.empty():
            self._drain(self.channel)
            if len(self._pending_lines) <= MOST_ABOVE or patience <= 0:
                continue
            self._blocked = not self._show([])
            if not self._blocked:
                self._pending_lines, patience = [], LAST_PATIENCE
                continue
            patience -= RETRY
            self._patience.acquire(timeout=RETRY)
            self._blocked = patience > 0

    def close_recorders(self) -> None:
        """Close recorders that keep a file open, for a run that never started."""
        for recorder in self.recorders:
            close = getattr(recorder, "close", None)
            if close is not None:
                close()

    def leave(self, farewell: str) -> None:
        """Show no more of a run that goes on; `farewell` is the last line."""
        self.pumping = True
        self._display.close([*self._pending_lines, *([farewell] if farewell else [])], [])
        self._pending_lines = []

    def finish(self, *, said: bool = True) -> None:
        """Reduce what is left and that the run has ended, show the last picture and close the display.

        Unless `said`, the last lines are left out: `last_rows` gives them.
        """
        self.channel.away = False
        self.pumping = True
        self._blocked = self.paused = False
        self._take_all()
        now = self._now()
        self.channel.look_again()
        while self.channel.next_sample_at() == 0.0:
            for event in self.channel.sample(now):
                self._take(event)
        if self.channel.lost:
            self._say(f"{self.channel.lost:,} lines are missing above: neither a file nor memory had room for them")
        for recorder in self._recorders:
            if isinstance(recorder, BatchRecorder):
                with contextlib.suppress(Exception):  # a recorder of the user's
                    recorder.tell_end(self.exit_status, self.unretrieved)
        self._take(RunEnded(now))
        rows = self.last_rows() if said else []
        try:
            self._display.close(self._pending_lines, rows)
        except Exception:  # noqa: BLE001  # a display of the user's: the plain one has the last word
            if self.fallback is not None:
                self.fallback()[1].close(self._pending_lines, rows)
        self._pending_lines = []

    def last_rows(self) -> list[str]:
        """Return the last lines of a run that is over."""
        moment = self._moment(self._now() if self.state.ended_at is None else self.state.ended_at, final=True)
        try:
            return list(self._view.rows(self.state, moment))
        except Exception as error:  # noqa: BLE001  # as above
            self._fall_back(error)
            with contextlib.suppress(Exception):
                return list(self._view.rows(self.state, moment))
        return []
