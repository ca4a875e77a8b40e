"""`tqdm`, the class: a bar on the program's own stream is a task of the live run, any other writes tqdm's line as text.

Which of the two it is, or none where it is disabled, is settled when it is made. A task counts in its cell: `update` is
then the task's own `advance`, and a loop over the bar runs as `track` does, without code of ours between two items. A
bar in a child process that no run reaches counts, and shows nothing: the terminal is its parent's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from itertools import chain
from numbers import Number
from operator import length_hint
from threading import get_ident, main_thread
from weakref import WeakSet

from mainstage._typing import TYPE_CHECKING
from mainstage.core.clock import monotonic, wall
from mainstage.core.fork import works_for_parent
from mainstage.tasks.bar import BarOptions, InLoop, before_exit, hold_run, on_main
from mainstage.tasks.integrations.tqdm_bars import bar_name, bar_status, bar_total, bar_unit
from mainstage.tasks.reporter import live
from mainstage.tasks.task import Task, ambient, innermost_loop
from mainstage.tasks.track import TrackLoop
from mainstage.tqdm import line
from mainstage.tqdm.environment import defaults_from
from mainstage.tqdm.output import (
    BarOutput,
    CountedStream,
    WriteLock,
    is_own_stream,
    switch_off,
    takes_blocks,
    terminal_size,
    unwrapped,
)
from mainstage.tqdm.pace import EMA, Averages
from mainstage.tqdm.warning import (
    TqdmDeprecationWarning,
    TqdmExperimentalWarning,
    TqdmKeyError,
    TqdmMonitorWarning,
    TqdmSynchronisationWarning,
    TqdmTypeError,
    TqdmWarning,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Any, ClassVar, Generic, Self

    from typing_extensions import TypeVar

    from mainstage.tasks.bar import LoopRun
    from mainstage.tasks.cancel_scope import Request
    from mainstage.tasks.reporter import Reporter

    T = TypeVar("T", default=Any)
else:
    from mainstage._typing import Generic, TypeVar

    T = TypeVar("T")

__all__ = [
    "EMA",
    "TqdmDeprecationWarning",
    "TqdmExperimentalWarning",
    "TqdmKeyError",
    "TqdmMonitorWarning",
    "TqdmSynchronisationWarning",
    "TqdmTypeError",
    "TqdmWarning",
    "tqdm",
    "trange",
]

ROWS = 20
"""Lines that bars of text take at most where no terminal says how many there are."""


class Nowhere:
    """The reporter of bars that nothing shows."""

    now = staticmethod(monotonic)

    @staticmethod
    def new_id() -> int:
        """Return 0: no event names it."""
        return 0

    @staticmethod
    def send(_event: object) -> None:
        """Drop it."""

    moved = watch = unwatch = send


class Shown:
    """An attribute of a bar that may be set by hand, and is reported then."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, bar: Any, _owner: type | None = None) -> Any:
        return self if bar is None else getattr(bar, self._name)

    def __set__(self, bar: Any, value: Any) -> None:
        setattr(bar, self._name, value)
        bar._tell()  # noqa: SLF001  # its own module


class tqdm(Generic[T]):  # noqa: N801  # its name and its methods are another library's
    """A bar: `for x in tqdm(xs)`, or `with tqdm(total=60) as bar: bar.update(1)`. All arguments are tqdm's.

    docs/from-tqdm.md says what becomes of each.
    """

    monitor_interval: ClassVar[float] = 10
    """Kept, and looked at by nothing: no thread looks after bars."""
    monitor: ClassVar[Any] = None
    _instances: ClassVar[WeakSet[tqdm[Any]]] = WeakSet()
    _lock: ClassVar[Any]

    format_sizeof = staticmethod(line.format_sizeof)
    format_interval = staticmethod(line.format_interval)
    format_num = staticmethod(line.format_num)
    format_meter = staticmethod(line.format_meter)

    _n: float = 0
    """The count of a bar of text; of a task, once it has ended."""
    _task: Task | None = None
    _held: LoopRun | None = None
    _left_by: BaseException | None = None
    _scale: float = 1
    """What a count is multiplied by in a row: `unit_scale`, where it is a number."""
    _off = True
    _displays = False
    """Whether a subclass draws: its `display` is called at its pace."""
    _said: tuple[object, ...] = ()
    start_t: float | None = None
    last_print_t: float = 0
    sp: Callable[[str], object]

    def __init__(  # noqa: PLR0913, PLR0917  # the arguments are tqdm's, in its order
        self,
        iterable: Iterable[T] | None = None,
        desc: str | None = None,
        total: float | None = None,
        leave: bool | None = True,  # noqa: FBT001, FBT002
        file: Any = None,
        ncols: int | None = None,
        mininterval: float | None = 0.1,
        maxinterval: float | None = 10.0,
        miniters: float | None = None,
        ascii: bool | str | None = None,  # noqa: A002, FBT001
        disable: bool | None = False,  # noqa: FBT001, FBT002
        unit: str = "it",
        unit_scale: bool | float = False,  # noqa: FBT001, FBT002
        dynamic_ncols: bool = False,  # noqa: FBT001, FBT002
        smoothing: float | None = 0.3,
        bar_format: str | None = None,
        initial: float = 0,
        position: int | None = None,
        postfix: Mapping[str, object] | Any = None,
        unit_divisor: float = 1000,
        write_bytes: bool = False,  # noqa: FBT001, FBT002
        lock_args: tuple[Any, ...] | None = None,
        nrows: int | None = None,
        colour: str | None = None,
        delay: float | None = 0.0,
        gui: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> None:
        """Show it, where it is not disabled. Raises `TqdmKeyError` for an argument that does not exist."""
        file = sys.stderr if file is None else file
        if disable is None:
            disable = file is not None and not getattr(file, "isatty", bool)()
        if total is None and iterable is not None:
            with contextlib.suppress(TypeError, AttributeError):
                total = len(iterable)  # type: ignore[arg-type]  # what has none is among the suppressed
        self.iterable = iterable
        self._total = None if total == line.INF else total
        self._desc = desc or ""
        self._unit, self.unit_scale, self.unit_divisor = unit, unit_scale, unit_divisor
        self.leave, self.pos, self.gui = leave, 0, gui
        self.bar_format, self.colour, self._postfix = bar_format, colour, None
        self._n = self.initial = self.last_print_n = initial
        self.fp = file
        self._task = None  # on the instance: looked at in each update
        self._time = wall
        if kwargs:
            self._refuse(kwargs)
        if disable or file is None:
            self.disable = True
            return
        self.lock_args, self.delay = lock_args, delay or 0
        self.mininterval, self.maxinterval = mininterval or 0, maxinterval or 0
        self.miniters, self.dynamic_miniters = miniters or 0, miniters is None
        self.smoothing, self.dynamic_ncols = smoothing or 0, bool(dynamic_ncols)
        self.ascii = not takes_blocks(file) if ascii is None else ascii
        self.ncols, self.nrows = ncols, nrows
        self._averages = Averages(self.smoothing)
        self._off = False
        self._thread = get_ident()
        self._take_place(position)
        if postfix:
            try:
                self.set_postfix(refresh=False, **postfix)
            except TypeError:
                self._postfix = postfix
        line.colour_code(colour)
        if is_own_stream(unwrapped(file)) and not gui:
            self._begin_task()
        elif not gui:
            self._begin_text(ncols, nrows, write_bytes=write_bytes)
        self.start_t = self.last_print_t = self._time()  # the first line has no time, and no rate

    def _refuse(self, unknown: dict[str, Any]) -> None:
        self.disable = True
        if "nested" in unknown:
            raise TqdmDeprecationWarning("bars nest by themselves: leave nested= out", fp_write=_writer(self.fp))
        raise TqdmKeyError(f"Unknown argument(s): {unknown}")

    # --- what may be set by hand, and is shown ---

    @property
    def n(self) -> float:
        """How many are done; in a loop, right at every item."""
        task = self._task
        return self._n if task is None or self._scale != 1 else task.position()

    @n.setter
    def n(self, value: float) -> None:
        task = self._task
        if task is None or task.closed:
            self._n = value
        elif self._scale != 1:
            self._n = value
            task._jump(value * self._scale)  # noqa: SLF001  # as below
        else:
            task._jump(value)  # noqa: SLF001  # told at the next refresh, as tqdm's is

    if TYPE_CHECKING:
        total: float | None
        """How many there are; None: not known."""
        desc: str
        """What stands before the bar."""
        postfix: Any
        """What stands behind it."""
        unit: str
        """What is counted."""
    else:
        total, desc, postfix, unit = Shown(), Shown(), Shown(), Shown()

    @property
    def disable(self) -> bool:
        """Whether it counts and shows nothing; set, it ends so."""
        return self._off

    @disable.setter
    def disable(self, value: bool) -> None:
        self._off = bool(value)
        if value and type(self).update is tqdm.update:
            self.update = _count_nothing  # type: ignore[method-assign]  # at half the cost of asking each time

    # --- as a task ---

    def _begin_task(self) -> None:
        self.sp = _ignore
        name = bar_name(self._desc)
        unit = bar_unit(self._unit, self.unit_divisor)
        self._scale = 1 if isinstance(self.unit_scale, bool) else bar_total(self.unit_scale) or 1
        total = self._scaled_total()
        kind = type(self)
        self._displays = kind.display is not tqdm.display
        in_child = ambient.get() is None and live.reporter is None and works_for_parent()
        reporter = _parents_reporter() if in_child else None
        if in_child and reporter is None:
            self._task = Task(Nowhere(), 0, 1, name, worker="", total=total)
            self._task.set_position(self._n * self._scale)
        else:
            if ambient.get() is None and not in_child:
                self._held = hold_run(name)
            leave = self.pos == 0 if self.leave is None else bool(self.leave)
            leave = leave and ambient.get() is None  # a worker's is its run's, which tells of it
            options = BarOptions(name, None, unit, None, self._n * self._scale, leave, False)
            around = ambient.get()
            loop = innermost_loop() if around is None else around.resolve()
            self._task = options.begin_task(None if in_child else loop, total, reporter=reporter)
        self._tell()
        if kind.update is tqdm.update and not self._displays and self._scale == 1:
            self.update = self._task.advance  # type: ignore[method-assign, assignment]  # no code of ours in between

    def _tell(self) -> None:
        """Report what is shown beside the count, where it has changed."""
        task = self._task
        if task is None or task.closed:
            return
        said = (bar_name(self._desc), self._scaled_total(), bar_status(self._postfix), self._unit)
        if said == self._said:
            return
        first, self._said = not self._said, said
        if first:
            if said[2]:
                task.set(status=bar_status(self._postfix))
            return
        task.set(
            description=bar_name(self._desc),
            status=bar_status(self._postfix),
            unit=bar_unit(self._unit, self.unit_divisor),
        )
        task.set(total=line.INF if self._total is None else self._scaled_total())

    def _scaled_total(self) -> float | None:
        total = bar_total(self._total)
        return None if total is None else total * self._scale

    def _end_task(self, task: Task) -> None:
        held, self._held = self._held, None
        try:
            self._tell()
            if self._displays:
                self.display()
            if not task.closed:
                task._close_loop(self._left_by)
        finally:
            if held is not None:
                held.release()

    # --- as text ---

    def _begin_text(self, ncols: int | None, nrows: int | None, *, write_bytes: bool) -> None:
        stream = self.fp
        self._given_size = ncols, nrows
        self._measure(stream)
        self.fp = BarOutput(stream, as_bytes=write_bytes, on_gone=switch_off(self))
        self.sp = self.status_printer(self.fp)
        if not self.delay:
            self.refresh(lock_args=self.lock_args)

    def _measure(self, stream: Any) -> None:
        ncols, nrows = self._given_size
        if ncols is None:
            size = terminal_size(unwrapped(stream))
            if size is not None:
                self.ncols = size[0] - 1
                self.nrows = size[1] - 1 if nrows is None else nrows
            elif nrows is None:
                self.nrows = ROWS

    def _take_place(self, position: int | None) -> None:
        with self.get_lock():
            if position is None:
                taken = {abs(bar.pos) for bar in list(self._instances)}
                self.pos = next(place for place in range(len(taken) + 1) if place not in taken)
            else:
                self.pos = -position  # as one that stays where it was put
            self._instances.add(self)

    def _leave_place(self) -> None:
        """Give the place up; the first bar that is out of sight takes it."""
        with self.get_lock():
            self._instances.discard(self)
            if self.gui or self._task is not None:
                return
            last = (self.nrows or ROWS) - 1
            hidden = [bar for bar in list(self._instances) if bar.pos >= last and not bar._off]  # noqa: SLF001
            if hidden:
                first = min(hidden, key=_place_of)
                first.clear(nolock=True)
                first.pos = abs(self.pos)

    # --- counting ---

    def update(self, n: float | None = 1) -> bool | None:
        """Count `n` more as done. Return True where the bar was printed."""
        if self._off or n is None:
            return None
        task = self._task
        if task is not None:
            task.advance(n * self._scale)
            if self._scale != 1:
                self._n += n
            now = self._time() if self._displays else 0
            return self._print(now) if now and now - self.last_print_t >= self.mininterval else None
        if n < 0:
            self.last_print_n += n
        self._n += n
        if self._n - self.last_print_n >= self.miniters:
            now = self._time()
            if now - self.last_print_t >= self.mininterval:
                return self._print(now)
        return None

    def _print(self, now: float) -> bool | None:
        """Show it since it is time, unless a delay is not over; settle when to look again."""
        if self.gui:
            self._refuse_gui()
        if now < (self.start_t or 0) + self.delay:
            return None
        passed = now - self.last_print_t
        n = self.n
        steps = n - self.last_print_n
        self._averages.add(steps, passed)
        self.refresh(lock_args=self.lock_args)
        if self.dynamic_miniters:
            self.miniters = self._averages.next_batch(
                steps, passed, mininterval=self.mininterval, maxinterval=self.maxinterval, least=self.miniters
            )
        self.last_print_n, self.last_print_t = n, now
        return True

    def __iter__(self) -> Iterator[T]:
        if self._off:
            return iter(self._items())
        if self.gui:
            self._refuse_gui()
        if self._task is not None and type(self).update is tqdm.update and not self._displays and self._scale == 1:
            return chain.from_iterable(self._parts(self._task))
        return self._in_batches()

    def _items(self) -> Iterable[T]:
        if self.iterable is None:
            raise TypeError("this bar has no iterable: tqdm(xs), or tqdm(total=...) and update()")
        return self.iterable

    def _parts(self, task: Task) -> Generator[Iterator[T], None, None]:
        """Yield the parts of a loop that counts by itself."""
        loop = TrackLoop(iter(self._items()))
        if not task._attach_loop(loop):
            yield self._in_batches()  # a loop over the same bar goes on already
            return
        body = InLoop(task) if on_main() else None
        try:
            request: Request | None = yield from loop.parts()
            if request is not None:
                task._tell_cancelled(request)
        except BaseException as error:
            self._left_by = error  # a break too
            raise
        finally:
            loop.stop()
            if body is not None:
                body.leave()
            self.close()

    def _in_batches(self) -> Iterator[T]:
        """Yield the items; `update` is called with how many there were since it was called last."""
        update, time, mininterval = self.update, self._time, self.mininterval
        count = reported = self.n
        printed, printed_at = self.last_print_n, self.last_print_t
        try:
            for item in self._items():
                yield item
                count += 1
                if count - printed >= self.miniters and time() - printed_at >= mininterval:
                    update(count - reported)
                    reported = count
                    printed, printed_at = self.last_print_n, self.last_print_t
        finally:
            self.n = count
            self.close()

    # --- showing ---

    def refresh(self, nolock: bool = False, lock_args: tuple[Any, ...] | None = None) -> bool | None:  # noqa: FBT001, FBT002
        """Show it now. Return False where a lock with `lock_args` could not be had."""
        if self._off:
            return None
        if self._task is not None:
            self._tell()
            self._task.set_position(self._task.position())
            if self._displays:
                self.display()
            return True
        if nolock:
            self.display()
            return True
        if not self._lock.acquire(*(lock_args or ())):
            return False
        try:
            self.display()
        finally:
            self._lock.release()
        return True

    def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
        """Print the line, or `msg`; as a task, report what has changed. Subclasses draw here."""
        if self._task is not None:
            self._tell()
            return True
        pos = abs(self.pos) if pos is None else pos
        rows = self.nrows or ROWS
        if pos >= rows - 1:
            if pos >= rows:
                return False
            if msg or msg is None:
                msg = " ... (more hidden) ..."
        if self.gui:
            self._refuse_gui()
        if pos:
            self.moveto(pos)
        self.sp(str(self) if msg is None else msg)
        if pos:
            self.moveto(-pos)
        return True

    def moveto(self, n: int) -> None:
        """Move the cursor `n` lines down; of a task, nothing."""
        if self._task is None:
            self.fp.write("\n" * n + "\x1b[A" * -n)
            _flush(self.fp)

    def clear(self, nolock: bool = False) -> None:  # noqa: FBT001, FBT002
        """Take the line off the screen until it is printed again; of a task, nothing."""
        if self._off or self._task is not None or self.gui:
            return
        with contextlib.nullcontext() if nolock else self._lock:
            pos = abs(self.pos)
            if pos < (self.nrows or ROWS):
                self.moveto(pos)
                self.sp("")
                self.fp.write("\r")
                self.moveto(-pos)

    def close(self) -> None:
        """End it; where it is to be left, so is its last line. A second call does nothing."""
        if self._off:
            return
        task, pos = self._task, abs(self.pos)
        if task is not None:
            self._end_task(task)
            self.disable = True
            self._leave_place()
            return
        self.disable = True
        self._leave_place()
        if self.gui or self.last_print_t < (self.start_t or 0) + self.delay:
            return
        leave = pos == 0 if self.leave is None else self.leave
        with self._lock:
            if leave:
                self._averages = Averages(0)  # the last line says the mean
                self.display(pos=0)
                self.fp.write("\n")
            else:
                self.display(msg="", pos=pos)
                if not pos:
                    self.fp.write("\r")

    def reset(self, total: float | None = None) -> None:
        """Begin again from 0, of another `total` if it is given."""
        self.n = 0
        if total is not None:
            self.total = None if total == line.INF else total
        if self._off:
            return
        self.last_print_n, self.last_print_t = 0, self._time()
        self.start_t = self.last_print_t
        self._averages = Averages(self.smoothing)
        self.refresh()

    def unpause(self) -> None:
        """Leave the time since it was printed last out of its rate."""
        if not self._off:
            now = self._time()
            self.start_t = (now if self.start_t is None else self.start_t) + now - self.last_print_t
            self.last_print_t = now

    def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:  # noqa: FBT001, FBT002
        """Say what stands before the bar, with ": " after it."""
        self.desc = f"{desc}: " if desc else ""
        if refresh:
            self.refresh()

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:  # noqa: FBT001, FBT002
        """Say what stands before the bar, as it is."""
        self.desc = desc or ""
        if refresh:
            self.refresh()

    def set_postfix(
        self,
        ordered_dict: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
        refresh: bool | None = True,  # noqa: FBT001, FBT002
        **kwargs: object,
    ) -> None:
        """Say what stands behind the bar: names and values, those by keyword in the order of their names."""
        values = dict(ordered_dict or {}) | dict(sorted(kwargs.items()))
        self.postfix = ", ".join(f"{name}={_shown(value)}" for name, value in values.items())
        if refresh:
            self.refresh()

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:  # noqa: FBT001, FBT002
        """Say what stands behind the bar, as it is."""
        self.postfix = str(s)
        if refresh:
            self.refresh()

    @property
    def format_dict(self) -> dict[str, Any]:
        """What `format_meter` makes a line of."""
        if not self._off and self._task is None and not self.gui and self.dynamic_ncols:
            self._measure(self.fp)
        elapsed = 0 if self.start_t is None else self._time() - self.start_t
        return {
            "n": self.n,
            "total": self._total,
            "elapsed": elapsed,
            "ncols": getattr(self, "ncols", None),
            "nrows": getattr(self, "nrows", None),
            "prefix": self._desc,
            "ascii": getattr(self, "ascii", False),
            "unit": self._unit,
            "unit_scale": self.unit_scale,
            "rate": self._rate(elapsed),
            "bar_format": self.bar_format,
            "postfix": self._postfix,
            "unit_divisor": self.unit_divisor,
            "initial": self.initial,
            "colour": self.colour,
        }

    def _rate(self, elapsed: float) -> float | None:
        if self.start_t is None:
            return None
        if self._task is not None:
            return (self.n - self.initial) / elapsed if elapsed > 0 else None
        return self._averages.rate()

    def __str__(self) -> str:
        return self.format_meter(**self.format_dict)

    __repr__ = __str__

    # --- as what it goes through ---

    def __len__(self) -> int:
        if self.iterable is None:
            return self._total  # type: ignore[return-value]  # as tqdm's: `len` says what is wrong with None
        shape = getattr(self.iterable, "shape", None)
        if shape:
            return int(shape[0])
        if hasattr(self.iterable, "__len__"):
            return len(self.iterable)  # type: ignore[arg-type]  # it has one
        if hasattr(self.iterable, "__length_hint__"):
            return length_hint(self.iterable)
        return self._total  # type: ignore[return-value]  # as above

    def __bool__(self) -> bool:
        if self._total is not None:
            return self._total > 0
        if self.iterable is None:
            raise TypeError("bool() of a bar that has neither an iterable nor a total")
        return bool(self.iterable)

    def __reversed__(self) -> Iterator[T]:
        before = self.iterable
        try:
            self.iterable = reversed(before)  # type: ignore[call-overload]  # its TypeError says what cannot be
            yield from self
        finally:
            self.iterable = before

    def __contains__(self, item: object) -> bool:
        found = getattr(self.iterable, "__contains__", None)
        return bool(found(item)) if found is not None else any(item == one for one in self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._left_by = error
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be ending
            self.close()

    def __lt__(self, other: Any) -> bool:
        return _place_of(self) < _place_of(other)

    def __le__(self, other: Any) -> bool:
        return _place_of(self) <= _place_of(other)

    def __gt__(self, other: Any) -> bool:
        return _place_of(self) > _place_of(other)

    def __ge__(self, other: Any) -> bool:
        return _place_of(self) >= _place_of(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tqdm) and _place_of(self) == _place_of(other)

    def __hash__(self) -> int:
        return id(self)

    # --- the class's own ---

    @classmethod
    def get_lock(cls) -> Any:
        """Return the lock that text is written under; a pool may be given it."""
        if not hasattr(cls, "_lock"):
            tqdm._lock = WriteLock()
        return cls._lock

    @classmethod
    def set_lock(cls, lock: Any) -> None:
        """Set the lock that text is written under."""
        cls._lock = lock

    @classmethod
    def write(cls, s: str, file: Any = None, end: str = "\n", nolock: bool = False) -> None:  # noqa: FBT001, FBT002
        """Write `s` and `end` above the bars, to `file` or stdout."""
        file = sys.stdout if file is None else file
        if file is None:
            return
        with cls.external_write_mode(file=file, nolock=nolock):
            file.write(s)
            file.write(end)

    @classmethod
    @contextlib.contextmanager
    def external_write_mode(cls, file: Any = None, nolock: bool = False) -> Generator[None, None, None]:  # noqa: FBT001, FBT002
        """Within the block, bars of text on the same screen are out of the way of what is written to `file`."""
        file = sys.stdout if file is None else file
        own = (sys.stdout, sys.stderr)
        screen = own if any(file is stream for stream in own) else (file,)
        lock: AbstractContextManager[Any] = contextlib.nullcontext() if nolock else cls.get_lock()
        with lock:
            cleared = [bar for bar in list(cls._instances) if bar._is_text_on(screen)]  # noqa: SLF001  # its own class
            for bar in cleared:
                bar.clear(nolock=True)
            try:
                yield
            finally:
                for bar in cleared:
                    bar.refresh(nolock=True)

    def _is_text_on(self, streams: tuple[Any, ...]) -> bool:
        return not self._off and self._task is None and not self.gui and any(self.fp == one for one in streams)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return what prints a line over the one that it printed before."""
        longest = 0

        def show(text: str) -> None:
            nonlocal longest
            cells = line.width_of(text)
            file.write(f"\r{text}{' ' * (longest - cells)}")
            _flush(file)
            longest = cells

        return show

    @classmethod
    @contextlib.contextmanager
    def wrapattr(
        cls,
        stream: Any,
        method: str,
        total: float | None = None,
        bytes: bool = True,  # noqa: A002, FBT001, FBT002  # tqdm's
        **tqdm_kwargs: Any,
    ) -> Generator[Any, None, None]:
        """Give the stream with a `method`, read or write, that moves a bar."""
        if bytes:
            tqdm_kwargs = {**tqdm_kwargs, "unit": "B", "unit_scale": True, "unit_divisor": 1024}
        with cls(total=total, **tqdm_kwargs) as bar:
            yield CountedStream(stream, method, bar.update)

    @classmethod
    def pandas(cls, **tqdm_kwargs: Any) -> None:
        """Give the objects of pandas `progress_apply`, `progress_map` and `progress_applymap`."""
        from mainstage.tqdm.frames import register  # noqa: PLC0415  # few have pandas

        register(cls, tqdm_kwargs)

    def _refuse_gui(self) -> None:
        raise TqdmDeprecationWarning("gui=True draws with matplotlib, which is not done here", _writer(self.fp))


_init: Any = tqdm.__init__  # what TQDM_* variables say where the program says nothing
_init.__defaults__ = defaults_from(os.environ, _init)


def trange(*args: int, **kwargs: Any) -> tqdm[int]:
    """Return `tqdm(range(*args), **kwargs)`."""
    return tqdm(range(*args), **kwargs)


def _parents_reporter() -> Reporter | None:
    """Return what reports to the run of the process that has started this one; None: it cannot be reached."""
    from mainstage.channels.to_parent import parent_channel  # noqa: PLC0415  # in few processes

    return parent_channel()


def _place_of(bar: Any) -> float:
    place: float = abs(getattr(bar, "pos", line.INF))
    return place


def _shown(value: object) -> str:
    return line.format_num(value) if isinstance(value, Number) else str(value).strip()  # type: ignore[arg-type]


def _count_nothing(n: float | None = 1) -> None:
    """Count nothing: the bar is disabled, or has ended."""


def _ignore(_text: str) -> None:
    """Print nothing: the bar is a task."""


def _flush(stream: Any) -> None:
    getattr(stream, "flush", _nothing)()


def _nothing() -> None:
    """Do nothing."""


def _writer(stream: Any) -> Callable[[str], object]:
    write: Callable[[str], object] = getattr(stream, "write", sys.stderr.write)
    return write


def _close_own() -> bool:
    """Close the bars that the main thread has left open; return whether other threads go on with theirs."""
    bars = list(tqdm._instances)  # noqa: SLF001  # its own module
    own = [bar for bar in bars if bar._thread == main_thread().ident]  # noqa: SLF001
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    for bar in own:
        if interrupted:
            bar._left_by = KeyboardInterrupt()  # noqa: SLF001  # its own module
        with contextlib.suppress(Exception):  # a stream that is gone
            bar.close()
    return len(own) < len(bars)


before_exit.append(_close_own)
atexit.register(_close_own)
