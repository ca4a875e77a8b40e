"""Views: what to show. From state and moment to lines: no clock, no terminal, no thread.

A view keeps no more than what it composed before and what it has said already; an object of it serves one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mainstage.events import Event
    from mainstage.ui.state.run import RunState


class Size(NamedTuple):
    """Of a terminal, in character cells."""

    columns: int
    rows: int


class FrameContext(NamedTuple):
    """What a picture depends on beside the state.

    `now` is in seconds on the run's clock. `final` marks the last picture. `in_signal_handler`: the main thread was
    interrupted in other code to draw, so no user code may run; its last lines serve. `moved` helps a view that keeps
    rows: the tasks that moved since the last picture, where nothing else happened; None: look at everything. `status`:
    the exit status of the program that is shown; None: not known, or the run shows no program. `unretrieved`: how many
    of the failures the program has not taken from the future or iterator that holds them; None: not known, so all.
    """

    now: float
    size: Size
    final: bool = False
    in_signal_handler: bool = False
    moved: Collection[int] | None = None
    status: int | None = None
    unretrieved: int | None = None


class View(Protocol):
    """A look. Lines hold no control characters but SGR sequences and links to files (OSC 8).

    Rows are at most `size.columns` cells wide.

    Lines for the history are whole, however long: the terminal wraps them.
    """

    @property
    def interval(self) -> float:
        """Seconds between two pictures at the least."""
        ...

    @property
    def shown(self) -> Sequence[int]:
        """The tasks that the last picture had rows for: their positions are read first for the next."""
        ...

    def history_lines(self, event: Event, state: RunState, moment: FrameContext) -> list[str]:
        """Return the lines that `event` (already reduced) adds to the history, mostly none."""
        ...

    def rows(self, state: RunState, moment: FrameContext) -> list[str]:
        """Return the picture: the pinned rows of a live display, the lines to append of a plain one."""
        ...

    def due(self, state: RunState, drawn_at: float, *, dirty: bool) -> float | None:
        """Return when the next picture is wanted, if nothing more happens; None: never.

        `dirty` says that something was reduced since the picture of `drawn_at`.
        """
        ...
