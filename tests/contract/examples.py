"""One of each event, and hypothesis's idea of any event."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, get_type_hints

from hypothesis import strategies as st

from mainstage.events import (
    EVENTS,
    CallFailed,
    ErrorReport,
    ItemsEnded,
    KeyPressed,
    MetricReported,
    PartsEnded,
    RunEnded,
    RunStarted,
    SourceClosed,
    SourceForeseen,
    SourceOpened,
    SourceResumed,
    StopRequested,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskQueued,
    TaskReopened,
    TaskRetried,
    TaskStarted,
    TaskStuck,
    TextWritten,
)

if TYPE_CHECKING:
    from mainstage.events import Event

ERROR = ErrorReport("ValueError", "no such row: 'ü'", 'Traceback:\n  File "x.py", line 1\nValueError: no such row')

ONE_OF_EACH: tuple[Event, ...] = (
    RunStarted(0.0, "Reading", 1_700_000_000.25),
    RunEnded(9.5),
    StopRequested(3.0, "Ctrl-C", 1),
    SourceOpened(0.5, 1, None),
    SourceClosed(2.0, 1, 40),
    TaskQueued(0.25, 2, "load a.csv"),
    TaskStarted(
        0.5, 2, 1, "thread-1", "caf\udce9.csv", 100, "B", 7, (("size", 3), ("name", "x"), ("ok", True), ("of", None))
    ),
    TaskMoved(0.75, 2, 1, 50),
    TaskChanged(0.8, 2, 1, "load a.csv again", 200.5, "half", (("ratio", 0.5),)),
    TaskEnded(1.0, 2, 1, 200.5),
    TaskFailed(1.0, 3, 2, 5, ERROR, "row 5"),
    TaskRetried(1.0, 3, 1, 4, ERROR, 0.5, "row 5"),
    TaskCancelled(1.5, 4, 0, 0, "Ctrl-C"),
    TaskReopened(1.75, 3, 2),
    TextWritten(2.0, None, 0, "", "stdout", "two\nlines\u2028and a rule"),
    MetricReported(2.5, 2, 1, "loss", math.nan),
    ItemsEnded(3.0, 1, "thread-2", ((10, 2.0, 2.5), (11, 2.5, 2.75)), 3, 0.125),
    KeyPressed(3.5, "pgdn"),
    TaskStuck(90.0, 2, 1, 60.5, "job.py:12 in load"),
    PartsEnded(91.0, "", 12),
    SourceForeseen(0.5, 1, 4, ((10, 3), (11, 4.5))),
    SourceResumed(0.5, 1, 20, 2),
    CallFailed(2.0, 12, 1.5, "thread-1", "load b.csv", ERROR, "b.csv"),
)

texts = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["caf\udce9", "\udcff\udcfe", "nan", ""]
)
wholes = st.integers(0, 50) | st.integers(-(2**80), 2**80)
numbers = st.floats() | wholes
scalars = texts | numbers | st.booleans() | st.none()

_BY_MEMBER: dict[str, st.SearchStrategy[Any]] = {
    "fields": st.dictionaries(texts, scalars, max_size=3).map(lambda fields: tuple(fields.items())),
    "error": st.builds(ErrorReport, texts, texts, texts),
    "sizes": st.lists(st.tuples(wholes, numbers), max_size=3).map(tuple),
    "items": st.lists(st.tuples(wholes, numbers, numbers), max_size=3).map(tuple),
}
_BY_HINT: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: wholes,
    bool: st.booleans(),
    float: numbers,
    str | None: texts | st.none(),
    int | None: wholes | st.none(),
    float | None: numbers | st.none(),
}


def of_kind(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Return a strategy for events of `kind`, right in type and in nothing else."""
    hints = get_type_hints(kind)
    members = {name: _BY_MEMBER[name] if name in _BY_MEMBER else _BY_HINT[hint] for name, hint in hints.items()}
    return st.builds(kind, **members)


any_event = st.one_of([of_kind(kind) for kind in EVENTS])
