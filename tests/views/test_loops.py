"""What loops and bars of the main thread look like: whole pictures, and the lines that they leave."""

from __future__ import annotations

import pytest
from tests.views.runs import after, moment, picture, plain_bars

from mainstage.events import (
    ItemsEnded,
    RunStarted,
    SourceOpened,
    StopRequested,
    TaskChanged,
    TaskEnded,
    TaskMoved,
    TaskStarted,
)
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.plain import PlainView

BEGUN = RunStarted(0.0, "Epochs", 1e9)


def loop(task: int, name: str, total: float | None, *, parent: int | None = None, kind: str = "loop") -> TaskStarted:
    return TaskStarted(0.0, task, 1, "MainThread", name, total, "", parent, (), kind)


def item(task: int, name: str) -> TaskStarted:
    return TaskStarted(0.1, task, 1, "thread-1", name)


def test_a_loop_in_a_loop_is_an_indented_row_and_the_run_has_none() -> None:
    shown = picture(after(BEGUN, loop(1, "Epochs", 3), loop(2, "Epoch 0", 20, parent=1), TaskMoved(1.0, 2, 1, 10)), 2.0)
    assert [row[:13] for row in shown.splitlines()] == ["▸ Epochs     ", "▸   Epoch 0  "]
    assert ["0/3" in row or "10/20" in row for row in shown.splitlines()] == [True, True]


def test_two_bars_side_by_side_are_two_rows_of_one_level() -> None:
    shown = picture(after(BEGUN, loop(1, "x", 60), loop(2, "y", 30)), 2.0).splitlines()
    assert [row[:4] for row in shown] == ["▸ x ", "▸ y "]


def test_items_of_a_map_stand_below_the_loop_that_goes_through_them_and_each_is_counted_once() -> None:
    state = after(BEGUN, loop(1, "Epochs", 30), SourceOpened(0.0, 9, 30), item(2, "a"), item(3, "b"))
    shown = picture(state, 2.0).splitlines()
    assert [row[:6].rstrip() for row in shown] == ["▸ Epoc", "⠋   a", "⠋   b"]
    after(TaskEnded(2.0, 2, 1, 0), TaskEnded(2.0, 3, 1, 0), state=state)
    after(ItemsEnded(2.0, 9, "thread-1", (), 28, 1.0), TaskMoved(2.0, 1, 1, 30), TaskEnded(3.0, 1, 1, 30), state=state)
    assert picture(state, 3.0, final=True) == "✓ Epochs: 30 in 3.0 s"


@pytest.mark.parametrize(("unicode", "sign"), [(True, "■"), (False, "#")])
def test_a_loop_that_was_left_early_says_so_with_a_neutral_sign(unicode: bool, sign: str) -> None:
    state = after(RunStarted(0.0, "Search", 1e9), loop(1, "Search", 100), TaskEnded(1.0, 1, 1, 50, left=True))
    assert plain_bars(unicode=unicode).rows(state, moment(1.0, final=True)) == [f"{sign} Search: stopped at 50 of 100"]


def test_one_that_ctrl_c_ended_was_interrupted() -> None:
    state = after(RunStarted(0.0, "Search", 1e9), loop(1, "Search", None), StopRequested(1.0, "Ctrl-C", 1))
    after(TaskEnded(1.0, 1, 1, 50, left=True), state=state)
    assert picture(state, 1.0, final=True) == "■ Search: interrupted at 50"


def test_an_inner_loop_leaves_a_line_if_it_asks_for_one_and_the_outer_none_if_it_does_not_want_to() -> None:
    inner = loop(2, "Epoch 0", 20, parent=1, kind="line")
    end = TaskEnded(2.0, 2, 1, 20)
    state = after(BEGUN, loop(1, "Epochs", 3, kind="quiet"), inner, end)
    assert plain_bars().history_lines(end, state, moment(2.0)) == ["✓ Epoch 0: 20 in 2.0 s"]
    after(TaskEnded(3.0, 1, 1, 3), state=state)
    assert picture(state, 3.0, final=True) == ""


def test_a_run_of_the_program_with_nothing_but_loops_counts_them() -> None:
    state = after(RunStarted(0.0, "Training", 1e9), loop(1, "a", 3), TaskEnded(1.0, 1, 1, 3))
    assert picture(state, 2.0, final=True) == "✓ Training: 3 in 1.0 s"
    after(loop(2, "b", 3), TaskEnded(2.0, 2, 1, 3), state=state)
    assert picture(state, 2.0, final=True) == "✓ Training: 2 loops in 2.0 s"


def test_in_a_pipe_a_loop_is_the_measure_of_its_run() -> None:
    state = after(BEGUN, loop(1, "Epochs", 3), SourceOpened(0.0, 9, 12), TaskMoved(1.0, 1, 1, 1))
    view = PlainView(palette=Palette("none"), glyphs=Glyphs(), timestamps=False)
    assert view.rows(state, moment(1.0)) == ["Epochs: started"]
    assert view.rows(state, moment(12.0))[0].startswith("Epochs: 33 %, 1/3")
    after(TaskEnded(13.0, 1, 1, 3), state=state)
    assert view.rows(state, moment(13.0, final=True)) == ["✓ Epochs: 3 in 13.0 s"]


# --- one row for one thing ---


def child(task: int, name: str, parent: int = 1) -> TaskStarted:
    return TaskStarted(0.1, task, 1, "thread-1", name, 100, "", parent)


@pytest.mark.parametrize(
    ("unicode", "name", "row"),
    [
        (True, "download for fetch(3)", "▸ download for fetch(3)"),
        (True, "fetch(3)s", "▸ fetch(3) › fetch(3)s"),  # noqa: RUF001
        (True, "download", "▸ fetch(3) › download"),  # noqa: RUF001
        (False, "download", "> fetch(3) > download"),
        (True, "fetch(3)", "▸ fetch(3)"),
    ],
)
def test_an_item_and_the_only_task_in_it_are_one_row(unicode: bool, name: str, row: str) -> None:
    state = after(RunStarted(0.0, "", 1e9), SourceOpened(0.0, 9, 5), item(1, "fetch(3)"), child(2, name))
    rows = plain_bars(unicode=unicode).rows(state, moment(1.0))
    assert len(rows) == 2
    assert rows[0].startswith(row + "  ")
    assert "0/100" in rows[0]


def test_an_item_without_a_name_shares_the_row_of_the_task_in_it() -> None:
    state = after(RunStarted(0.0, "", 1e9), SourceOpened(0.0, 9, 5), item(1, ""), child(2, "download"))
    assert plain_bars().rows(state, moment(1.0))[0].startswith("▸ download  ")


def test_a_second_one_at_the_same_time_opens_rows_below_and_its_end_closes_them() -> None:
    state = after(RunStarted(0.0, "", 1e9), SourceOpened(0.0, 9, 5), item(1, "fetch(3)"), child(2, "a"), child(3, "b"))
    assert [row[:10].rstrip() for row in picture(state, 1.0).splitlines()[:-1]] == ["⠋ fetch(3)", "▸   a", "▸   b"]
    after(TaskEnded(1.0, 2, 1, 100), state=state)
    assert picture(state, 1.0).splitlines()[0].startswith("▸ fetch(3) › b")  # noqa: RUF001


def test_an_item_that_says_something_of_itself_keeps_its_row() -> None:
    state = after(RunStarted(0.0, "", 1e9), SourceOpened(0.0, 9, 5), item(1, "fetch(3)"), child(2, "a"))
    after(TaskChanged(0.5, 1, 1, total=7), state=state)
    assert [row[:10].rstrip() for row in picture(state, 1.0).splitlines()[:-1]] == ["▸ fetch(3)", "▸   a"]


def test_sixteen_pairs_are_sixteen_rows() -> None:
    pairs = [event for n in range(1, 17) for event in (item(n, f"f({n})"), child(100 + n, "x", n))]
    state = after(RunStarted(0.0, "", 1e9), SourceOpened(0.0, 9, 40), *pairs)
    rows = picture(state, 1.0).splitlines()
    assert [row.split("  ")[0] for row in rows[:16]] == [f"▸ f({n}) › x" for n in range(1, 17)]  # noqa: RUF001
    assert len(rows) == 17
