"""What was put into a raw queue, kept for a consumer that the program may have of its own.

The messages have done their work when they come here. A program that never takes any must not pay with memory, so equal
messages in a row are one entry, and up to the first `take` no more than `KEPT` entries are kept.
"""

from __future__ import annotations

from collections import deque

KEPT = 10_000


class Backlog:
    """Messages in order. The queue's lock guards it."""

    def __init__(self) -> None:
        self._runs: deque[list[object]] = deque()  # [message, how often]
        self.count = 0
        """Messages that `take` would return."""
        self.consumed = False
        """True once somebody has asked for one: from then on all are kept, as in any queue."""
        self.given_up = False
        """True if there were too many before anybody asked: none is kept any more."""

    def add(self, message: object) -> None:
        """Keep one more."""
        if self.given_up:
            return
        self.count += 1
        runs = self._runs
        if runs:
            last = runs[-1]
            if last[0] is message or (type(message) is int and type(last[0]) is int and last[0] == message):
                last[1] += 1  # type: ignore[operator]  # a pair: one object a run, not two
                return
            if len(runs) >= KEPT and not self.consumed:
                self.given_up = True
                self.clear()
                return
        runs.append([message, 1])

    def take(self) -> object:
        """Return the oldest; `IndexError` if there is none."""
        run = self._runs[0]
        run[1] -= 1  # type: ignore[operator]  # as above
        if not run[1]:
            self._runs.popleft()
        self.count -= 1
        return run[0]

    def clear(self) -> None:
        """Forget them all."""
        self._runs.clear()
        self.count = 0
