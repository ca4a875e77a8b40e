"""What a map need not compute, since it was computed before: its records come at once, and no worker sees the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mainstage.events import SourceResumed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Record: TypeAlias = "tuple[int, tuple[Any, ...], Any, BaseException | None, float, float, int]"
"""As of `pool.mapping`."""
LOOKED_UP = 500
"""Items that are looked for together."""


class ResultMemory(Protocol):
    """The results of earlier runs, and the place of those of this one; used on the thread of the map's consumer."""

    def recall(self, first: int, batch: Sequence[tuple[Any, ...]]) -> Mapping[int, tuple[Any, BaseException | None]]:
        """Return what is known of a batch of arguments, numbered from `first`: values, or errors, by their numbers."""
        ...

    def keep(self, records: Sequence[Record]) -> None:
        """Take what came; known ones, of attempt 0, are among them."""
        ...

    def close(self) -> None:
        """Take no more. A second call does nothing."""
        ...


def recall(
    memory: ResultMemory, source: int, first: int, batch: Sequence[tuple[Any, ...]], ids: Iterator[int], now: float
) -> tuple[list[tuple[int, int, tuple[Any, ...], int]], list[Record], SourceResumed | None]:
    """Return the entries of a batch that are to be computed, the records of the others, and their event.

    `ids` gives a number to each task, to those that are known too: sizes go with them.
    """
    known = memory.recall(first, batch)
    entries: list[tuple[int, int, tuple[Any, ...], int]] = []
    records: list[Record] = []
    for number, args in enumerate(batch, first):
        task = next(ids)
        if number in known:
            value, error = known[number]
            records.append((number, args, value, error, now, now, 0))
        else:
            entries.append((number, task, args, 1))
    failed = sum(error is not None for _, error in known.values())
    return entries, records, SourceResumed(now, source, len(known), failed) if known else None
