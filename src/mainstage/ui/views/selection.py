"""What the user has chosen to see: a value that keys change and every layout takes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import Failure, TaskState

    Listed: TypeAlias = TaskState | Failure


class Selection(NamedTuple):
    """What a live view shows; the defaults show what matters first.

    `top` is how many tasks are scrolled past, `filter` a text that descriptions must contain (in any case of letters),
    `selected` a task by its number, `unfolded` the failed tasks whose tracebacks stand open. `held` says that no new
    work is handed out, `help` that the list of keys is open, `prompt` the filter being typed (None: none is), `asked`
    the task that is cancelled if the user confirms it (None: none). `help_top` is how many lines of the list of
    keys are scrolled past.
    """

    top: int = 0
    filter: str = ""
    selected: int | None = None
    unfolded: frozenset[int] = frozenset()
    held: bool = False
    help: bool = False
    prompt: str | None = None
    asked: int | None = None
    help_top: int = 0

    @property
    def chosen(self) -> bool:
        """Whether anything about the list of tasks was chosen: failures are in it then."""
        return self.top > 0 or self.filter != "" or self.selected is not None or bool(self.unfolded)


def listing(state: RunState, browse: Selection) -> Iterator[tuple[int, Listed]]:
    """Yield (depth, task or failure) of all that the filter lets through: what is live, then failures, last one first.

    Lazy: taking the first 30 costs 30, those that do not match apart.
    """
    live: Iterator[tuple[int, Listed]] = ((depth, task) for depth, task in state.walk())
    failed: Iterator[tuple[int, Listed]] = ((0, failure) for failure in reversed(state.failures.values()))
    everything = chain(live, failed)
    wanted = browse.filter.casefold()
    if not wanted:
        return everything
    return ((depth, one) for depth, one in everything if wanted in one.description.casefold())


def number_of(listed: Listed) -> int:
    """Return the number of the task."""
    return listed.task if isinstance(listed, tuple) else listed.id
