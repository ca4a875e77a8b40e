"""Pictures of other libraries that stand above the rows of a live run for as long as they are open.

Whoever opens one says how its lines are made; the owner shows them with its frames. Nothing here knows a library.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Lines: TypeAlias = Sequence[Sequence[Any]]

SOONEST = 0.1
"""Seconds between two pictures of a block at the least: frames come no faster."""


class Block(Protocol):
    """One of them."""

    interval: float | None
    """Seconds after which its lines are asked for again, though nobody said that they changed; None: never."""
    cut: str
    """What stands for lines that have no room."""

    def lines(self, columns: int, *, borrowed: bool) -> Lines:
        """Return its lines, of at most `columns` cells, as segments: (text, style, control).

        `borrowed`: in a signal handler, in the middle of anything, where no code of the program's may run.
        """
        ...

    def is_foreign(self) -> bool:
        """Return whether its lines can only be made by code of the program's, which is then to be limited in time."""
        ...


class OpenBlocks:
    """The blocks that are open, in the order in which they were opened. Any thread may open, change and close one."""

    def __init__(self, notify: Callable[[], None] = lambda: None) -> None:
        self.open: tuple[Block, ...] = ()
        self.columns = 80
        """Cells for each line in the last frame."""
        self.changed = False
        """Whether a frame is to show what has changed."""
        self._notify = notify
        self._lock = Lock()

    def add(self, block: Block) -> None:
        """Show `block`, below those that are open."""
        with self._lock:
            self.open = (*self.open, block)
        self.note_change()

    def remove(self, block: Block) -> None:
        """Show it no more."""
        with self._lock:
            self.open = tuple(one for one in self.open if one is not block)
        self.note_change()

    def note_change(self) -> None:
        """Show soon what has changed."""
        if not self.changed:
            self.changed = True
            self._notify()

    @property
    def interval(self) -> float | None:
        """Seconds after which a frame is due though no block was reported changed; None: no block needs one."""
        wanted = [block.interval for block in self.open if block.interval is not None]
        return max(SOONEST, min(wanted)) if wanted else None
