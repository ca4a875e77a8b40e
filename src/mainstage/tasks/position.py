"""The cell of a task: an exact position that its worker writes and the owner reads.

`advance` is an addition, a store and a look at one flag. The flag is up ("armed") when the next change is to send a
note; the receiver puts it up again before it reads the position, so no change is lost and at most one note is under
way. A request to stop puts it up too, and it then stays up: any thread that works on the task may yet have to be told.

With the GIL one number serves all threads: adding plain numbers runs no Python code, so no other thread comes between
the load and the store. Builds without it keep a number per thread and sum them; `list` is what copies a shared dict in
one step there, and `tuple` and `sum` are not.
"""

from __future__ import annotations

import operator
import sys
from threading import get_ident

from mainstage._typing import TYPE_CHECKING
from mainstage.events import TaskMoved
from mainstage.tasks.cancel_scope import CancelScope

if TYPE_CHECKING:
    from typing import NoReturn, TypeAlias

    from mainstage.events import Event
    from mainstage.tasks.cancel_scope import Interruptible, Request
    from mainstage.tasks.reporter import Reporter


ONE: float = 1


def plain_number(n: object) -> float:
    """Return `n` as an `int` or a finite `float`.

    Raises:
        TypeError: it is no number.
        ValueError: it is not finite.
    """
    if type(n) is not float:
        try:
            return operator.index(n)  # type: ignore[arg-type]  # the question is whether it can
        except TypeError:
            if isinstance(n, str | bytes | bytearray):  # float() would read it
                raise TypeError(f"a count is a number, not {type(n).__name__}: pass len() or int() of it") from None
            n = float(n)  # type: ignore[arg-type]  # as above; its TypeError names the type
    if n - n != 0.0:
        raise ValueError(f"a count is finite, not {n}")
    return n


def plain_total(n: object) -> float | None:
    """Return how many there are as `plain_number` does; None, not known, for None and for infinity.

    Raises:
        TypeError: it is no number.
        ValueError: it is no number at all ("nan"), or below all of them.
    """
    try:
        return None if n is None else plain_number(n)
    except ValueError:
        if float(n) == float("inf"):  # type: ignore[arg-type]  # it has been read as a number
            return None
        raise


def known_length(iterable: object) -> int | None:
    """Return how many items `iterable` says it has; None: it cannot tell, or its `len` raises, whatever that is."""
    try:
        return len(iterable)  # type: ignore[arg-type]  # those without are among the except
    except Exception:  # noqa: BLE001  # a database's cursor, a lazy list: what counts is that it can be iterated
        return None


class SharedPositionCell:
    """A position that any number of threads may advance, with the GIL."""

    __slots__ = (
        "_armed",
        "_loop",
        "_n",
        "_noted",
        "_sampled",
        "_tree",
        "attempt",
        "closed",
        "id",
        "polled",
        "reporter",
    )

    def __init__(self, reporter: Reporter, task_id: int, attempt: int, tree: CancelScope | None) -> None:
        self.reporter = reporter
        self.id = task_id
        self.attempt = attempt
        self.polled = False
        self.closed = False
        self._n: float = 0
        self._sampled: float = 0
        self._armed = True
        self._noted = False
        self._loop: Interruptible | None = None
        self._tree = tree if tree is not None else CancelScope(task_id)

    def advance(self, n: float = 1) -> None:
        """Count `n` items (or bytes) more as done. Raises `Cancelled` once where the task was asked to stop."""
        if n is not ONE and type(n) is not int:  # the first half spares `advance(1)` a tenth of its cost
            n = plain_number(n)
        self._n = self._n + n  # an instruction less than `+=`
        if self._armed:
            self._fire()

    def position(self) -> float:
        """Return the exact count at this instant."""
        loop = self._loop
        return self._n if loop is None else self._n + loop.position()

    def _jump(self, completed: float) -> None:
        loop = self._loop
        self._n = completed if loop is None else completed - loop.position()

    def set_position(self, completed: float) -> None:
        """Take `completed` as the position; raises nothing where the task was asked to stop: for who holds a lock."""
        self._jump(completed)
        if self._armed and not (self._noted or self.polled or self.closed):
            self._noted = True
            self.reporter.moved(self)

    def _fire(self) -> None:
        self._armed = False
        tree = self._tree
        if tree.request is not None:
            self._armed = True  # the task's other threads are to come here too
        if not (self._noted or self.polled or self.closed):
            self._noted = True
            self.reporter.moved(self)
        if tree.request is not None:  # again, after the store above
            tree.check()

    # --- the receiving side ---

    def arm(self) -> None:
        """Ask for a note at the next change."""
        self._noted = False
        self._armed = True

    def sample(self, now: float) -> list[Event]:
        """Return the position as an event of the time `now`, if it is not the one returned last."""
        completed = self.position()
        if completed == self._sampled:
            return []
        self._sampled = completed
        return [TaskMoved(now, self.id, self.attempt, completed)]

    # --- being asked to stop ---

    def request_cancel(self, reason: str = "") -> None:
        """Ask the whole tree to stop, root and nested: from any thread, in a signal handler too. Never blocks."""
        self._tree.cancel(reason)

    def _arm_for_cancel(self) -> None:
        """Look for a request at the next change."""
        self._armed = True

    def _tell_cancelled(self, request: Request) -> NoReturn:
        """Raise `Cancelled`: this request cut the loop that drives the cell."""
        self._tree.raise_cancelled(request)

    # --- a track loop that drives it ---

    def _attach_loop(self, loop: Interruptible) -> bool:
        """Take its position from `loop` from now on; False: another loop does, or did."""
        if self._tree.loops.setdefault(self.id, loop) is not loop:
            return False
        self._loop = loop
        self.polled = True
        self.reporter.watch(self)
        return True

    def _detach_loop(self) -> None:
        """Count by itself again: the loop has ended, its count stays."""
        self.polled = False
        if not self.closed:
            self._noted = True  # by this note; the receiver arms the cell when it takes it
            self.reporter.unwatch(self)
            self.reporter.moved(self)


class PerThreadPositionCell(SharedPositionCell):
    """The same without the GIL: each thread adds to a number of its own."""

    __slots__ = ("_cells",)

    def __init__(self, reporter: Reporter, task_id: int, attempt: int, tree: CancelScope | None) -> None:
        super().__init__(reporter, task_id, attempt, tree)
        self._cells: dict[int, float] = {}

    def advance(self, n: float = 1) -> None:
        """Count `n` more in this thread's number. Raises `Cancelled` once where the task was asked to stop."""
        if type(n) is not int:
            n = plain_number(n)
        thread, cells = get_ident(), self._cells
        cells[thread] = cells.get(thread, 0) + n
        if self._armed:
            self._fire()

    def position(self) -> float:
        """Return the sum over all threads."""
        return super().position() + sum(list(self._cells.values()))

    def _jump(self, completed: float) -> None:
        super()._jump(completed - sum(list(self._cells.values())))


if TYPE_CHECKING:
    PositionCell: TypeAlias = SharedPositionCell
else:
    PositionCell = SharedPositionCell if getattr(sys, "_is_gil_enabled", lambda: True)() else PerThreadPositionCell
