"""The failures of a run: all are counted, by kind too; the first and the last of all stay, and of each kind.

A run may fail a hundred thousand times, each time with a traceback. The log and the file of results have them all.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstage.ui.state.task import Failure

MOST = 500
"""So many of the first failures stay, and as many of the last."""
KINDS = 500
"""So many kinds are told apart."""
OTHER = ""
"""The kind of all beyond those."""
LONGEST_TEXT = 2000
LONGEST_TRACEBACK = 20_000
"""Characters that are kept, of those at the beginning and those at the end."""


class KeptFailures(dict[int, "Failure"]):
    """Those that stay, by the number of the task, in the order in which they came."""

    __slots__ = ("_first", "_last", "_newest", "_oldest", "_order", "kinds")

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, int] = {}
        """How many there were of each kind, those that did not stay too."""
        self._first: set[int] = set()
        self._last: set[int] = set()
        self._order: deque[int] = deque()
        """These, in the order in which they came, and some that were taken back."""
        self._oldest: dict[str, int] = {}
        self._newest: dict[str, int] = {}

    def add(self, failure: Failure) -> str:
        """Count one, and have it stay until others take its place; return its kind."""
        task, (kind, text, traceback) = failure.task, failure.error
        kinds = self.kinds
        if kind in kinds:
            kinds[kind] += 1
        else:
            kind = kind if len(kinds) < KINDS else OTHER
            kinds[kind] = kinds.get(kind, 0) + 1
        short = len(text) <= LONGEST_TEXT and len(traceback) <= LONGEST_TRACEBACK
        self[task] = failure if short else _shortened(failure)
        before = self._newest.get(kind, task)
        self._newest[kind] = task
        if kind not in self._oldest:
            self._oldest[kind] = task
        if len(self._first) < MOST:
            self._first.add(task)
            return kind
        self._last.add(task)
        self._order.append(task)
        if len(self._order) > MOST:
            oldest = self._order.popleft()
            if oldest in self._last:
                self._last.remove(oldest)
                self._drop(oldest)
        if before not in self._last:
            self._drop(before)
        return kind

    def number_of(self, kind: str) -> int:
        """Return how many there were of `kind`."""
        return self.kinds.get(kind, self.kinds.get(OTHER, 0))

    def take_back(self, task: int, kind: str) -> None:
        """Count one less: the task `task`, which failed by `kind`, goes on after all."""
        self.kinds[kind] -= 1
        if not self.kinds[kind]:
            del self.kinds[kind]
        self._first.discard(task)
        self._last.discard(task)
        self.pop(task, None)
        for ends, there in ((self._oldest, self), (self._newest, reversed(self))):
            if ends.get(kind) == task:
                del ends[kind]
                ends.update(islice(((kind, one) for one in there if self._kind(one) == kind), 1))

    def _drop(self, task: int) -> None:
        """Forget a failure, unless it is one of those that stay."""
        if task in self._first or task in self._last or task not in self:
            return
        kind = self._kind(task)
        if task != self._oldest.get(kind) and task != self._newest.get(kind):
            del self[task]

    def _kind(self, task: int) -> str:
        kind = self[task].error.type
        return kind if kind in self.kinds else OTHER


def _shortened(failure: Failure) -> Failure:
    error = failure.error
    shorter = error._replace(text=_ends(error.text, LONGEST_TEXT), traceback=_ends(error.traceback, LONGEST_TRACEBACK))
    return failure._replace(error=shorter)


def _ends(text: str, most: int) -> str:
    """Return `text`, or its beginning and its end if it has more than `most` characters."""
    left_out = len(text) - most
    if left_out <= 0:
        return text
    return f"{text[: most // 2]}\n[{left_out} characters left out]\n{text[-(most // 2) :]}"
