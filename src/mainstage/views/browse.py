"""What whoever looks has chosen to see: a value that keys change and every layout takes."""

from __future__ import annotations

from typing import NamedTuple


class Browse(NamedTuple):
    """How a live view is looked at; the defaults show what matters first.

    `top` is how many tasks are scrolled past, `filter` a text that descriptions must contain (in any case of letters),
    `selected` a task by its number, `unfolded` the failed tasks whose tracebacks stand open. `held` says that no new
    work is handed out, `help` that the list of keys is open, `prompt` the filter being typed (None: none is).
    """

    top: int = 0
    filter: str = ""
    selected: int | None = None
    unfolded: frozenset[int] = frozenset()
    held: bool = False
    help: bool = False
    prompt: str | None = None
