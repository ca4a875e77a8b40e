"""The order in which a request is made known: each step here is what another thread may see in the middle of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mainstage.errors import Cancelled
from mainstage.tasks import outcome, track
from mainstage.tasks.cancel_scope import CancelScope, Request
from mainstage.tasks.track import LoopPart, TrackLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Recorder


class Watched:
    """A loop that looks around when it is cut."""

    def __init__(self, when_cut: Callable[[], object] = lambda: None) -> None:
        self.thread = threading.current_thread()
        self.cuts: list[Request] = []
        self.mended = 0
        self.when_cut = when_cut

    def interrupt(self, request: Request) -> None:
        self.cuts.append(request)
        self.when_cut()

    def resume(self) -> None:
        self.mended += 1

    def position(self) -> float:
        return 0

    def stop(self) -> None:
        """Nothing is counted here."""


def test_loops_are_cut_before_anybody_can_be_told_so_that_who_is_told_can_mend_them() -> None:
    tree = CancelScope(1)
    seen: list[Request | None] = []
    tree.loops[1] = loop = Watched(lambda: seen.append(tree.request))
    tree.cancel("enough")
    assert seen[0] is None
    with pytest.raises(Cancelled):
        tree.check()
    assert loop.mended == 1


def test_a_loop_that_begins_while_others_are_cut_is_cut_too() -> None:
    tree, late = CancelScope(1), Watched()
    tree.loops[1] = Watched(lambda: tree.loops.setdefault(2, late))
    tree.cancel("enough")
    assert late.cuts == [tree.request]


def test_a_loop_whose_thread_was_told_meanwhile_is_left_alone() -> None:
    tree = CancelScope(1)

    def told_at_once() -> None:
        with pytest.raises(Cancelled):
            tree.raise_cancelled(loop.cuts[0])

    tree.loops[1] = loop = Watched(told_at_once)
    tree.cancel("enough")
    assert len(loop.cuts) == 1


def test_a_loop_that_moves_to_its_next_part_while_it_is_cut_is_cut_there() -> None:
    loop = TrackLoop(iter(range(3000)))
    first = loop._part
    parts = loop.parts()

    class Moving(bytearray):
        def clear(self) -> None:
            loop._part = following
            super().clear()

    flags = Moving(first.flags)
    following = first
    ticks = iter(flags)
    loop._part = LoopPart(0, flags, ticks, ticks, first.items, [])
    request = Request("enough")
    loop.interrupt(request)
    assert not following.flags
    assert list(next(parts)) == []
    with pytest.raises(StopIteration) as stopped:
        next(parts)
    assert stopped.value.value is request


def test_a_request_within_a_request_comes_through(recorder: Recorder) -> None:
    """A signal handler asks while its thread is asking."""
    root = recorder.open()
    loops = root._tree.loops

    def ask_within() -> None:
        if loops.pop(99, None):
            root.request_cancel("inner")

    def work() -> None:
        loops[99] = Watched(ask_within)
        for i in track(range(10)):
            if i == 4:
                root.request_cancel("outer")
            assert i <= 4

    assert isinstance(outcome.run(root, work, (), {}).error, Cancelled)
    assert root.position() == 5
    root.advance()
    assert root.position() == 6
