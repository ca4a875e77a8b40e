"""One byte a top-level task, in the order in which they were first heard of: what a picture of all of them is made of.

The codes are ordered: where a cell of a picture stands for several tasks, the greatest is what matters most.
"""

from __future__ import annotations

DONE, CANCELLED, RUNNING, WAITING, FAILED = range(1, 6)
TO_COME = 0
MOST = 1_000_000
"""Tasks that have a place; those after them have none."""


class StatusMap:
    """What became of each top-level task. Only the reducer changes it."""

    __slots__ = ("cells",)

    def __init__(self) -> None:
        self.cells = bytearray()
        """A code each."""

    def add(self, code: int) -> int:
        """Enter a task; return its place, -1 for none."""
        cells = self.cells
        if len(cells) >= MOST:
            return -1
        cells.append(code)
        return len(cells) - 1

    def set(self, place: int, code: int) -> None:
        """Set the status of the task at `place`."""
        if place >= 0:
            self.cells[place] = code

    def add_many(self, number: int) -> None:
        """Enter `number` tasks that ended well before anybody heard of them."""
        self.cells += bytes((DONE,)) * min(number, MOST - len(self.cells))

    def blocks(self, size: int) -> bytes:
        """Return the codes of `size` neighbours each as one: the greatest."""
        if size <= 1:
            return bytes(self.cells)
        whole = self.cells + bytes(-len(self.cells) % size)
        return bytes(map(max, *[whole[start::size] for start in range(size)]))
