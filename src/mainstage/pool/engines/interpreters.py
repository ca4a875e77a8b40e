"""Interpreters of this process as an engine (CPython 3.14): each has a lock and a thread of its own.

An interpreter shares nothing with this one but the process. What it is to do is called there; two pipes lead into it:
by one its events come back, by the other it is asked to stop what it does. One that is stuck cannot be ended: it is
left behind, and another takes its place. It holds the exit of the program then: to tear down an interpreter in which
code runs is a crash.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing.spawn
import pickle
import struct
import sys
import threading
from importlib import import_module
from multiprocessing import process as mp_process
from os import close, fdopen, pipe
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from mainstage.core import pickling
from mainstage.core.interpreter import is_beside_the_main_one
from mainstage.errors import Cancelled, MainstageError, PoolBroken, text_of
from mainstage.pool.engines import worker as engine_worker
from mainstage.pool.options import UNGUARDED, closers
from mainstage.pool.remote import clone_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.pool.engines.adapter import Piece
    from mainstage.pool.engines.worker import Result, WorkHeader
    from mainstage.pool.options import Initializer

CLOSED_IN = 5.0
"""Seconds that an interpreter has to end; one that takes longer is left behind."""
_LENGTH = struct.Struct("<Q")
_open: set[InterpreterAdapter] = set()


class Frames:
    """One end of a pipe that carries messages; an empty one is the last."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, data: bytes) -> None:
        """Send one message, as a whole. Any thread."""
        with self._lock:
            self._stream.write(_LENGTH.pack(len(data)) + data)
            self._stream.flush()

    def receive(self) -> bytes:
        """Wait for a message."""
        head = self._stream.read(_LENGTH.size)
        return self._stream.read(*_LENGTH.unpack(head)) if len(head) == _LENGTH.size else b""

    def close(self) -> None:
        """Close this end."""
        self._stream.close()


# --- within the interpreter ---


class ThisInterpreter:
    """What an interpreter knows of its place: its name, and the way home."""

    name = ""
    run = ""
    events: Frames
    lock = threading.Lock()
    early: ClassVar[list[tuple[str, tuple[Any, ...]]]] = []
    """Orders that came before the first piece of work."""


def listen(name: str, run: str, orders: int, events: int) -> None:
    """Make this interpreter a worker of `run`, at its ends of two pipes."""
    ThisInterpreter.name, ThisInterpreter.run, ThisInterpreter.events = name, run, Frames(fdopen(events, "wb"))
    threading.Thread(target=_follow, args=(Frames(fdopen(orders, "rb")),), name="mainstage-orders").start()


def prepare(main: dict[str, Any], initializer: bytes) -> None:
    """Import the main program, as a spawned process does, and call the initializer."""
    here: Any = mp_process.current_process()
    here._inheriting = True  # noqa: SLF001  # what the guard of a main program is told by
    try:
        multiprocessing.spawn.prepare(main)
    finally:
        del here._inheriting  # noqa: SLF001  # as above
    if initializer:
        fn, args = pickling.unpack(initializer)
        fn(*args)


def _follow(orders: Frames) -> None:
    """Do what the run asks of this interpreter, until it is to end."""
    while order := orders.receive():
        name, args = pickle.loads(order)  # noqa: S301  # from this process
        with ThisInterpreter.lock:
            if engine_worker.opened(ThisInterpreter.run) is None:
                ThisInterpreter.early.append((name, args))
                continue
        getattr(engine_worker, name)(ThisInterpreter.run, *args)
    engine_worker.leave(ThisInterpreter.run)
    orders.close()
    ThisInterpreter.events.send(b"")
    ThisInterpreter.events.close()


def run_in_interpreter(head: WorkHeader, function: bytes, data: bytes, buffers: Sequence[bytes]) -> Result:
    """Do a piece of work in this interpreter."""
    station = engine_worker.station(head, ThisInterpreter.events.send, ThisInterpreter.name)
    with ThisInterpreter.lock:
        early, ThisInterpreter.early = ThisInterpreter.early, []
    for name, args in early:
        getattr(engine_worker, name)(ThisInterpreter.run, *args)
    return station.work(head, function, data, buffers)


# --- within the main one ---


class InterpreterWorker:
    """One interpreter, the thread that works in it, and the one that hears it."""

    def __init__(self, port: InterpreterAdapter, name: str) -> None:
        self._port = port
        self._name = name
        self.at_hand: int | None = None
        self.left = False
        orders, orders_in = pipe()
        events, events_in = pipe()
        self._ends = orders, events_in
        self._orders, self._events = Frames(fdopen(orders_in, "wb")), Frames(fdopen(events, "rb"))
        self.thread = threading.Thread(target=self._serve, name=f"mainstage-{name}")
        self.thread.start()

    def order(self, name: str, *args: Any) -> None:
        """Call a function of `engines.worker` there, for the run."""
        with contextlib.suppress(OSError, ValueError):  # it ends, or never came up
            self._orders.send(pickle.dumps((name, args)))

    def _serve(self) -> None:
        port = self._port
        interpreter = self._begin()
        hearer = threading.Thread(target=self._hear, name=f"mainstage-{self._name}-events", daemon=True)
        hearer.start()
        while not self.left and (taken := port.take(self)) is not None:
            self._work(interpreter, taken)
        with contextlib.suppress(OSError):  # nobody there to take it
            self._orders.send(b"")
        hearer.join()
        with contextlib.suppress(OSError):
            self._orders.close()
        if interpreter is not None:
            interpreter.close()

    def _begin(self) -> Any:
        port = self._port
        interpreter, ends = None, list(self._ends)
        try:
            interpreter = port.create()
            interpreter.prepare_main(mainstage_path=tuple(sys.path))
            interpreter.exec("import sys; sys.path[:] = mainstage_path; del mainstage_path")
            interpreter.call(listen, self._name, port.run, *ends)
            ends.clear()
            interpreter.call(prepare, port.main, port.initializer)
        except BaseException as error:  # noqa: BLE001  # whatever it is, no work is done here
            port.break_(error)
        for fd in ends:
            close(fd)
        return interpreter

    def _work(self, interpreter: Any, piece: Piece) -> None:
        head, function, data, large, done = piece
        try:
            result = interpreter.call(run_in_interpreter, head, function, data, large)
        except BaseException as error:  # noqa: BLE001  # the interpreter's own: what a piece raises is in its result
            done(None, error)
        else:
            done(result, None)
        self.at_hand = None

    def _hear(self) -> None:
        while batch := self._events.receive():
            self._port.hear(batch)
        self._events.close()


class InterpreterAdapter:
    """Interpreters of this process, `max_workers` of them, begun with the run and ended with it."""

    name = "interpreter"
    far = False
    link = ""

    def __init__(self, max_workers: int, initializer: Initializer | None = None) -> None:
        if getattr(mp_process.current_process(), "_inheriting", False):
            raise PoolBroken(UNGUARDED)
        if is_beside_the_main_one():
            raise MainstageError('an interpreter cannot start others: executor="interpreter" is for the main one')
        self.create: Callable[[], Any] = import_module("concurrent.interpreters").create
        self.slots = max_workers
        self.run = ""
        self.hear: Callable[[bytes], None]
        data = multiprocessing.spawn.get_preparation_data("")
        wanted = ("sys_argv", "init_main_from_name", "init_main_from_path")
        self.main = {name: data[name] for name in wanted if name in data}
        self.initializer = b"" if initializer is None else pickling.pickle_inline(initializer, "the initializer")
        self._numbers = itertools.count(1)
        self._seats: list[InterpreterWorker] = []
        self._left: list[InterpreterWorker] = []
        self._handles = itertools.count()
        self._waiting: dict[int, Piece] = {}
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._broken: PoolBroken | None = None
        self._lock = threading.Lock()

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin: have `hear` called with each batch of events of the run."""
        del gone  # they are in this process
        self.run, self.hear = run, hear
        _open.add(self)
        self._seats = [self._seat() for _ in range(self.slots)]

    def _seat(self) -> InterpreterWorker:
        return InterpreterWorker(self, f"interpreter-{next(self._numbers)}")

    def keep(self, data: bytes) -> bytes:
        """Return what stands for `data` in a `submit`: itself."""
        return data

    def submit(self, pieces: Sequence[Piece]) -> list[int]:
        """Call `run_in_interpreter` for each piece in some interpreter; return a handle for each."""
        if self._broken is not None:
            raise clone_exception(self._broken)
        handles = []
        for piece in pieces:
            handle = next(self._handles)
            self._waiting[handle] = piece
            self._queue.put(handle)
            handles.append(handle)
        return handles

    def take(self, seat: InterpreterWorker) -> Piece | None:
        """Wait for a piece of work for an interpreter; None: it is to end."""
        while (handle := self._queue.get()) is not None:
            seat.at_hand = handle
            piece = self._waiting.pop(handle, None)
            if piece is not None and self._broken is None:
                return piece
            seat.at_hand = None
            if piece is not None and self._broken is not None:
                piece.done(None, clone_exception(self._broken))
        return None

    def break_(self, error: BaseException) -> None:
        """Called when an interpreter cannot be made ready: what waits fails with that, and all that is to come."""
        reason = text_of(error).partition("\n")[0]
        if UNGUARDED in reason:
            self._broken = PoolBroken(UNGUARDED)
        else:
            self._broken = PoolBroken(f"an interpreter does not come up: {reason}")
            self._broken.__cause__ = error

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop, wherever they run."""
        self._order("ask", list(tasks), reason)

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Ask the interpreter of the piece `root` where it stands."""
        self._order("locate", root, task, attempt, since)

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        self._order("set_interval", seconds)

    def _order(self, name: str, *args: Any) -> None:
        for seat in list(self._seats):
            seat.order(name, *args)

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:  # noqa: ARG002  # none can be killed
        """Drop a piece that has not begun; an interpreter that has it in hand is left behind, if `worker` is."""
        piece = self._waiting.pop(handle, None)
        if piece is not None:
            piece.done(None, Cancelled("cancelled before it began"))
            return
        for place, seat in enumerate(self._seats):
            if worker and seat.at_hand == handle:
                seat.left = True
                self._left.append(seat)
                self._seats[place] = self._seat()

    def close(self) -> None:
        """End the interpreters; one that is stuck is left behind."""
        _open.discard(self)
        for _ in (*self._seats, *self._left):
            self._queue.put(None)
        for seat in self._seats:
            seat.thread.join(CLOSED_IN)


def _close_all() -> None:
    for port in list(_open):
        port.close()


closers.append(_close_all)
