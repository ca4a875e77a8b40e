"""The show: one channel, one loop, one display a process, for as long as a run is live. It is not the work.

Everything here may be asleep or absent and every result, error and exit status is the same.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from mainstage.channels.from_children import child_reports
from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import Clock, SystemClock, limit_wait
from mainstage.core.commands import SetInterval
from mainstage.core.unpatched import Flag, get_ident
from mainstage.events import RunEnded, RunStarted, StopRequested, TextWritten
from mainstage.journal.format import JournalError
from mainstage.journal.places import new_place
from mainstage.run.exit import suppress_traceback
from mainstage.run.heartbeat import RECHECK_S, Heartbeat
from mainstage.run.key_commands import KeyCommands
from mainstage.run.leaving import WaysOut
from mainstage.run.render_loop import RenderLoop
from mainstage.run.signals import SignalHandlers, allow_signals
from mainstage.run.stalls import StallDetector
from mainstage.tasks.blocks import OpenBlocks
from mainstage.tasks.capture.lines import Lines, PartialLines
from mainstage.tasks.capture.streams import STREAMS, Capture
from mainstage.tasks.integrations.registry import bridges_for
from mainstage.tasks.reporter import live
from mainstage.tasks.task import close_default_task
from mainstage.ui.display.jsonl import JsonlDisplay
from mainstage.ui.display.linewatch import LineWatch
from mainstage.ui.display.runlog import RunLog
from mainstage.ui.display.settings import STUCK_AFTER, settings, stuck_after
from mainstage.ui.display.stream import NullDisplay, StreamDisplay
from mainstage.ui.setup import LayoutOptions, build_ui
from mainstage.ui.views.blocks import BlocksView

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from rich.progress import ProgressColumn
    from rich.theme import Theme

    from mainstage.core.commands import Command
    from mainstage.events import Event
    from mainstage.run.asyncio_driver import AsyncioDriver, Waker
    from mainstage.run.cells import CellScope
    from mainstage.run.key_commands import CommandTarget
    from mainstage.ui.display import Display
    from mainstage.ui.display.notebook import NotebookDisplay
    from mainstage.ui.display.recorder import Recorder
    from mainstage.ui.display.settings import Keys
    from mainstage.ui.setup import UI
    from mainstage.ui.views import View
    from mainstage.ui.views.layouts import Layout


CALLED = 2 * RECHECK_S
"""Seconds in which the owner comes when another thread calls it to close: a call that was lost comes again."""
CLOSED = 5.0
"""Seconds that the last picture may take it then."""
OWNER_TIMEOUT_S = 1.0
"""Seconds in which the owner should have come by, wherever it is; a prompt on another thread waits no longer."""


class OutputRecorder(Protocol):
    """Whoever keeps all that workers write, be it shown or not."""

    unshown: Collection[str]
    """Set by the run: the streams whose text nobody shows, since they lead elsewhere; it is the recorder's alone."""

    def record(self, event: Event) -> None:
        """Take one event, on the owner's thread. An error here would end the run: keep it for later."""
        ...


class ReportCost(Protocol):
    """What a loop asks of a backend: how many workers report to it by batches, and what these have cost."""

    @property
    def receive_cpu_s(self) -> float:
        """Seconds of this process so far."""
        ...

    @property
    def remote_workers(self) -> int:
        """How many report by batches."""
        ...


class DisplayOptions(NamedTuple):
    """How a run is to be shown; see `Run` for what each takes."""

    view: str | View = "auto"
    columns: Sequence[str | ProgressColumn] | None = None
    log: str | os.PathLike[str] | None = None
    heartbeat: bool | None = None
    display: Display | None = None
    implicit: bool = False
    clock: Clock | None = None
    capture: bool | Literal["fd"] | None = None
    strict: bool | None = None
    prefix: bool | None = None
    recorder: OutputRecorder | None = None
    keys: Keys | None = None
    layout: str | Layout = ""
    theme: Theme | Mapping[str, str] | None = None
    stuck_after: float | None = STUCK_AFTER
    places: bool = False
    journal: str | os.PathLike[str] | bool | None = None
    journal_limit: int | None = None
    journal_inputs: bool = True
    report: str | os.PathLike[str] | None = None

    def resolved(self) -> DisplayOptions:
        """Return it with what the environment says where the program says nothing; `DisplayError` names a variable."""
        said = settings(os.environ)
        silent = {name: value for name, value in said._asdict().items() if getattr(self, name) is None}
        if self.keys == "auto" and said.keys is False:
            silent["keys"] = False
        if self.stuck_after == STUCK_AFTER:  # the default: None is a program's word
            silent["stuck_after"] = stuck_after(os.environ)
        return self._replace(**silent)

    def overridden(self) -> list[str]:
        """Return the names of the arguments that say how this very run is shown, but for `log`."""
        plain = DisplayOptions()
        kept = ("log", "implicit", "clock", "places", "journal", "journal_limit", "journal_inputs", "report")
        return [name for name in self._fields if name not in kept and getattr(self, name) != getattr(plain, name)]


class DisplaySession:
    """What is shown of the runs of this process, owned by the thread that opened it."""

    current: DisplaySession | None = None
    """The one that is live."""
    owner_asleep = False
    """Set by tests of rule 9: no owner ever pumps."""
    loops: type[RenderLoop] = RenderLoop
    signals: type[SignalHandlers] = SignalHandlers
    """What a show is made with."""
    signum = 0
    """The first signal that asked it to stop."""
    on_idle: Callable[[], None] | None = None
    """Called on the owner's thread between two pieces of work; an implicit run ends there."""
    says_end = True
    """Whether its end shows the last lines; else `say_end` does, later."""
    _stage = 0
    _sleepers = 0
    _lends = 0

    def __init__(self, title: str, look: DisplayOptions) -> None:
        """Choose view and display; errors in `look` raise `DisplayError` here, before anything runs."""
        asked, look = bool(look.journal or look.report), look.resolved()
        self.clock: Clock = look.clock or SystemClock()
        self.channel, self._began = _channel_for(self.clock, early=look.clock is None)
        opened = _build_ui(look, asked=asked)
        blocks = None if opened.look is None else OpenBlocks(self.channel.notify)
        self.loop = self.loops(self.channel, _below_blocks(opened, blocks), opened.display, self.clock)
        self.loop.partials = PartialLines(self._partial_changed)
        self.loop.recorders = opened.recorders
        self.loop.watchers += opened.watchers
        self.stuck: StallDetector | None = None
        if look.stuck_after is not None and not isinstance(opened.display, NullDisplay):
            self.stuck = StallDetector(self.channel.send, look.stuck_after, self._ask)
            self.loop.watchers.append(self.stuck.check)
        self.loop.fallback = opened.fallback
        self.loop.on_stop = self._on_stop
        self.capture = self._capture_for(opened.display, look, blocks)
        self.stop_listeners: list[Callable[[StopRequested], None]] = []
        """Called on the owner's thread with each request to stop."""
        self.stop: StopRequested | None = None
        self._owner = get_ident()
        self._pid = os.getpid()
        self._idle = threading.Condition()
        self.interrupts = self.signals(self.loop, self._request, lambda: self._stage)
        self.interrupts.on_raise = suppress_traceback
        self.ways_out = WaysOut(self.last_words, self.terminal_lent)
        self._closing = threading.Lock()
        """Taken once, by who closes it."""
        self._animated = (opened.animated or bool(look.journal or look.report)) and bool(look.heartbeat)
        self._heartbeat: Heartbeat | None = None
        self._title = title
        self._remarks = opened.remarks
        self.steering: KeyCommands | None = None
        """What keys do, where there are any."""
        self.command_targets: dict[object, CommandTarget] = {}
        """Who carries out the commands of keys, and of the loop, by the run."""
        self.backends: dict[object, ReportCost] = {}
        """What workers report to, by the run."""
        if opened.keyed is not None:
            self.steering = KeyCommands(*opened.keyed, self.loop, self)
        self.capture.pause = self.terminal_lent
        self._line_watch = self._watch_lines(opened.display)
        self._cells = self._watch_cells(opened.display, opened.shell)
        self._warned: set[str] = set()
        self._lending = threading.Lock()
        self._new_display = opened.new_display
        self.wakers: list[Waker] = []
        """Coroutines that wait as `wait` does."""
        self.seat: AsyncioDriver | None = None
        """The owner's place on the event loop of its thread, while one is to draw."""

    def _capture_for(self, display: Display, look: DisplayOptions, blocks: OpenBlocks | None) -> Capture:
        owned = _owned_streams(display) if look.capture else ()
        shown = bool(look.capture) and (bool(owned) or not isinstance(display, NullDisplay))
        taken = self._record_all(look.recorder, owned) if look.recorder is not None and look.capture else owned
        capture = Capture(
            self.channel,
            owned=taken,
            bars={*owned, "stderr"} if shown else (),
            strict=bool(look.strict),
            descriptors=look.capture == "fd",
            partials=self.loop.partials,
            bridges=bridges_for,
        )
        capture.blocks = blocks
        capture.lends = bool(capture.taken) and not isinstance(display, NullDisplay)
        return capture

    def _watch_lines(self, display: Display) -> LineWatch | None:
        """Return what sees to it that our lines come into none of the program's on stderr, in a pipe or file."""
        if not isinstance(display, StreamDisplay) or self.capture.taken or sys.stderr is None:
            return None
        lines, key = Lines(), (0, 0)

        def note(text: str) -> None:
            lines.add(key, text)
            if display.stand(lines.begun(key)):
                self.loop.partials.touch()

        return LineWatch(sys.stderr, note)

    def _watch_cells(self, display: Any, shell: Any) -> CellScope | None:
        """Return what follows a run from cell to cell, in a notebook."""
        if shell is None:
            return None
        from mainstage.run.cells import CellScope  # noqa: PLC0415  # loaded in notebooks alone

        cells = CellScope(self.loop, self.interrupts, display, shell, self.is_owner)
        if self.capture.taken:
            self.capture.passage, self.capture.all_pass = cells, True
        return cells

    def _record_all(self, recorder: OutputRecorder, owned: Collection[str]) -> Collection[str]:
        """Add `recorder`, which takes everything; return the streams to capture."""
        unshown = {name for name in STREAMS if name not in owned}
        if "stderr" in unshown:
            unshown.add("warning")
        recorder.unshown = self.loop.unshown = frozenset(unshown)
        self.loop.recorders = [*self.loop.recorders, recorder]
        return STREAMS

    def open(self) -> Callable[[], None]:
        """Go live; return what ends that."""
        self.interrupts.install()
        DisplaySession.current = self
        live.reporter, live.early = self.channel, None
        self.ways_out.take()
        now = self.clock.now()
        began = now if self._began is None else self._began
        self.loop.count_from(began)
        self.channel.begin(RunStarted(began, self._title, self.clock.wall() - (now - began)))
        self.loop.run_once()  # the state knows of the run before anybody asks when a picture is due
        for remark in self._remarks:
            self.notice(remark)
        self.loop.receive_cpu_s = lambda: sum([one.receive_cpu_s for one in self.backends.values()])
        self.loop.on_interval = self._ask_interval
        self.capture.start()
        child_reports.show_in(self.channel)
        self.loop.attribute_text(on=self.capture.descriptors is not None)
        if self._line_watch is not None:
            self._line_watch.start()
        if self._cells is not None:
            self._cells.start()
        if self.steering is not None:
            self._tried(self.steering.start, "keys are off")
        if self._animated and Heartbeat.possible() and not DisplaySession.owner_asleep:
            self._heartbeat = Heartbeat(self.loop)
            self._heartbeat.after_beat = self._after_beat
            self._heartbeat.after_end = self.interrupts.restore
            if not self._tried(self._heartbeat.start, "pictures are drawn only while a call of the run waits"):
                self._heartbeat.stop()
                self._heartbeat = None
            elif self.loop.state.tasks:  # of bars that have waited for the run: no note tells of them any more
                self._heartbeat.owner_left()
        return self.close

    def _tried(self, start: Callable[[], None], without: str) -> bool:
        """Call `start`; where the system refuses what it needs, say once what is missing `without` it."""
        try:
            start()
        except (OSError, RuntimeError) as refused:
            self.notice(f"{without}: {refused}")
            return False
        return True

    def discard(self) -> None:
        """Close what the constructor opened, and show nothing: `open` was not called."""
        if self.steering is not None:
            self.steering.keyboard.close()
        self.loop.display.close([], [])
        self.loop.close_recorders()

    def close(self) -> None:
        """Show the last picture and give everything back, on the owner's thread if it can be reached. Any thread.

        A second call does nothing, nor does one in a forked child.
        """
        if not self._closing.locked() and os.getpid() == self._pid and not self._had_owner_close():
            self._close()

    def _had_owner_close(self) -> bool:
        """Make the owner close it in the middle of other code; False: this thread is the owner, or cannot reach it."""
        reachable = self._heartbeat is not None or self.seat is not None or self.loop.pumping
        if get_ident() == self._owner or not reachable:
            return False
        came, closed = Flag(), Flag()

        def close() -> None:
            came.set()
            self._close()
            closed.set()

        self.loop.call_on_owner(close)
        self.wake_owner()
        return came.wait(CALLED) and closed.wait(CLOSED)

    def _close(self) -> None:
        if not self._closing.acquire(blocking=False):
            return
        with contextlib.ExitStack() as steps:  # the last one first; each is done whatever became of those before
            steps.callback(self.capture.resume)
            steps.callback(self.interrupts.restore)
            steps.callback(self.channel.close)
            steps.callback(self._finish)
            steps.callback(close_default_task)
            steps.callback(child_reports.leave, self.channel)
            steps.callback(self.capture.stop)
            if self._line_watch is not None:
                steps.callback(self._line_watch.stop)
            if self._cells is not None:
                steps.callback(self._cells.stop)
            if self._heartbeat is not None:
                steps.callback(self._heartbeat.stop)
            if self.steering is not None:
                steps.callback(self.steering.stop)
            if self.seat is not None:
                steps.callback(self.seat.leave)
            steps.callback(self.ways_out.give_back)
        self.seat = None

    def _finish(self) -> None:
        live.reporter = None
        DisplaySession.current = None
        self.interrupts.closing = True
        self.loop.finish(said=self.says_end)

    def say_end(self) -> None:
        """Show the last lines of one that was closed without them."""
        rows = self.loop.last_rows()
        if rows and self._new_display is not None:
            self._new_display().close([], rows)

    def last_words(self, _status: int | None = None) -> None:
        """Close it, since the process is about to end without another word; give the terminal back at least."""
        if get_ident() != self._owner:
            self.close()
        elif not self.loop.pumping or self.loop.waiting:
            self._close()
        else:
            getattr(self.loop.display, "emergency", lambda: None)()

    def here(self) -> bool:
        """Return whether this is its process, and no forked child."""
        return os.getpid() == self._pid

    def is_owner(self) -> bool:
        """Return whether this thread is the owner, and awake."""
        return (
            get_ident() == self._owner
            and os.getpid() == self._pid
            and not DisplaySession.owner_asleep
            and not self.loop.pumping
        )

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for `done()`, drawing where this thread is the owner; return what it says in the end.

        Whatever makes it true must call `wake` after it did.
        """
        deadline = None if timeout is None else self.clock.now() + timeout
        if self.is_owner():
            self.loop.call_on_owner(self.interrupts.forward_deferred)
            ended = self.loop.run_until(done, deadline)
            if self._stage:
                self.loop.run_until(self._heard)  # one may have come as the wait ended
            self.left()
            self.check_idle()
            return ended
        return self._sleep(done, deadline)

    @allow_signals
    def raise_deferred(self) -> None:
        """Raise the signal that has been held back, if one was: it leaves nothing half done any more."""
        held = self.interrupts.take_deferred()
        if held is not None:
            raise held

    @allow_signals
    def _sleep(self, done: Callable[[], bool], deadline: float | None) -> bool:
        self.raise_deferred()
        with self._idle:
            self._sleepers += 1
            try:
                while not done():
                    left = None if deadline is None else deadline - self.clock.now()
                    if left is not None and left <= 0:
                        return False
                    self._idle.wait(limit_wait(left))
            finally:
                self._sleepers -= 1
        return True

    def attach_asyncio(self) -> AsyncioDriver | None:
        """Drive rendering from this thread's event loop; None: another thread is the owner.

        Reference-counted: call `detach_asyncio` once per call.
        """
        from mainstage.run.asyncio_driver import AsyncioDriver, events_here  # noqa: PLC0415  # a program without asyncio does not load it

        events = events_here()
        if events is None or not self.is_owner():
            return None
        if self._cells is not None and self._heartbeat is not None:
            return None  # it interrupts a kernel's loop as any other code, and a cell that blocks it too
        if self.seat is None or self.seat.events is not events:
            if self.seat is not None:
                self.seat.leave()  # its loop has ended, and told nobody
            self.seat = AsyncioDriver(self.loop, events, metronome=self._heartbeat, after_round=self._after_beat)
        self.seat.users += 1
        return self.seat

    def detach_asyncio(self, seat: AsyncioDriver) -> None:
        """Need the event loop no more; on its thread."""
        seat.users -= 1
        if not seat.users:
            seat.leave()
            self.seat = None if self.seat is seat else self.seat

    def draw_if_due(self) -> None:
        """Do one round without waiting, if this thread is the owner and a picture is due."""
        if self.is_owner():
            due = self.loop.due()
            if due is None or self.clock.now() >= due:
                self.loop.run_until(lambda: True)
                self.loop.run_once()
                self._after_beat()

    @contextlib.contextmanager
    def terminal_lent(self) -> Iterator[None]:
        """Give the terminal to this thread within the block; the work goes on. Any thread, also within another."""
        with self._lending:
            self._lends += 1
        thread = get_ident()
        shown = self._release_terminal(self.capture.question())
        if self.steering is not None:
            self.steering.keyboard.release()  # the owner may be out of reach
        self.capture.release_terminal(on=True, shown=shown)
        try:
            yield
        finally:
            self.capture.release_terminal(on=False, thread=thread)
            with self._lending:
                self._lends -= 1
            if not self._lends:
                self._retake_terminal()

    def _release_terminal(self, question: str) -> bool:
        """Take the rows away; return whether `question` stands on the terminal then."""
        if get_ident() == self._owner:
            return self.loop.suspend(question)
        gone = Flag()
        shown: list[bool] = []

        def suspend() -> None:
            if self._lends and not late:  # it may come by too late
                shown.append(self.loop.suspend(question))
            gone.set()

        late = False
        self.loop.call_on_owner(suspend)
        self.wake_owner()
        late = not gone.wait(OWNER_TIMEOUT_S)
        self.loop.paused = True
        return any(shown)

    def _retake_terminal(self) -> None:
        self.loop.resume()
        if get_ident() == self._owner:
            self.loop.go_away()
            self.left()
        else:
            self.wake_owner()

    def check_idle(self) -> None:
        """Give an implicit run the chance to end, unless a line is just being sent: it brings us here again."""
        on_quiet = self.on_idle  # read once: the end of the run, on another thread, takes it away
        if on_quiet is None or self.capture.sending():
            return
        if get_ident() == self._owner:
            on_quiet()
        else:
            self.wake_owner()

    def _after_beat(self) -> None:
        self.interrupts.raise_deferred()
        self.check_idle()

    def _ask(self, command: Command) -> None:
        """Send `command` to the run that it is for."""
        for one in list(self.command_targets.values()):
            one.command(command)

    def _heard(self) -> bool:
        return self.stop is not None and self.stop.stage >= self._stage

    def left(self) -> None:
        """Called when the owner returns to other code."""
        if self.seat is not None:
            self.seat.schedule()
        elif self._heartbeat is not None:
            self._heartbeat.owner_left()

    def wake(self) -> None:
        """Make every `wait` check its condition again. Any thread."""
        self.channel.wake()
        if self.channel.away:
            self.channel.alarm()
        for waker in list(self.wakers):
            waker.wake()
        if self._sleepers:
            with self._idle:
                self._idle.notify_all()

    def wake_owner(self) -> None:
        """Make the owner run a round at once, wherever it is, if it can be reached. Any thread."""
        self.wake()
        if self.seat is not None:
            self.seat.wake()
        if self._heartbeat is not None:
            self._heartbeat.call()

    def _partial_changed(self) -> None:
        """Show a line that has not ended soon: it may be a question."""
        if DisplaySession.current is self and not DisplaySession.owner_asleep:
            self.wake_owner()

    @property
    def picture(self) -> NotebookDisplay | None:
        """The picture below the cells of a notebook, once a run is over the last one; None: it is shown elsewhere."""
        return None if self._cells is None else self._cells.display

    def notice(self, text: str) -> None:
        """Show a line of the library's own."""
        self.channel.send(TextWritten(self.clock.now(), None, 0, "", "mainstage", text))

    def open_nested(self, title: str, look: DisplayOptions) -> Callable[[], None]:
        """Show a run inside this one, with a `log` and a `journal` of its own; return what ends that.

        A notice says that its other display options have no effect: there is one display.
        """
        if self._cells is not None:
            self._cells.open_nested()
        own: list[Recorder] = [] if look.log is None else [RunLog(look.log)]
        if look.journal or look.report:
            own.append(open_journal(look))
        asked = ", ".join(f"{name}=" for name in look.overridden())
        if asked and asked not in self._warned:
            self._warned.add(asked)
            named = f" of {title}" if title else ""
            self.notice(f"{asked}{named} without effect: the run is shown within the one that is live")
        if not own:
            return self.check_idle  # this may be of an implicit run that has waited for the one inside
        self._catch_up()
        began = RunStarted(self.clock.now(), title, self.clock.wall())
        for recorder in own:
            self.loop.record(recorder, began)
        self.loop.recorders = [*self.loop.recorders, *own]

        def end() -> None:
            self._catch_up()
            self.loop.recorders = [one for one in self.loop.recorders if one not in own]
            ended = RunEnded(self.clock.now())
            for recorder in own:
                self.loop.record(recorder, ended)
            self.check_idle()

        return end

    def _catch_up(self) -> None:
        """Take what was sent so far, if this thread is the owner."""
        if self.is_owner():
            self.loop.run_once()

    def _request(self, cause: str, signum: int) -> int:
        """Put a request to stop into the inbox, before all that waits there; in a signal handler."""
        self._stage += 1
        self.signum = self.signum or signum
        self.channel.send_first(StopRequested(self.clock.now(), cause, self._stage))
        return self._stage

    def stopped(self, cause: str) -> StopRequested:
        """Show that the run is stopped by `cause`, which did not come to the loop; return the event, the first."""
        self._stage = max(self._stage, 1)
        event = StopRequested(self.clock.now(), cause, 1)
        self.channel.send(event)
        return event

    def add_run(
        self, run: object, on_stop: Callable[[StopRequested], None], commanded: CommandTarget, backend: ReportCost
    ) -> None:
        """Show a run: `on_stop` and `commanded` get requests to stop and commands, its workers report to `backend`."""
        self.stop_listeners.append(on_stop)
        self.command_targets[run] = commanded
        self.backends[run] = backend
        self.loop.add_workers(backend.remote_workers)

    def remove_run(self, run: object, on_stop: Callable[[StopRequested], None]) -> None:
        """Show it no more."""
        self.stop_listeners.remove(on_stop)
        del self.command_targets[run], self.backends[run]

    def _ask_interval(self, seconds: float) -> None:
        """Ask workers to report at most once in `seconds`; in the middle of other code too."""
        for one in list(self.command_targets.values()):
            one.command(SetInterval(seconds))

    def _on_stop(self, event: StopRequested) -> None:
        if self.stop is None or event.stage > self.stop.stage:  # one may have overtaken another
            self.stop = event
        for stop in list(self.stop_listeners):
            stop(event)
        for waker in list(self.wakers):
            waker.wake()


def _channel_for(clock: Clock, *, early: bool) -> tuple[ThreadChannel, float | None]:
    """Return the channel of a run, and when it began; of bars that wait for it, where their clock is its own."""
    if early and live.early is not None:
        return live.early.channel, live.early.began
    return ThreadChannel(clock), None


def _build_ui(look: DisplayOptions, *, asked: bool) -> UI:
    """Return what to show with, a journal among its recorders.

    One that cannot be had raises `JournalError` where the program has `asked` for it, else there is a remark.
    """
    style = LayoutOptions(look.layout, look.columns, look.theme, prefix=look.prefix is not False, places=look.places)
    opened = build_ui(look.view, style, log=look.log, display=look.display, discreet=look.implicit, keys=look.keys)
    if not (look.journal or look.report):
        return opened
    try:
        journal = open_journal(look)
    except JournalError as error:
        if asked:
            opened.close()
            raise
        return opened._replace(remarks=[*opened.remarks, str(error)])
    return opened._replace(recorders=[*opened.recorders, journal])


def _below_blocks(opened: UI, blocks: OpenBlocks | None) -> View:
    """Return the view, with `blocks` above it where it is drawn."""
    return opened.view if blocks is None or opened.look is None else BlocksView(opened.view, blocks, *opened.look)


def open_journal(look: DisplayOptions) -> Recorder:
    """Return the writer of a journal, and of a report at the end, as `look` asks for. Raises `JournalError`."""
    from mainstage.journal.writer import JournalWriter  # noqa: PLC0415  # msgspec is loaded only where it is written

    path = "" if look.journal is None or isinstance(look.journal, bool) else os.fspath(look.journal)
    limit, inputs = look.journal_limit, look.journal_inputs
    if look.report is not None:
        from mainstage.journal.report_at_end import ReportRecorder  # noqa: PLC0415  # as above

        return ReportRecorder(look.report, path, limit=limit, inputs=inputs)
    return JournalWriter(path or new_place(), limit=limit, inputs=inputs, kept=bool(path))


def _owned_streams(display: Display) -> Collection[str]:
    """Return the names of the streams whose text is the display's to show: terminals; of JSON lines, their own.

    Of a display below the cells of a notebook both.
    """
    if getattr(display, "takes_text", False):
        return STREAMS
    if isinstance(display, JsonlDisplay):
        return ("stdout",)
    if isinstance(display, NullDisplay):
        return ()
    return [name for name in STREAMS if _isatty(getattr(sys, name))]


def _isatty(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # what has no such method is none
    except (AttributeError, OSError, ValueError):
        return False
