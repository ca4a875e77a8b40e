"""What keys choose, as it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.progress import BarColumn, TextColumn
from tests.views.runs import NOON, TRACEBACK, after, middle, moment, plain_bars
from tests.views.test_press import KEYS

from mainstage.events import ErrorReport, RunStarted, TaskChanged, TaskFailed, TaskStarted
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.interactive import KeyedView
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.selected_rows import height_of, look
from mainstage.ui.views.selection import Selection, number_of
from mainstage.ui.views.text import width

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState


def keyed(*, unicode: bool = True, **options: object) -> KeyedView:
    layouts = {"bars": lambda: plain_bars(unicode=unicode, **options), "again": plain_bars}
    return KeyedView(layouts, "bars", Palette("none"), Glyphs(unicode=unicode))


def crowd(live: int, failed: int = 0) -> RunState:
    state = after(RunStarted(0.0, "job", NOON))
    for number in range(1, live + failed + 1):
        after(TaskStarted(0.1, number, 1, "w", f"task {number}", 10.0), state=state)
    for number in range(live + 1, live + failed + 1):
        after(TaskFailed(0.2, number, 1, 0, ErrorReport("OSError", f"no {number}", TRACEBACK)), state=state)
    return state


def shown(view: KeyedView, keys: str, state: RunState, columns: int = 60, rows: int = 24) -> list[str]:
    """Return the rows after `keys`, each of which found a picture; "_" is the space bar."""
    lines = view.rows(state, moment(11.0, columns, rows))
    for key in keys.split():
        view.handle_key(" " if key == "_" else key, state)
        lines = view.rows(state, moment(11.0, columns, rows))
    return [line.rstrip() for line in lines]


def test_until_a_key_is_pressed_nothing_is_different() -> None:
    assert shown(keyed(), "", after(*middle())) == [
        line.rstrip() for line in plain_bars().rows(after(*middle()), moment(11.0, 60, 24))
    ]


def test_a_selected_task_is_marked_by_a_character_and_failures_stand_below() -> None:
    lines = shown(keyed(), "tab tab", after(*middle()))
    assert [line[:14].rstrip() for line in lines] == [
        "▸ lib/alpha.bi",
        "»   verify",
        "▸ lib/beta.bin",
        "▸ odd [/]名前␛[2",
        "✗ gamma: Value",
        "▸ hashing",
    ]
    assert lines[4] == "✗ gamma: ValueError: bad row (input 'gamma.csv')"


def test_an_open_traceback_stands_below_its_failure() -> None:
    assert shown(keyed(), "enter", after(*middle()))[4:9] == [
        "» gamma: ValueError: bad row (input 'gamma.csv')",
        "    Traceback (most recent call last):",
        '      File "/srv/job.py", line 12, in load',
        "        parse(x)",
        "    ValueError: bad row",
    ]


def test_a_long_traceback_shows_its_end_and_says_how_much_is_before() -> None:
    text = "\n".join(f"line {n}" for n in range(1, 41))
    state = after(TaskFailed(0.2, 1, 1, 0, ErrorReport("OSError", "x", text)), state=crowd(1))
    lines = shown(keyed(), "enter", state, rows=12)
    assert lines[0] == "» task 1: OSError: x"
    assert lines[1] == "    (34 lines before)"
    assert lines[2:8] == [f"    line {n}" for n in range(35, 41)]
    assert len(lines) == 9


def test_a_failure_without_a_traceback_says_so() -> None:
    state = after(TaskFailed(0.2, 1, 1, 0, ErrorReport("OSError", "x")), state=crowd(1))
    assert shown(keyed(), "enter", state)[1] == "    OSError: x (no traceback)"


def test_what_stands_elsewhere_is_counted_above_and_below() -> None:
    lines = shown(keyed(), "pgdn", crowd(100, 2))
    assert lines[0].startswith("▸ task 17 ")
    assert lines[-2] == "  + 16 above, 70 below"
    assert len(lines) == 18
    assert shown(keyed(), "end", crowd(100, 2))[-2] == "  + 86 above"


def test_a_list_that_has_shrunk_below_where_it_was_scrolled_to_shows_its_end() -> None:
    view = keyed()
    view.browse = Selection(top=50)
    assert any("task 3" in line for line in shown(view, "", crowd(3)))


def test_a_filter_shows_what_it_lets_through_and_stays_in_sight() -> None:
    lines = shown(keyed(), "/ 4 2 enter", crowd(100, 2))
    assert [line[:5] for line in lines] == ["▸ tas", "▸ job", "/42"]
    assert lines[0].startswith("▸ task 42 ")


def test_of_a_filter_that_is_longer_than_the_screen_its_end_is_seen() -> None:
    view = keyed()
    view.browse = Selection(prompt="名" * 30 + "end", filter="x")
    line = shown(view, "", crowd(1), columns=20)[-1]
    assert line.endswith("名end_")
    assert width(line) == 18


def test_what_is_asked_and_held_is_said_in_the_last_row() -> None:
    state = after(TaskChanged(0.5, 1, 1, description="na\x1bme"), state=crowd(2))
    assert shown(keyed(), "tab x", state)[-1] == "cancel? y: yes  na␛me"
    assert shown(keyed(), "tab x n p", state)[-1] == "held, p: go on"
    assert shown(keyed(), "/ t enter p", state)[-1] == "held, p: go on  /t"


def test_the_list_of_keys_stands_over_the_tasks_and_the_run_below_it() -> None:
    lines = shown(keyed(), "?", crowd(30))
    assert lines[0] == " up down j k  scroll; move the selection"
    assert lines[-2] == " ?            this list"
    assert lines[-1].startswith("▸ job ")


def test_on_a_small_screen_the_list_of_keys_is_scrolled_to_its_end_and_back() -> None:
    view = keyed()
    assert shown(view, "?", crowd(30), 20, 5)[:2] == ["up down j k:", "+ 29 more: down"]
    assert shown(view, "end", crowd(30), 20, 5)[:2] == [" Ctrl-C", "?: this list"]
    assert shown(view, "up", crowd(30), 20, 5)[0] == "q: stop, as one"
    assert shown(view, "home", crowd(30), 20, 5)[0] == "up down j k:"


def test_another_layout_is_made_once_and_seen_whatever_was_chosen_before() -> None:
    made: list[str] = []

    def make(name: str) -> object:
        made.append(name)
        return plain_bars()

    layouts = {"one": lambda: make("one"), "two": lambda: make("two")}
    view = KeyedView(layouts, "one", Palette("none"), Glyphs())  # type: ignore[arg-type]  # views, all of them
    state = crowd(3)
    for keys, name in [("tab l", "two"), ("/ 2 enter l", "one"), ("p 2", "two"), ("7", "two"), ("1", "one")]:
        assert shown(view, keys, state)[0].startswith("▸ task 1")
        assert view.layout == name
    assert view.browse == Selection(held=True)
    assert shown(view, "tab 7", state)[0].startswith("» task 1"), "there is no such layout: nothing changes"
    assert made == ["one", "two"]


def test_users_columns_stay_and_the_selection_stands_before_them() -> None:
    columns = [TextColumn("{task.description}"), BarColumn(bar_width=6)]
    lines = shown(keyed(columns=columns), "tab", crowd(2))
    assert lines[0].startswith("» task 1")
    assert lines[1].startswith("task 2")


def test_without_unicode_the_selection_is_marked_too() -> None:
    lines = shown(keyed(unicode=False), "tab", crowd(1, 1))
    assert lines[0].startswith("* task 1 ")
    assert lines[1] == "x task 2: OSError: no 2"


def test_the_last_picture_is_the_summary_whatever_was_chosen() -> None:
    view = keyed()
    shown(view, "? down", crowd(2, 1))
    state = crowd(2, 1)
    final = moment(11.0, final=True)
    assert view.rows(state, final) == plain_bars().rows(state, final)


def test_where_there_is_one_row_nothing_has_more() -> None:
    assert len(shown(keyed(), "p ?", crowd(3), rows=1)) == 2  # the last one is seen
    assert len(shown(keyed(), "tab", crowd(3), rows=1)) == 1


# --- whatever is chosen ---


@settings(max_examples=80)
@given(
    st.integers(0, 40),
    st.integers(0, 5),
    st.lists(st.sampled_from(KEYS), max_size=15),
    st.sampled_from([(80, 24), (20, 5), (80, 1), (40, 12), (3, 3), (200, 60)]),
)
def test_rows_fit_the_screen_and_the_selection_is_among_them(
    live: int, failed: int, keys: list[str], size: tuple[int, int]
) -> None:
    state, view = crowd(live, failed), keyed()
    columns, rows = size
    for key in keys:
        view.rows(state, moment(11.0, columns, rows))
        view.handle_key(key, state)
    lines = view.rows(state, moment(11.0, columns, rows))
    assert len(lines) <= max(2, rows - 1)
    assert all(width(strip(line)) <= max(1, columns - 1) for line in lines)
    browse = view.browse
    if browse.selected is not None and not browse.help and columns > 3 and (browse.filter in f"task {browse.selected}"):
        assert sum(line.startswith("»") for line in lines) == 1


@settings(max_examples=80)
@given(st.integers(0, 40), st.integers(0, 5), st.integers(0, 50), st.integers(0, 46), st.integers(1, 20), st.booleans())
def test_what_is_seen_above_and_below_adds_up(
    live: int, failed: int, top: int, selected: int, room: int, unfolded: bool
) -> None:
    state = crowd(live, failed)
    browse = Selection(
        top=top, selected=selected or None, unfolded=frozenset(state.failures) if unfolded else frozenset()
    )
    window = look(state, browse, room)
    assert window.above + len(window.entries) + window.below == live + failed
    assert window.above >= 0
    assert window.below >= 0
    if selected in state.tasks or selected in state.failures:
        assert selected in {number_of(one) for _, one in window.entries}
    heights = [height_of(one, browse) for _, one in window.entries]
    assert sum(heights[:-1]) < room


@pytest.mark.parametrize("rows", [5, 24])
def test_ten_thousand_tasks_are_looked_at_only_as_far_as_is_shown(rows: int) -> None:
    state = crowd(3000)
    looked_at = 0

    class Watched(dict[int, object]):
        def values(self) -> object:  # type: ignore[override]
            nonlocal looked_at
            for task in super().values():
                looked_at += 1
                yield task

    state.tasks = Watched(state.tasks)  # type: ignore[assignment]
    look(state, Selection(top=100), rows)
    assert looked_at < 200
