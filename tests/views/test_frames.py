"""Whole pictures, as they stand on a terminal without colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.views.runs import BAD_ROW, NOON, after, end, first, middle, moment, picture, plain_bars

from mainstage.events import RunStarted, SourceOpened, TaskChanged, TaskEnded, TaskFailed, TaskMoved, TaskStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.ui.state.run import RunState

FIRST_20 = """\
▸ lib/a…ha.bin   0%
▸ lib/beta.bin   0%
⠦ odd […前␛[2J
▸ gamma          0%
▸ hashing  0%  0/30
"""
FIRST_40 = """\
▸ lib/alpha.bin      0%  0.0/1.0 MB
▸ lib/beta.bin       0%  0.0/2.0 MB
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0%       0/100
▸ hashing            0%        0/30
"""
FIRST_80 = """\
▸ lib/alpha.bin      0% ────────────────────────────────  0.0/1.0 MB      0.5 s
▸ lib/beta.bin       0% ────────────────────────────────  0.0/2.0 MB      0.5 s
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0% ────────────────────────────────       0/100      0.5 s
▸ hashing            0% ────────────────────────────────        0/30      0.6 s
"""
FIRST_200 = """\
▸ lib/alpha.bin      0% ────────────────────────────────────────  0.0/1.0 MB      0.5 s
▸ lib/beta.bin       0% ────────────────────────────────────────  0.0/2.0 MB      0.5 s
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0% ────────────────────────────────────────       0/100      0.5 s
▸ hashing            0% ────────────────────────────────────────        0/30      0.6 s
"""
MIDDLE_20 = """\
▸ lib/a…ha.bin  79%
▸   verify      48%
▸ lib/beta.bin  49%
▸ odd […前␛[2J
▸ hashing  3%  1/30
"""
MIDDLE_40 = """\
▸ lib/alpha.bin     79%  0.8/1.0 MB
▸   verify          48%       24/50
▸ lib/beta.bin      49%  1.0/2.0 MB
▸ odd [/]名前␛[2J          693 rows
▸ hashing  3%  1/30  ✗ 1 failed
"""
MIDDLE_80 = """\
▸ lib/alpha.bin    79% ━━━━━━──  0.8/1.0 MB   ETA 0:03    80.0 kB/s
▸   verify         48% ━━━╸────       24/50   ETA 0:11        2.6/s
▸ lib/beta.bin     49% ━━━╸────  1.0/2.0 MB   ETA 0:11  reading the tail
▸ odd [/]名前␛[2J      ────━━──    693 rows        9 s  70.0 rows/s
▸ hashing           3% ────────        1/30  ETA ~2:30   177.4 kB/s  ✗ 1 failed
"""
MIDDLE_200 = """\
▸ lib/alpha.bin     79% ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸────────  0.8/1.0 MB   ETA 0:03    80.0 kB/s
▸   verify          48% ━━━━━━━━━━━━━━━━━━━─────────────────────       24/50   ETA 0:11        2.6/s
▸ lib/beta.bin      49% ━━━━━━━━━━━━━━━━━━━╸────────────────────  1.0/2.0 MB   ETA 0:11   100.0 kB/s  reading the tail
▸ odd [/]名前␛[2J       ────────────────────━━━━━━━━━━──────────    693 rows        9 s  70.0 rows/s
▸ hashing            3% ━───────────────────────────────────────        1/30  ETA ~2:30   177.4 kB/s  ✗ 1 failed  1.8 MB  10 s
"""  # noqa: E501  # a picture
FINAL_20 = """\
✗ hashing: 29 done…
"""
FINAL_40 = """\
✗ hashing: 29 done, 1 failed in 14.0 s
"""
FINAL_80 = """\
  slowest (others took 2 s): odd [/]名前␛[2J 11.9 s, lib/beta.bin 11.9 …
✗ hashing: 29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)
"""
FINAL_200 = """\
  slowest (others took 2 s): odd [/]名前␛[2J 11.9 s, lib/beta.bin 11.9 …
✗ hashing: 29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)
"""


@pytest.mark.parametrize(("columns", "expected"), [(20, FIRST_20), (40, FIRST_40), (80, FIRST_80), (200, FIRST_200)])
def test_the_first_picture(columns: int, expected: str) -> None:
    assert picture(after(*first()), 0.6, columns) + "\n" == expected


@pytest.mark.parametrize(
    ("columns", "expected"), [(20, MIDDLE_20), (40, MIDDLE_40), (80, MIDDLE_80), (200, MIDDLE_200)]
)
def test_a_picture_in_the_middle(columns: int, expected: str) -> None:
    assert picture(after(*middle()), 10.0, columns) + "\n" == expected


@pytest.mark.parametrize(("columns", "expected"), [(20, FINAL_20), (40, FINAL_40), (80, FINAL_80), (200, FINAL_200)])
def test_the_final_picture(columns: int, expected: str) -> None:
    assert picture(after(*end()), 14.0, columns, final=True) + "\n" == expected


# --- work that reports nothing ---


def fetching(names: Sequence[str], total: int | None = 30, ended: int = 0) -> RunState:
    """Return a run of `names`, none of which reports anything, after `ended` tasks of half a second."""
    state = after(RunStarted(0.0, "", NOON), SourceOpened(0.0, 900, total))
    for task in range(100, 100 + ended):
        after(TaskStarted(0.0, task, 1, "w", "before"), TaskEnded(0.5, task, 1, 0), state=state)
    return after(*(TaskStarted(1.0, n, 1, "w", name) for n, name in enumerate(names, 1)), state=state)


def test_work_that_reports_nothing_has_a_spinner_a_name_and_an_age_and_no_bar() -> None:
    state = fetching(["fetch(3)", "fetch(4)"], ended=14)
    after(TaskChanged(1.5, 2, 1, status="reading the head"), state=state)
    lines = picture(state, 3.0).split("\n")
    assert lines[:2] == ["⠋ fetch(3)  2 s", "⠋ fetch(4)  2 s  reading the head"]
    assert lines[2].startswith("▸ total     46% ━━━━━━━")
    assert "  14/30   ETA " in lines[2]
    assert len(lines) == 3


def test_spinners_move_with_pictures_that_are_drawn_anyway_and_ages_once_a_second() -> None:
    state, view = fetching(["fetch(3)", "fetch(4)"]), plain_bars()
    shown = [view.rows(state, moment(now)._replace(moved=set()))[0] for now in (1.6, 1.7, 1.9, 2.0, 2.9, 3.0)]
    assert [line[0] for line in shown] == ["⠦", "⠧", "⠏", "⠋", "⠏", "⠋"]
    assert [line[-5:] for line in shown] == ["0.6 s", "0.6 s", "0.6 s", "  1 s", "  1 s", "  2 s"]
    assert view.due(state, 2.0, dirty=False) == 3.0


def test_work_that_begins_to_report_gets_its_bar() -> None:
    state, view = fetching(["fetch(3)", "fetch(4)"]), plain_bars()
    assert "━" not in view.rows(state, moment(2.0))[0]
    after(TaskMoved(2.1, 1, 1, 7), state=state)
    first, second, _ = view.rows(state, moment(2.2)._replace(moved={1}))
    assert "━" in first
    assert first[0] == "▸"
    assert second == "⠹ fetch(4)  1 s"


def test_a_quiet_picture_has_no_sign_that_ascii_lacks() -> None:
    lines = plain_bars(unicode=False).rows(fetching(["fetch(3)", "fetch(4)"], ended=14), moment(3.0))
    assert lines[0] == "- fetch(3)  2 s"
    assert all(line.isascii() for line in lines)


def test_quiet_work_in_a_small_terminal() -> None:
    lines = plain_bars().rows(fetching([f"fetch({n})" for n in range(9)]), moment(3.0, 20, 5))
    assert lines == ["⠋ fetch(0)  2 s", "  + 8 more", "▸ total  0%  0/30"]


# --- the row of the run ---


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_row_of_the_run_has_bar_count_eta_and_rate_and_stands_below_the_columns(columns: int) -> None:
    state = fetching(["a-rather-long-name-of-a-file.csv"], 50_724, ended=16_588)
    after(
        TaskFailed(2.0, 1, 1, 0, BAD_ROW), TaskStarted(2.0, 2, 1, "w", "the-next-long-name.csv", 900, "B"), state=state
    )
    after(*(TaskMoved(2.0 + n / 10, 2, 1, 50 * n) for n in range(10)), state=state)
    first, last = plain_bars().rows(state, moment(3.0, columns))
    for sign in ("━", "16,589/50,724", "ETA ", "/s", "✗ 1 failed"):
        assert sign in last
    assert first.index("%") == last.index("%")
    assert first.index("ETA") == last.index("ETA")


def test_percentage_bar_and_count_of_the_run_are_one_measure() -> None:
    state = fetching([], 14, ended=2)
    for task in range(1, 5):
        after(TaskStarted(1.0, task, 1, "w", f"file {task}", 10.0), TaskMoved(2.0, task, 1, 9), state=state)
    last = plain_bars().rows(state, moment(3.0))[-1]
    assert " 14% " in last
    assert " 2/14 " in last


# --- names ---


def test_names_that_are_too_long_lose_their_common_beginning() -> None:
    names = [f"/var/lib/data/project-of-the-year/run-{n:02}/final-with-a-long-name.csv" for n in range(3)]
    lines = plain_bars().rows(fetching(names), moment(3.0))
    assert [line[2:10] for line in lines[:3]] == ["…00/fina", "…01/fina", "…02/fina"]
    assert len({line[2:30] for line in lines[:3]}) == 3


def test_names_that_differ_in_the_middle_alone_keep_it() -> None:
    names = [f"a-long-beginning-of-all-of-them/{word}/and-an-end-that-is-as-long-as-that.csv" for word in "abc"]
    for columns in (60, 80, 100):
        lines = plain_bars().rows(fetching(names), moment(3.0, columns))
        assert [word for line, word in zip(lines, "abc", strict=False) if f"…{word}/" in line] == list("abc")


@pytest.mark.parametrize("columns", [50, 60, 71])
def test_a_short_name_is_worth_more_than_a_bar(columns: int) -> None:
    names = ["a port of tqdm", "a port of Rich", "a rewrite of tqdm"]
    lines = plain_bars().rows(fetching(names), moment(3.0, columns))
    assert [line[2:20].strip() for line in lines[:3]] == names


def test_names_that_fit_stay_whole() -> None:
    lines = plain_bars().rows(fetching(["/var/lib/a", "/var/lib/b"]), moment(3.0))
    assert [line.split()[1] for line in lines[:2]] == ["/var/lib/a", "/var/lib/b"]
