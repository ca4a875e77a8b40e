"""What an event must be to be believed: each function raises `Impossible` (or `TypeError`) before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from mainstage.events import ErrorReport

if TYPE_CHECKING:
    from mainstage.events import TaskStarted
    from mainstage.ui.state.run import RunState

LARGEST = 1e300
"""No time or position is larger: sums and products of some stay finite."""
PLAIN = frozenset({int, float})


class Impossible(Exception):  # an adjective of the event, never seen outside
    """What the event says cannot be; the text says why."""


def check_number(value: Any) -> float:
    """Return `value` as a plain finite number; what only converts to one (numpy's, Decimal) is converted."""
    if value.__class__ not in PLAIN:
        if isinstance(value, (str, bytes, bytearray)):
            invalid(f"{type(value).__name__} where a number belongs")
        value = value.__index__() if hasattr(value, "__index__") else float(value)
    if not -LARGEST < value < LARGEST:
        invalid(f"{value} is no finite number")
    return value  # type: ignore[no-any-return]  # a number, as just checked


def check_position(value: Any) -> float:
    """Return `value` as a plain number of items or seconds, not below 0."""
    number = check_number(value)
    if number < 0:
        invalid(f"{number} is below 0")
    return number


def check_text(value: Any) -> str:
    """Return `value` if it is a text."""
    if not isinstance(value, str):
        invalid(f"{type(value).__name__} where a text belongs")
    return value


def check_whole(value: Any) -> None:
    """Check that the value is a whole number."""
    if not isinstance(value, int):
        invalid(f"{type(value).__name__} where a whole number belongs")


def check_error(value: Any) -> None:
    """Check that the value describes an error."""
    if not isinstance(value, ErrorReport):
        invalid(f"{type(value).__name__} where an error's description belongs")


def check_parent(state: RunState, task: int, parent: int | None) -> None:
    """Check that with this parent `task` would not be its own ancestor."""
    step = parent
    while step is not None:
        if step == task:
            invalid("nested in itself")
        above = state.tasks.get(step)
        step = None if above is None else above.parent


def check_start(state: RunState, event: TaskStarted) -> TaskStarted:
    """Return `event`, its numbers as plain ones."""
    at, task, attempt, worker, description, total, unit, parent, fields, loop = event
    check_whole(task)
    check_whole(attempt)
    if attempt < 1:
        invalid("attempts begin at 1")
    for words in (worker, description, unit, loop):
        check_text(words)
    if parent is not None:
        check_whole(parent)
        check_parent(state, task, parent)
    if fields:
        check_fields(fields)
    time = check_number(at)
    size = check_position(total) if total is not None else None
    return event if time is at and size is total else event._replace(at=time, total=size)


def check_items(state: RunState, items: tuple[tuple[int, float, float], ...]) -> list[int]:
    """Return the tasks of `items` of a map, or short calls, that ended."""
    for task, started, ended in items:
        if task.__class__ is not int or not -LARGEST < started <= ended < LARGEST:
            check_whole(task)
            check_number(started)
            check_number(ended)
    tasks = [item[0] for item in items]
    if any(state.tasks[task].parent is not None for task in state.tasks.keys() & tasks):
        invalid("an item of a map is nested in nothing")
    return tasks


def check_sizes(sizes: tuple[tuple[int, float], ...]) -> list[tuple[int, float]]:
    """Return `(task, size)` pairs, the sizes as plain numbers not below 0."""
    for task, _ in sizes:
        check_whole(task)
    return [(task, check_position(size)) for task, size in sizes]


def invalid(why: str) -> NoReturn:
    """Say `why` an event is."""
    raise Impossible(why)


def check_fields(fields: Any) -> dict[str, Any]:
    """Return (name, value) pairs by name."""
    known = dict(fields)
    for name in known:
        check_text(name)
    return known
