"""Pictures of other libraries above the rows of a view."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from tests.views.runs import after, first, middle, moment, plain_bars

from mainstage.events import RunStarted, TaskEnded, TaskStarted
from mainstage.tasks.blocks import OpenBlocks
from mainstage.ui.views.blocks import BlocksView
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.user_code import OverTime, UserCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from mainstage.ui.state.run import RunState


class Segment(NamedTuple):
    text: str
    style: str | None = None
    control: object = None


class Drawn:
    """A block of lines that say how they were asked for."""

    def __init__(self, *texts: str, interval: float | None = None, cut: str = "...") -> None:
        self.texts = texts
        self.interval = interval
        self.cut = cut
        self.asked: list[tuple[int, bool]] = []
        self.foreign = False

    def is_foreign(self) -> bool:
        return self.foreign

    def lines(self, columns: int, *, borrowed: bool) -> Sequence[Sequence[Segment]]:
        self.asked.append((columns, borrowed))
        return [[Segment(text)] for text in self.texts]


class Broken(Drawn):
    def lines(self, columns: int, *, borrowed: bool) -> Sequence[Sequence[Segment]]:
        raise ValueError(f"no such thing in {columns}" if not borrowed else "")


def below(blocks: OpenBlocks) -> BlocksView:
    return BlocksView(plain_bars(), blocks, Palette("none"), Glyphs())


def half() -> RunState:
    return after(*middle())


def test_blocks_stand_above_the_rows_in_the_order_in_which_they_were_opened() -> None:
    blocks = OpenBlocks()
    one, two = Drawn("one"), Drawn("two", "three")
    blocks.add(one)
    blocks.add(two)
    rows = below(blocks).rows(half(), moment(10.0, 60, 40))
    assert rows[:3] == ["one", "two", "three"]
    assert rows[3:] == plain_bars().rows(half(), moment(10.0, 60, 37))
    assert one.asked == [(59, False)]
    blocks.remove(one)
    assert below(blocks).rows(half(), moment(10.0, 60, 40))[:2] == ["two", "three"]


def test_they_are_shown_where_the_run_has_no_rows_and_not_in_the_last_picture() -> None:
    blocks = OpenBlocks()
    blocks.add(Drawn("alone"))
    assert below(blocks).rows(after(first()[0]), moment(10.0)) == ["alone"]
    last = below(blocks).rows(half(), moment(10.0, final=True))
    assert last == plain_bars().rows(half(), moment(10.0, final=True))


def test_bars_that_are_over_are_no_rows_beside_a_block() -> None:
    blocks = OpenBlocks()
    blocks.add(Drawn("alone"))
    over = after(
        RunStarted(0.0, "", 0.0),
        TaskStarted(0.1, 1, 1, "MainThread", "a loop", 3, loop="line"),
        TaskEnded(0.5, 1, 1, 3),
    )
    assert below(blocks).rows(over, moment(10.0)) == ["alone"]


def test_what_has_no_room_is_cut_and_the_rows_keep_theirs() -> None:
    blocks = OpenBlocks()
    blocks.add(Drawn(*(f"line {number}" for number in range(50))))
    for height in (24, 10, 5):
        rows = below(blocks).rows(half(), moment(10.0, 40, height))
        assert len(rows) < height
        assert any(row.strip() == "..." for row in rows)
        assert rows[-1] != "..."
    wide = OpenBlocks()
    wide.add(Drawn("x" * 100))
    assert below(wide).rows(half(), moment(10.0, 20, 24))[0] == "x" * 19


def test_one_that_raises_says_so_in_its_place_and_leaves_the_others() -> None:
    blocks = OpenBlocks()
    blocks.add(Broken())
    blocks.add(Drawn("whole"))
    rows = below(blocks).rows(half(), moment(10.0, 60, 40))
    assert rows[:2] == ["a display raised ValueError: no such thing in 59", "whole"]


def test_in_a_signal_handler_they_are_told_so() -> None:
    blocks = OpenBlocks()
    block = Drawn("one")
    blocks.add(block)
    below(blocks).rows(half(), moment(10.0, borrowed=True))
    assert block.asked == [(79, True)]


def test_a_change_or_an_interval_makes_a_frame_due_and_nothing_else_does() -> None:
    told: list[bool] = []
    blocks = OpenBlocks(lambda: told.append(True))
    view, state = below(blocks), after(first()[0])
    assert view.due(state, 9.0, dirty=False) is None
    assert (blocks.changed, blocks.interval) == (False, None)
    block = Drawn("one")
    blocks.add(block)
    blocks.note_change()
    assert told == [True]
    assert view.due(state, 9.0, dirty=False) == 9.1
    view.rows(state, moment(9.1))
    assert view.due(state, 9.1, dirty=False) is None
    block.interval = 0.25
    assert view.due(state, 9.1, dirty=False) == 9.35
    assert view.animated
    block.interval = 0.01
    assert view.due(state, 9.0, dirty=False) == 9.1


def test_code_of_the_program_runs_in_a_signal_handler_within_a_limit_and_not_again_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(Drawn):
        def lines(self, columns: int, *, borrowed: bool) -> Sequence[Sequence[Segment]]:
            if not borrowed:
                super().lines(columns, borrowed=borrowed)
                raise OverTime
            return [[Segment("the last ones")]]

    blocks = OpenBlocks()
    block, slow = Drawn("one"), Slow()
    block.foreign = slow.foreign = True
    blocks.add(block)
    blocks.add(slow)
    view = below(blocks)
    assert view.rows(half(), moment(10.0, borrowed=True))[:2] == ["one", "the last ones"]
    assert (block.asked, slow.asked) == ([(79, True)], [])  # nothing can interrupt it
    monkeypatch.setattr(UserCode, "limit", lambda _seconds: contextlib.nullcontext())
    for _ in range(2):
        assert view.rows(half(), moment(10.0, borrowed=True))[:2] == ["one", "the last ones"]
    assert block.asked[-1] == (79, False)
    assert slow.asked == [(79, False)]
