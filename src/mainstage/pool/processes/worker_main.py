"""A worker process: it runs calls and items one after the other on its main thread, until the parent ends it.

Two threads beside: one takes what the parent says, so that a request to stop is heard at once, and ends the process
when the parent is gone; one reports. The worker's code finds what it finds in a thread: the same tasks, the same track.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import signal
import sys
import threading
from collections import deque
from multiprocessing import reduction
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mainstage.channels import frames
from mainstage.channels.frames import NEVER_BEGAN, NO_TASK, Frame, pack_frame, pack_result, split_items
from mainstage.channels.outbox import INTERVAL, RemoteChannel, ShiftedClock
from mainstage.channels.pipe import Journal, WorkerEnd
from mainstage.core import pickling
from mainstage.core.descriptors import reserve_standard
from mainstage.core.fork import end_forked_child
from mainstage.errors import Cancelled, Unpicklable
from mainstage.events import EVENTS
from mainstage.pool.lazy_item import LazyItem
from mainstage.tasks import outcome
from mainstage.tasks.capture.worker_fds import Piped
from mainstage.tasks.outcome import describe_call
from mainstage.tasks.queue.remote_queue import parent_link, stall_report
from mainstage.tasks.reporter import live
from mainstage.tasks.task import ambient, close_default_task, open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from mainstage.events import Event
    from mainstage.tasks.capture.streams import Capture
    from mainstage.tasks.task import Task

    Initializer: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]

GLANCE = 0.1
"""Seconds that an item must have run to be shown by itself."""
TOGETHER = 0.002
"""Seconds of finished items that are sent together."""
SMALL = frozenset({int, float, bool, str, bytes, type(None)})
"""Types whose values hold no buffer and refuse no pickling."""
dumps, loads = pickle.dumps, pickle.loads
_TAGS = {kind: tag for tag, kind in enumerate(EVENTS)}


class Setup(NamedTuple):
    """How a worker is to begin."""

    name: str
    offset: float
    """Seconds that the run's clock is ahead of this process's."""
    first_id: int
    streams: tuple[str, ...] = ()
    """What of "stdout" and "stderr" is the display's."""
    bars: tuple[str, ...] = ()
    """On which of them the bars of other libraries are tasks."""
    crashes: bool = False
    """Whether a crash tells where it was, as in the parent."""
    interval: float = INTERVAL
    """Seconds between two batches of positions."""


class InheritedFd:
    """A file descriptor that is handed to a worker, however that is started."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Any, ...]:
        return _detached, (reduction.DupFd(self.fd),)


def _detached(duplicate: Any) -> InheritedFd:
    return InheritedFd(duplicate.detach())


def run_worker(
    pipe: InheritedFd, journal: InheritedFd, streams: dict[str, InheritedFd], initializer: Initializer | None
) -> None:
    """Run a worker: the target of `multiprocessing`. `streams` are what leads to the run's display, by their names."""
    _settle_in()
    end = WorkerEnd(pipe.fd, Journal(journal.fd))
    WorkerMain(end, Piped({name: one.fd for name, one in streams.items()}) if streams else None).run(initializer)


def _settle_in() -> None:
    """Become the leader of a process group, deaf to Ctrl-C, without the parent's handlers and its terminal as input."""
    reserve_standard()
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, _do_nothing)
    for name in ("SIGTERM", "SIGHUP", "SIGTSTP", "SIGCONT", "SIGWINCH", "SIGURG"):
        if callable(signal.getsignal(getattr(signal, name))):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    _forget_the_parents_run()
    ambient.set(None)
    live.reporter = None
    live.capture = None


def _forget_the_parents_run() -> None:
    """Detach this process from the run that a fork has copied: a run of its own is no branch of that."""
    session, show = sys.modules.get("mainstage.run.run"), sys.modules.get("mainstage.run.display_session")
    if session is not None and show is not None:
        session._runs.clear()  # noqa: SLF001  # the owner's side is never imported from here
        show.DisplaySession.current = None


def _do_nothing(_signum: int, _frame: object) -> None:
    """Outlive a Ctrl-C: the parent decides. A handler, since subprocesses would inherit that it is ignored."""


class PipeTransport:
    """Sends events by the pipe."""

    def __init__(self, end: WorkerEnd) -> None:
        self._end = end
        self.flush = end.flush

    def send_batch(self, batch: list[Event]) -> None:
        """Say it; the next flush sends it."""
        told = [(_TAGS[type(event)], *event) for event in batch]
        self._end.add(pack_frame(frames.EVENTS, pickle.dumps(told, pickling.PROTOCOL)))


class RunningItemProbe:
    """The worker's cell in its own channel: it reports an item once that has run for long."""

    id = -1
    attempt = 0
    closed = False

    def __init__(self, reporter: RemoteChannel, worker: str, functions: Mapping[int, LazyFunction]) -> None:
        self.reporter = reporter
        self.worker = worker
        self._functions = functions
        self.polled = False
        self.item: LazyItem | None = None

    def name_of(self, entry: tuple[Any, int, tuple[Any, ...], int]) -> str:
        """Return what an item is called here; the parent may have been given another name for it."""
        return describe_call(self._functions[entry[0]].made, entry[2])

    def position(self) -> float:
        """Return 0: it has none."""
        return 0.0

    def arm(self) -> None:
        """Do nothing: it is looked at, it does not tell."""

    def sample(self, now: float) -> list[Event]:
        """Send the start of the item at hand if it has run for long."""
        item = self.item
        if item is not None and item.announced is None and now - item.started >= GLANCE:
            item.send_start()
        return []


class LazyFunction:
    """The function of a map, made when it is first called."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.made: Callable[..., Any] | None = None

    def get(self) -> Callable[..., Any]:
        """Return it; raises whatever its making raises."""
        if self.made is None:
            self.made = pickling.unpack(self._frame.body, self._frame.buffers)
        return self.made


class WorkerMain:
    """The worker at its pipe."""

    forked = False
    """Whether this process is a copy of the worker that a task has forked."""

    def __init__(self, end: WorkerEnd, piped: Piped | None) -> None:
        self.name = ""
        self._piped = piped
        self._captured: list[str] = []
        self.channel: RemoteChannel
        self._end = end
        self._todo: deque[Frame] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._functions: dict[int, LazyFunction] = {}
        self._asked: dict[int, str] = {}
        self._current: tuple[int, LazyItem | Task] | None = None
        self._probe: RunningItemProbe
        self._stopping = False
        self._flushed = 0.0

    # --- life ---

    def run(self, initializer: Initializer | None) -> None:
        """Begin as the parent says, then work until it says stop."""
        self._end.add(pack_frame(frames.HELLO))
        self._end.flush()
        came: list[Frame] | None = []
        while not came:
            came = self._end.read()
            if came is None:
                return
        setup = Setup(*pickle.loads(came[0].body))  # noqa: S301  # the parent's, who says it before all else
        self.name = threading.current_thread().name = setup.name
        self.channel = RemoteChannel(PipeTransport(self._end), ShiftedClock(setup.offset), first_id=setup.first_id)
        self.channel.set_interval(setup.interval)
        self._probe = RunningItemProbe(self.channel, self.name, self._functions)
        for frame in came[1:]:
            self._take(frame)
        live.reporter = self.channel
        parent_link.post = self._post
        if setup.crashes:
            faulthandler.enable(2, all_threads=False)
        capture = self._capture(setup)
        _forget_in_children(self)
        self.channel.start()
        threading.Thread(target=self._listen, name="mainstage-listener", daemon=True).start()
        if initializer is not None and not self._initialize(*initializer):
            sys.exit(1)
        self._say(frames.READY)
        self._end.flush()
        self._work()
        if capture is not None:
            capture.stop()
        close_default_task()
        live.reporter = None
        self.channel.stop()

    def _capture(self, setup: Setup) -> Capture | None:
        """Turn what is written into events, where the display owns the streams."""
        if not setup.streams:
            return None
        from mainstage.tasks.capture.streams import Capture  # noqa: PLC0415  # only where there is something to capture
        from mainstage.tasks.integrations.registry import bridges_for  # noqa: PLC0415  # as above

        capture = Capture(self.channel, owned=setup.streams, bars={*setup.streams, *setup.bars}, bridges=bridges_for)
        capture.descriptors = self._piped  # type: ignore[assignment]  # all that routers ask of it
        capture.start()
        return capture

    def _post(self, queue: int, item: Any) -> None:
        """Send a message to a raw queue of the parent's."""
        current = self._current
        body = pickling.pickle_inline(item, "a message for a queue")
        self._end.add(pack_frame(frames.PUT, body, task=queue, number=0 if current is None else current[0]))
        self.channel.flush_soon()

    def _initialize(self, fn: Callable[..., object], args: tuple[Any, ...]) -> bool:
        try:
            fn(*args)
        except BaseException as error:  # whatever it is: no work is done here
            if self.forked:
                end_forked_child(error)
            logging = sys.modules.get("logging")
            if logging is not None and (logger := logging.getLogger("concurrent.futures")).hasHandlers():
                logger.critical("Exception in initializer:", exc_info=True)  # as the standard library's pool
            self._end.add(pack_frame(frames.FAILURE, pickling.pack_error(error)))
            self._end.flush()
            return False
        if self.forked:
            end_forked_child(None)
        return True

    def _listen(self) -> None:
        """Take what the parent says, until it is gone: then this process and what it started end too."""
        try:
            while (came := self._end.read()) is not None:
                for frame in came:
                    self._take(frame)
                self._bell.put(None)
        except BaseException:  # noqa: BLE001  # a mistake of ours: a worker that hears nothing must not be waited for
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        if not self._stopping:
            _die_with_the_parent()

    def leave_in_child(self) -> None:
        """Drop what is the worker's, in a forked child: its pipe, its locks, that it ignores Ctrl-C."""
        self.forked = True
        self._end.leave_in_child()
        parent_link.post = None
        if signal.getsignal(signal.SIGINT) is _do_nothing:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _take(self, frame: Frame) -> None:
        kind = frame.kind
        if kind in (frames.ITEM, frames.CALL):
            self._todo.append(frame)
        elif kind == frames.ITEMS:
            self._todo.extend(split_items(frame))
        elif kind == frames.FUNCTION:
            self._functions[frame.task] = LazyFunction(frame)
        elif kind == frames.CANCEL:
            self._cancel(frame.task, bytes(frame.body).decode("utf-8", "surrogatepass"))
        elif kind == frames.RECALL:
            self._give_back(frame.number)
        elif kind == frames.INTERVAL:
            self.channel.set_interval(frame.at)
        elif kind == frames.LOCATE:
            self.channel.send(stall_report(self.channel.now(), frame.task, frame.number, frame.at))
        elif kind == frames.STOP:
            self._stopping = True

    def _cancel(self, task: int, reason: str) -> None:
        self._asked[task] = reason
        current = self._current
        if current is not None and current[0] == task and self._asked.pop(task, None) is not None:
            current[1].request_cancel(reason)

    def _give_back(self, count: int) -> None:
        """Give back up to `count` pieces of work that have not begun, the last ones first."""
        for _ in range(count):
            try:
                frame = self._todo.pop()
            except IndexError:
                break
            self._say(frames.RETURNED, frame)
        self._end.flush()

    # --- work: the main thread ---

    def _work(self) -> None:
        todo = self._todo
        while True:
            try:
                frame = todo.popleft()
            except IndexError:
                self._end.flush()
                if self._stopping:
                    return
                self._rest()
                continue
            self._end.begin(frame.number)
            if self._asked and (reason := self._asked.pop(frame.task, None)) is not None:
                self._say(frames.FAILURE, frame, pickling.pack_error(Cancelled(reason)), completed=NEVER_BEGAN)
            elif frame.kind == frames.ITEM:
                self._item(frame)
            else:
                self._call(frame)

    def _rest(self) -> None:
        self._probe.polled = False
        ambient.set(None)
        self._bell.get()
        while not self._bell.empty():
            self._bell.get()

    def _item(self, frame: Frame) -> None:
        now = self.channel.now
        started = now()
        try:
            fn = self._functions[int(frame.until)].get()
            args = pickling.unpack(frame.body, frame.buffers) if frame.buffers else loads(frame.body)
        except BaseException as error:  # noqa: BLE001  # a class of the user's may raise anything as it is made
            item = self._lazy_item(frame, ("?",), started)
            self._failed(frame, item.resolve(), pickling.not_made(error), started)
            return
        item = LazyItem(self._probe, (int(frame.until), frame.task, args, int(frame.at)), started)
        self._begin(frame, item)
        try:
            value = fn(*args)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is this item's outcome
            if self.forked:
                end_forked_child(error)
            self._current = self._probe.item = None
            self._failed(frame, item.resolve(), error, started)
            return
        if self.forked:
            end_forked_child(None)
        self._current = self._probe.item = None
        if self._piped is not None:
            self._piped.wait_until_read()
        if item.task is None and type(value) in SMALL:
            until = now()
            self._end.add(pack_result(frame.task, frame.number, started, until, dumps(value, pickling.PROTOCOL)))
            self._flush_in_time(until)
        else:
            self._returned(frame, item.task, value, started, fn)

    def _lazy_item(self, frame: Frame, args: tuple[Any, ...], started: float) -> LazyItem:
        return LazyItem(self._probe, (int(frame.until), frame.task, args, int(frame.at)), started)

    def _begin(self, frame: Frame, item: LazyItem | Task) -> None:
        ambient.set(item)
        self._current = (frame.task, item)
        probe = self._probe
        if isinstance(item, LazyItem):
            probe.item = item
            if not probe.polled:
                probe.polled = True
                self.channel.watch(probe)
        if self._asked and (reason := self._asked.pop(frame.task, None)) is not None:
            item.request_cancel(reason)

    def _call(self, frame: Frame) -> None:
        started = self.channel.now()
        description = bytes(frame.buffers[0]).decode("utf-8", "surrogatepass")
        task = open_task(self.channel, frame.task, int(frame.at), description, worker=self.name)
        try:
            fn, args, kwargs = pickling.unpack(frame.body, frame.buffers[1:])
        except BaseException as error:  # noqa: BLE001  # as above
            self._failed(frame, task, pickling.not_made(error), started)
            return
        self._begin(frame, task)
        value, error_or_none = outcome.run(task, fn, args, kwargs)
        if self.forked:
            end_forked_child(error_or_none)
        self._current = None
        if self._piped is not None:
            self._piped.wait_until_read()
        if error_or_none is not None:
            self._failed(frame, task, error_or_none, started)
        else:
            self._returned(frame, task, value, started, fn)

    # --- what came of it ---

    def _returned(self, frame: Frame, task: Task | None, value: Any, started: float, fn: Any) -> None:
        try:
            data, buffers = pickling.pack(value, f"the result of {getattr(fn, '__name__', fn)}()")
        except Unpicklable as error:
            if task is None:
                task = self._lazy_item(frame, ("?",), started).resolve()
            self._failed(frame, task, error, started)
            return
        completed = NO_TASK if task is None else float(task._close_silently() or 0)
        self._say(frames.RESULT, frame, data, buffers, at=started, completed=completed)

    def _failed(self, frame: Frame, task: Task, error: BaseException, started: float) -> None:
        packed = pickling.pack_error(error)
        if self._piped is not None:
            self._piped.wait_until_read()
        self._say(frames.FAILURE, frame, packed, at=started, completed=float(task._close_silently(error) or 0))

    def _say(
        self,
        kind: int,
        frame: Frame | None = None,
        data: bytes = b"",
        buffers: list[memoryview] | None = None,
        *,
        at: float = 0.0,
        completed: float = NO_TASK,
    ) -> None:
        now = self.channel.now()
        task, number = (frame.task, frame.number) if frame is not None else (0, 0)
        self._end.add(
            pack_frame(kind, data, buffers or (), task=task, number=number, at=at, until=now, completed=completed),
            buffers or (),
        )
        self._flush_in_time(now)

    def _flush_in_time(self, now: float) -> None:
        """Send what was said if the last time is a moment ago; else it is sent soon, or when nothing is left to do."""
        if now - self._flushed >= TOGETHER:
            self._flushed = now
            self._end.flush()
        else:
            self.channel.flush_soon()


# --- fork ---

_here: list[WorkerMain] = []


def _forget_in_children(child: WorkerMain) -> None:
    if not _here and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_in_child)
    _here[:] = [child]


def _after_in_child() -> None:
    for child in _here:
        child.leave_in_child()


def _die_with_the_parent() -> NoReturn:
    """End this process and all that it started, at once: the parent is gone."""
    with contextlib.suppress(OSError):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
