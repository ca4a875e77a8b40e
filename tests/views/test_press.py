"""Keys, one by one: what is chosen after each, and what is to be done."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.views.runs import BAD_ROW, NOON, after

from mainstage.core.commands import Cancel, Hold
from mainstage.events import RunStarted, TaskEnded, TaskFailed, TaskStarted
from mainstage.ui.state.run import RunState
from mainstage.ui.views.keymap import HELP, Quit, Repaint, ShowLayout, handle_key
from mainstage.ui.views.selection import Selection, listing, number_of

NAMES = ["alpha", "beta", "Gamma", "delta"]


def a_run() -> RunState:
    """Four tasks that run, 1 to 4, the child 5 of the second one; 11 and 12 have failed."""
    state = after(RunStarted(0.0, "job", NOON))
    for number, name in enumerate(NAMES, 1):
        after(TaskStarted(0.1, number, 1, "w", name, 10.0), state=state)
    after(TaskStarted(0.2, 5, 1, "w", "part of beta", parent=2), state=state)
    for number in (11, 12):
        after(TaskStarted(0.2, number, 1, "w", f"broken {number}"), state=state)
        after(TaskFailed(0.3, number, 1, 0, BAD_ROW), state=state)
    return state


ORDER = [1, 2, 5, 3, 4, 12, 11]


def typed(keys: str, browse: Selection | None = None, *, page: int = 3, state: RunState | None = None) -> Selection:
    """Return what is chosen after `keys`, names of keys with blanks between; "_" is the space bar."""
    browse = browse or Selection()
    for key in keys.split():
        browse, _ = handle_key(browse, " " if key == "_" else key, state or a_run(), page)
    return browse


def done(keys: str) -> object:
    """Return what is to be done after the last of `keys`."""
    *before, last = keys.split()
    return handle_key(typed(" ".join(before)), last, a_run(), 3)[1]


# --- the list ---


def test_live_tasks_come_first_nested_ones_below_their_parent_then_failures_the_last_one_first() -> None:
    assert [number_of(one) for _, one in listing(a_run(), Selection())] == ORDER


@pytest.mark.parametrize(
    ("keys", "top"),
    [
        ("down", 1),
        ("j", 1),
        ("down down up", 1),
        ("j j k", 1),
        ("up", 0),
        ("pgdn", 3),
        ("pgdn pgdn pgdn", 4),
        ("pgdn pgup", 0),
        ("end", 4),
        ("end home", 0),
        ("end down", 4),
    ],
)
def test_without_a_selection_the_list_is_scrolled_within_its_bounds(keys: str, top: int) -> None:
    assert typed(keys) == Selection(top=top)


@pytest.mark.parametrize(
    ("keys", "selected", "top"),
    [
        ("tab", 1, 0),
        ("tab tab", 2, 0),
        ("tab tab tab tab", 3, 1),
        ("tab tab backtab", 1, 0),
        ("tab backtab", 11, 4),
        ("backtab", 11, 4),
        ("backtab tab", 1, 0),
        ("tab down", 2, 0),
        ("tab j j k", 2, 0),
        ("tab up", 1, 0),
        ("tab end", 11, 4),
        ("tab end down", 11, 4),
        ("tab end home", 1, 0),
        ("tab pgdn", 3, 1),
        ("tab pgdn pgup", 1, 0),
        ("down down tab", 5, 2),
    ],
)
def test_a_selection_is_moved_and_the_list_with_it(keys: str, selected: int, top: int) -> None:
    assert typed(keys) == Selection(top=top, selected=selected)


@pytest.mark.parametrize(
    ("keys", "selected"), [("down", 1), ("up", 1), ("pgdn", 1), ("home", 1), ("end", 11), ("j j", 2)]
)
def test_where_nothing_is_to_be_scrolled_the_first_one_is_selected(keys: str, selected: int) -> None:
    assert typed(keys, page=7) == Selection(selected=selected)


def test_after_the_selected_task_has_ended_the_first_that_is_seen_is_selected() -> None:
    chosen = typed("tab tab")
    state = after(TaskEnded(1.0, 5, 1, 1), TaskEnded(1.0, 2, 1, 10), state=a_run())
    assert typed("down", chosen, state=state).selected == 1


def test_with_no_task_at_all_there_is_nothing_to_move() -> None:
    assert typed("down tab end enter x", Selection(top=4, selected=9), state=RunState()) == Selection()


def test_escape_first_lets_go_of_the_selection_then_of_all_else_but_what_is_held() -> None:
    chosen = Selection(top=2, filter="a", selected=2, unfolded=frozenset({12}), held=True)
    once = typed("esc", chosen)
    assert once == chosen._replace(selected=None)
    assert typed("esc", once) == Selection(held=True)


# --- tracebacks ---


@pytest.mark.parametrize("key", ["enter", "_"])
def test_the_traceback_of_the_selected_failure_is_opened_and_folded(key: str) -> None:
    opened = typed(f"backtab {key}")
    assert opened == Selection(top=4, selected=11, unfolded=frozenset({11}))
    assert typed(key, opened).unfolded == frozenset()
    assert typed(f"backtab {key} up {key}").unfolded == {11, 12}


def test_with_nothing_selected_it_is_that_of_the_last_failure() -> None:
    assert typed("enter") == Selection(selected=12, unfolded=frozenset({12}))
    assert typed("enter", Selection(selected=99)).unfolded == {12}  # it has ended
    assert typed("enter", state=RunState()) == Selection()


def test_a_task_that_runs_has_none() -> None:
    assert typed("tab enter") == Selection(selected=1)


# --- the filter ---


def test_a_filter_is_applied_as_it_is_typed_and_kept_by_enter() -> None:
    assert typed("/ g A") == Selection(filter="gA", prompt="gA")
    assert typed("/ g a enter") == Selection(filter="ga")
    assert [one.description for _, one in listing(a_run(), typed("/ g a enter"))] == ["Gamma"]
    assert [number_of(one) for _, one in listing(a_run(), typed("/ b r o k"))] == [12, 11]


def test_letters_are_text_while_a_filter_is_typed() -> None:
    browse = Selection()
    for key in ["/", "q", "p", "x", "?", " ", "ü", "1"]:
        browse, action = handle_key(browse, key, a_run())
        assert action is None
    assert browse.prompt == "qpx? ü1"


def test_a_filter_is_corrected_emptied_taken_up_again_and_given_up() -> None:
    assert typed("/ a b backspace").prompt == "a"
    assert typed("/ backspace backspace").prompt == ""
    assert typed("/ a b ctrl-u").prompt == ""
    assert typed("/ a b enter /").prompt == "ab"
    assert typed("/ a b esc") == Selection()


def test_the_list_is_scrolled_while_a_filter_is_typed_and_other_names_of_keys_are_no_text() -> None:
    assert typed("/ a end f5 left delete").top == 2
    assert typed("/ a end f5 left delete").prompt == "a"


# --- cancelling ---


def test_to_cancel_takes_a_selection_a_question_and_a_yes() -> None:
    assert typed("tab tab x") == Selection(selected=2, asked=2)
    for yes in ("y", "Y", "x"):
        assert done(f"tab tab x {yes}") == Cancel(2, "cancelled by a key")
    assert typed("tab tab x y").asked is None


@pytest.mark.parametrize("key", ["n", "enter", "esc", "q", "down", "_"])
def test_anything_but_a_yes_is_a_no(key: str) -> None:
    browse, action = handle_key(typed("tab tab x"), key, a_run(), 3)
    assert (browse, action) == (Selection(selected=2), None)


def test_a_nested_task_is_cancelled_with_the_one_it_is_part_of() -> None:
    assert done("tab tab tab x y") == Cancel(2, "cancelled by a key")


@pytest.mark.parametrize("keys", ["x", "backtab x"])
def test_what_does_not_run_is_not_asked_about(keys: str) -> None:
    assert typed(keys).asked is None


def test_a_task_that_ended_before_the_answer_is_not_cancelled() -> None:
    state = after(TaskEnded(1.0, 1, 1, 10), state=a_run())
    assert handle_key(Selection(selected=1, asked=1), "y", state) == (Selection(selected=1), None)


# --- the rest ---


def test_work_is_held_and_released_by_the_same_key() -> None:
    assert handle_key(Selection(), "p", a_run()) == (Selection(held=True), Hold(on=True))
    assert handle_key(Selection(held=True), "p", a_run()) == (Selection(), Hold(on=False))


@pytest.mark.parametrize(
    ("key", "action"), [("q", Quit()), ("l", ShowLayout()), ("1", ShowLayout(1)), ("5", ShowLayout(5))]
)
def test_what_others_do_changes_nothing_that_is_chosen(key: str, action: object) -> None:
    chosen = typed("tab down")
    assert handle_key(chosen, key, a_run()) == (chosen, action)


@pytest.mark.parametrize("before", ["", "?", "/ a", "tab x", "tab"])
def test_a_repaint_can_always_be_had(before: str) -> None:
    chosen = typed(before)
    assert handle_key(chosen, "ctrl-l", a_run()) == (chosen, Repaint())


def test_the_list_of_keys_is_opened_scrolled_and_closed() -> None:
    assert typed("?") == Selection(help=True)
    assert typed("? down j pgdn").help_top == 5
    assert typed("? down up up").help_top == 0
    for key in ("?", "q", "esc", "enter", "_"):
        assert typed(f"? down {key}") == Selection()


def test_behind_the_list_of_keys_nothing_is_done() -> None:
    for key in ("p", "x", "l", "1", "/"):
        assert handle_key(Selection(help=True), key, a_run()) == (Selection(help=True), None)
    assert handle_key(Selection(help=True), "q", a_run())[1] is None


def test_a_key_that_means_nothing_changes_nothing() -> None:
    chosen = typed("tab")
    for key in ("f5", "z", "0", "alt-x", "ctrl-d", "ü", "left"):
        assert handle_key(chosen, key, a_run()) == (chosen, None)


KEYS = [
    "up",
    "down",
    "tab",
    "backtab",
    "pgup",
    "pgdn",
    "home",
    "end",
    "enter",
    "esc",
    "x",
    "y",
    "p",
    "/",
    "a",
    "?",
    "l",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(KEYS), max_size=25), st.integers(1, 20))
def test_whatever_is_pressed_what_is_chosen_is_in_the_list(keys: list[str], page: int) -> None:
    state, browse = a_run(), Selection()
    holds = 0
    for key in keys:
        browse, action = handle_key(browse, key, state, page)
        holds += isinstance(action, Hold)
        assert 0 <= browse.top < len(ORDER)
        assert browse.unfolded <= {11, 12}
        assert browse.selected is None or browse.selected in ORDER
        assert browse.asked is None or browse.asked in (1, 2, 3, 4)
    assert browse.held is (holds % 2 == 1)


def test_every_key_of_the_list_does_what_it_says() -> None:
    said = " ".join(keys for keys, _ in HELP).lower()
    for key in (
        "up",
        "down",
        "j",
        "k",
        "pgup",
        "pgdn",
        "home",
        "end",
        "tab",
        "enter",
        "space",
        "/",
        "esc",
        "l",
        "1..9",
    ):
        assert key in said.split()
    for key in ("p", "x", "ctrl-l", "q", "?"):
        assert key in said.split()
