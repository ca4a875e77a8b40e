from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.views.runs import BAD_ROW, NOON, after, end, first, middle, moment, picture, plain_bars

from mainstage.events import (
    ErrorReport,
    RunEnded,
    RunStarted,
    SourceOpened,
    StopRequested,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskReopened,
    TaskRetried,
    TaskStarted,
    TextWritten,
)
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.column_widths import arrange
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.row_choice import choose_rows
from mainstage.ui.views.rows import RowPainter
from mainstage.ui.views.text import width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.events import Event

BEGUN = RunStarted(0.0, "job", NOON)


def crowd(count: int, **fields: object) -> list[TaskStarted]:
    return [TaskStarted(0.0, n, 1, "w", f"task {n}", 10.0, **fields) for n in range(1, count + 1)]  # type: ignore[arg-type]


# --- height ---


@pytest.mark.parametrize(
    ("height", "rows", "more"), [(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 2, 0), (5, 3, 99), (24, 18, 84), (60, 45, 57)]
)
def test_more_tasks_than_rows_are_told_as_a_number(height: int, rows: int, more: int) -> None:
    lines = plain_bars().rows(after(BEGUN, *crowd(100)), moment(1.0, 80, height))
    assert len(lines) == rows
    assert lines[-1].startswith("▸ job ")
    if more:
        assert lines[-2] == f"  + {more} more"
    assert lines[0].startswith("▸ task 1 " if rows > 1 else "▸ job ")


def test_as_many_tasks_as_rows_need_no_such_row() -> None:
    lines = plain_bars().rows(after(BEGUN, *crowd(17)), moment(1.0, 80, 24))
    assert len(lines) == 18
    assert not any("more" in line for line in lines)


def test_told_which_tasks_moved_it_shows_what_it_shows_untold() -> None:
    told, untold = plain_bars(), plain_bars()
    state = after(*first(), TaskStarted(0.2, 5, 1, "w1", "verify", 50.0, parent=1))
    short = 0
    for frame in range(200):
        now = 1.0 + frame / 8
        moves = [TaskMoved(now, task, 1, 3.0**task * frame**2) for task in (1, 2, 3, 5) if frame % (task + 1) == 0]
        after(*moves, state=state)
        others: list[Event] = [TaskChanged(now, 4, 1, status="x" * frame)] if frame % 50 == 49 else []
        others += [TaskStarted(now, 6, 1, "w5", "a name that needs more room")] if frame == 110 else []
        after(*others, state=state)
        at = moment(now, 120 if frame < 150 else 70, 24 if frame < 180 else 6)
        moved = None if others else {move.task for move in moves}
        assert told.rows(state, at._replace(moved=moved)) == untold.rows(state, at)
        short += moved is not None
    assert short > 150


def test_rows_keep_their_order_while_tasks_come_and_go() -> None:
    view = plain_bars()
    state = after(BEGUN, *crowd(30))
    before = [line[:9] for line in view.rows(state, moment(1.0, 80, 24))[:16]]
    after(TaskEnded(1.0, 3, 1, 10), TaskStarted(1.0, 31, 1, "w", "new"), state=state)
    assert [line[:9] for line in view.rows(state, moment(2.0, 80, 24))[:15]] == [*before[:2], *before[3:]]


def test_ten_thousand_tasks_are_not_walked_through() -> None:
    state = after(BEGUN, *crowd(10_000))
    looked_at = 0

    class Watched(dict[int, object]):
        def values(self) -> object:  # type: ignore[override]
            nonlocal looked_at
            for task in super().values():
                looked_at += 1
                yield task

    state.tasks = Watched(state.tasks)  # type: ignore[assignment]
    chosen = choose_rows(state, 1.0, 30)
    assert (len(chosen.shown), chosen.hidden) == (29, 9971)
    assert looked_at < 200
    assert choose_rows(state, 0.05, 30).shown == []  # all too young
    assert looked_at < 400


def test_those_that_failed_and_are_tried_again_have_a_third_of_the_rows() -> None:
    state = after(BEGUN, *crowd(20))
    for n in range(1, 11):
        after(TaskRetried(0.5, n, 1, 0, BAD_ROW, 60.0), state=state)
    shown = [task.id for _, task in choose_rows(state, 1.0, 13).shown]
    assert shown == [1, 2, 3, 4, *range(11, 19)]


# --- nesting ---


def test_nested_tasks_stand_below_their_parent_and_share_the_room() -> None:
    state = after(BEGUN, *crowd(3))
    for n in range(20):
        after(TaskStarted(0.2, 100 + n, 1, "w", f"a{n}", parent=1), state=state)
        after(TaskStarted(0.2, 200 + n, 1, "w", f"c{n}", parent=3), state=state)
    after(TaskStarted(0.2, 300, 1, "w", "deep", parent=100), state=state)
    lines = plain_bars().rows(state, moment(1.1, 80, 13))
    assert [line[:11].split("  0.")[0].rstrip() for line in lines] == [
        "▸ task 1",
        "⠙   a0",
        "⠙     deep",
        "⠙   a1",
        "▸ task 2",
        "▸ task 3",
        "⠙   c0",
        "⠙   c1",
        "  + 36 more",
        "▸ job",
    ]


def test_a_nested_task_without_a_live_parent_stands_alone() -> None:
    state = after(BEGUN, *crowd(2), TaskStarted(0.2, 9, 1, "w", "child", parent=1), TaskEnded(0.3, 1, 1, 10))
    names = [line.split()[1] for line in plain_bars().rows(state, moment(1.0))]
    assert names == ["task", "child", "job"]


def test_an_orphan_moves_to_the_left() -> None:
    view = plain_bars()
    state = after(BEGUN, *crowd(2), TaskStarted(0.2, 9, 1, "w", "child", parent=1))
    assert view.rows(state, moment(1.0))[1].startswith("⠋   child")
    after(TaskEnded(1.0, 1, 1, 10), state=state)
    assert any(line.startswith("⠋ child") for line in view.rows(state, moment(1.0)))


# --- what a row tells ---


def test_a_task_that_lives_for_less_than_a_tenth_of_a_second_gets_no_row() -> None:
    state = after(BEGUN, *crowd(2), TaskStarted(0.95, 7, 1, "w", "brief"))
    assert len(plain_bars().rows(state, moment(1.0))) == 3
    assert len(plain_bars().rows(state, moment(1.06))) == 4


def test_a_run_of_one_task_has_one_row() -> None:
    state = after(BEGUN, *crowd(1), TaskMoved(1.0, 1, 1, 4))
    assert picture(state, 1.0) == "▸ task 1    40% ━━━━━━━━━━━━━────────────────────   4/10  ETA ~0:02       4.0/s"
    after(SourceOpened(1.0, 1, None), state=state)
    assert len(plain_bars().rows(state, moment(1.0))) == 2


def test_nothing_is_shown_of_a_run_of_which_nothing_is_known() -> None:
    assert plain_bars().rows(after(BEGUN), moment(1.0)) == []


def test_the_bar_of_an_unknown_total_moves_only_when_its_task_moves() -> None:
    state = after(BEGUN, TaskStarted(0.0, 1, 1, "w", "stream"), TaskMoved(0.5, 1, 1, 3))
    bars = {plain_bars().rows(state, moment(now))[0].split()[2] for now in (1.0, 1.3, 5.0)}
    assert len(bars) == 1
    after(TaskMoved(5.2, 1, 1, 4), state=state)
    assert plain_bars().rows(state, moment(5.2))[0].split()[2] not in bars


def test_a_retry_is_told_in_its_row() -> None:
    state = after(BEGUN, *crowd(2), TaskRetried(0.5, 1, 1, 3, BAD_ROW, 30.0))
    assert plain_bars().rows(state, moment(1.0, 120))[0].rstrip().endswith("again in 30 s: ValueError")
    assert plain_bars().rows(state, moment(1.0, 120))[0].startswith("↻ task 1")
    after(TaskStarted(31.0, 1, 2, "w", "task 1", 10.0), state=state)
    assert plain_bars().rows(state, moment(31.01, 120))[0].rstrip().endswith("attempt 2")


def test_counts_and_times_stay_longest_then_the_bar_then_the_speed() -> None:
    before = None
    for columns in range(1, 160):
        layout = arrange(columns, ((12, 7, 9, 30, 40),), (5, 9, 9, 9, 10))
        kept = [
            cells > 0 for cells in (layout.name, layout.percent, layout.amount, layout.time, layout.bar, layout.speed)
        ]
        assert kept == sorted(kept, reverse=True)
        assert layout.columns + (layout.status and layout.status + 2) <= max(columns - 1, 2)
        assert before is None or sum(kept) >= before
        before = sum(kept)


def test_a_full_bar_is_full_and_an_empty_one_empty() -> None:
    state = after(BEGUN, *crowd(3), TaskMoved(0.5, 1, 1, 10), TaskMoved(0.5, 2, 1, 9.99))
    bars = [line.split()[4] for line in plain_bars().rows(state, moment(1.0))[:3]]
    assert set(bars[0]) == {"━"}
    assert set(bars[2]) == {"─"}
    assert bars[1].endswith("╸")


def test_ascii_has_no_other_characters() -> None:
    for events, now in ((first(), 0.6), (middle(), 10.0)):
        lines = plain_bars(unicode=False).rows(after(*events), moment(now))
        assert all(line.isascii() for line in lines)
        assert all(width(line) < 80 for line in lines)
    wide = plain_bars(unicode=False).rows(after(*middle()), moment(10.0, 120))
    assert "> odd [/]\\u540d\\u524d" in "\n".join(wide)


def test_an_idle_row_is_composed_once_a_second() -> None:
    state = after(*middle())
    view = plain_bars()
    lines = view.rows(state, moment(10.05))
    assert all(old is new for old, new in zip(lines[:-1], view.rows(state, moment(10.06))[:-1], strict=True))
    assert all(old != new for old, new in zip(lines[:-1], view.rows(state, moment(11.2))[:-1], strict=True))


def test_a_move_within_the_same_tenth_of_a_second_is_exact() -> None:
    state = after(BEGUN, *crowd(3), TaskMoved(5.0, 1, 1, 2))
    view = plain_bars()
    assert "2/10" in view.rows(state, moment(5.0))[0]
    after(TaskMoved(5.0, 1, 1, 9), TaskMoved(5.01, 2, 1, 5), state=state)
    rows = view.rows(state, moment(5.01))
    assert rows[:3] == plain_bars().rows(state, moment(5.01))[:3]
    assert "90%" in rows[0]
    assert "9/10" in rows[0]


def test_another_width_is_another_picture() -> None:
    state = after(*middle())
    view = plain_bars()
    for columns in (80, 60, 33, 200, 80):
        assert view.rows(state, moment(10.0, columns)) == plain_bars().rows(state, moment(10.0, columns))


def test_the_width_of_a_head_is_known_without_measuring_it() -> None:
    painter = RowPainter(Palette("16"), Glyphs())
    for columns in range(4, 120):
        layout = arrange(columns, ((12, 7, 9, 9, 0),))
        assert width(painter.with_bar(painter.flush_held(">", "名前", layout), 0.3, 0, layout)) == layout.head


def test_state_is_told_without_colours_too() -> None:
    state = after(*middle(), TaskStarted(0.1, 50, 1, "w", "flaky", 5), TaskRetried(10.0, 50, 1, 0, BAD_ROW, 9.0))
    painted = BarsView(Palette("truecolor")).rows(state, moment(10.0))
    assert [strip(line) for line in painted] == plain_bars().rows(state, moment(10.0))
    assert {line[0] for line in plain_bars().rows(state, moment(10.0))} == {"▸", "↻"}


def test_an_asked_stop_is_told_in_the_last_row() -> None:
    state = after(*middle(), StopRequested(10.0, "Ctrl-C", 1))
    assert plain_bars().rows(state, moment(10.0))[-1] == (
        "⊘ stopping: Ctrl-C again to abandon 3 running, 1/30 done, 1 failed"
    )
    after(StopRequested(11.0, "Ctrl-C", 2), state=state)
    assert plain_bars().rows(state, moment(11.0))[-1] == "⊘ abandoning 3 running, 1/30 done, 1 failed"
    assert plain_bars().rows(state, moment(11.0, 20))[-1] == "⊘ abandoning 3 run…"


# --- the history ---


def history(*events: object, before: Sequence[Event] | None = None, view: BarsView | None = None) -> list[str]:
    state = after(*(first() if before is None else before))
    view = view or plain_bars()
    lines: list[str] = []
    for event in events:
        after(event, state=state)  # type: ignore[arg-type]
        lines += view.history_lines(event, state, moment(1.0))  # type: ignore[arg-type]
    return lines


def test_a_failure_scrolls_up_at_once() -> None:
    assert history(middle()[-1]) == ["✗ gamma: ValueError: bad row (input 'gamma.csv')"]


def test_the_input_is_told_unless_the_task_is_named_after_it() -> None:
    failed = TaskFailed(1.0, 4, 1, 0, ErrorReport("OSError", ""), "gamma")
    assert history(failed) == history(failed._replace(input="'gamma'")) == ["✗ gamma: OSError"]


def test_a_nested_failure_is_its_parents() -> None:
    nested = TaskStarted(0.2, 5, 1, "w1", "verify", parent=1)
    assert history(nested, middle()[-1]._replace(task=5)) == []  # type: ignore[call-arg]


def test_a_retry_and_a_late_sender_scroll_up() -> None:
    retried = TaskRetried(1.0, 4, 1, 0, ErrorReport("OSError", "two\n lines"), 2.0)
    assert history(retried) == ["↻ gamma: OSError: two lines (attempt 1, again in 2 s)"]
    assert history(middle()[-1], TaskReopened(11.0, 4, 1))[1:] == ["↻ gamma: goes on after all"]


def test_text_is_told_apart_by_the_task_that_wrote_it() -> None:
    written = TextWritten(1.0, 2, 1, "w2", "stdout", "one\r\ntwo\x1b[2J [bold]")
    assert history(written) == ["lib/beta.bin │ one", "lib/beta.bin │ two [bold]"]
    assert history(TextWritten(1.0, None, 0, "", "stderr", "of the program")) == ["of the program"]
    assert history(TextWritten(1.0, None, 0, "watcher", "log", "stray")) == ["watcher │ stray"]
    assert history(TextWritten(1.0, None, 0, "Thread-7 (_callback)", "log", "stray")) == [
        "stray"
    ]  # nobody has named it
    assert history(TextWritten(1.0, None, 0, "", "mainstage", "a word")) == ["mainstage: a word"]
    assert history(TaskEnded(1.0, 2, 1, 0), written)[0] == "w2 │ one"


def test_a_line_that_begins_with_the_name_of_its_task_has_it_once() -> None:
    written = TextWritten(1.0, 2, 1, "w2", "stdout", "\x1b[1mlib/beta.bin\x1b[0m: half\nlib/beta")
    assert history(written) == ["\x1b[1mlib/beta.bin\x1b[0m: half", "lib/beta.bin │ lib/beta"]


def test_what_bare_threads_write_is_named_only_beside_several_tasks() -> None:
    stray = TextWritten(1.0, None, 0, "watcher", "stdout", "stray")
    one = TaskStarted(0.1, 1, 1, "w1", "the only one")
    assert history(stray, before=[BEGUN]) == ["stray"]
    assert history(stray, before=[BEGUN, one]) == ["stray"]
    assert history(stray, before=[BEGUN, one, one._replace(task=2)]) == ["watcher │ stray"]


def test_names_before_lines_can_be_switched_off() -> None:
    view = BarsView(Palette("none"), Glyphs(prefix=False))
    assert history(TextWritten(1.0, 2, 1, "w2", "stdout", "one"), view=view) == ["one"]
    assert history(TextWritten(1.0, None, 0, "Thread-7", "log", "stray"), view=view) == ["stray"]
    assert history(TextWritten(1.0, None, 0, "", "mainstage", "a word"), view=view) == ["mainstage: a word"]


def test_a_long_line_stays_whole() -> None:
    assert history(TextWritten(1.0, None, 0, "", "stdout", "x" * 500)) == ["x" * 500]


def test_the_only_task_needs_no_name_before_its_text() -> None:
    state = after(BEGUN, *crowd(1))
    assert plain_bars().history_lines(TextWritten(1.0, 1, 1, "w", "stdout", "hi"), state, moment(1.0)) == ["hi"]


def test_successes_are_silent() -> None:
    assert history(TaskEnded(1.0, 2, 1, 0), TaskChanged(1.0, 1, 1, status="x"), RunEnded(2.0)) == []


# --- time ---


def test_a_change_is_drawn_after_a_tenth_of_a_second_but_not_in_the_first_half() -> None:
    state = after(BEGUN, *crowd(3))
    assert plain_bars().due(state, 2.0, dirty=True) == pytest.approx(2.1)
    assert plain_bars().due(state, 0.0, dirty=True) == pytest.approx(0.5)


def test_a_clock_is_drawn_each_second_and_nothing_when_nothing_is_live() -> None:
    state = after(BEGUN, *crowd(1))
    assert plain_bars().due(state, 2.0, dirty=False) == pytest.approx(3.0)
    after(TaskEnded(2.0, 1, 1, 10), state=state)
    assert plain_bars().due(state, 2.0, dirty=False) is None
    assert plain_bars().due(state, 2.0, dirty=True) == pytest.approx(2.1)


def test_a_task_too_young_for_a_row_gets_it_in_time() -> None:
    state = after(BEGUN, *crowd(1), TaskStarted(2.0, 2, 1, "w", "young"))
    assert plain_bars().due(state, 2.05, dirty=False) == pytest.approx(2.15)


def test_the_final_picture_is_the_summary() -> None:
    assert picture(after(*end()), 14.0, 80, final=True).endswith("29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)")


def test_a_task_that_is_full_has_no_eta_from_then_on() -> None:
    state = after(RunStarted(0.0, "", NOON), SourceOpened(0.0, 900, 2), TaskStarted(0.0, 1, 1, "w", "a", 100))
    view = plain_bars()
    for second in range(1, 10):
        after(TaskMoved(float(second), 1, 1, second * 10), state=state)
        view.rows(state, moment(float(second)))
    assert "ETA" in view.rows(state, moment(9.0))[0]
    after(TaskMoved(9.1, 1, 1, 100), state=state)
    assert "ETA" not in view.rows(state, moment(9.1))[0]
