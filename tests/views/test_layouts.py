"""Every layout: whole pictures at six sizes, and what holds for any run at any size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.views.pictures import DASHBOARD, GOLDEN, NAMES, new_view, page
from tests.views.runs import NOON, after, middle, moment
from tests.views.test_properties import CONTROL, ODD, TIMES, events

from mainstage.errors import DisplayError
from mainstage.events import (
    ErrorReport,
    ItemsEnded,
    RunStarted,
    SourceOpened,
    TaskCancelled,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskQueued,
    TaskRetried,
    TaskStarted,
    TaskStuck,
    TextWritten,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.layouts import LAYOUTS, factory
from mainstage.ui.views.palette import Glyphs, Palette
from mainstage.ui.views.selection import Selection
from mainstage.ui.views.text import width

if TYPE_CHECKING:
    from mainstage.events import Event
    from mainstage.ui.views.layouts import Layout

BEGUN = RunStarted(0.0, "run", NOON)
ERROR = ErrorReport("ValueError", "no [b]", 'Traceback\n  File "a.py", line 3, in f\n    g()\nValueError: no [b]')
MORE = re.compile(r"  \+ ([\d,]+) more")


def rows(layout: str | Layout, state: RunState, now: float, columns: int = 80, height: int = 24) -> list[str]:
    return [line.rstrip() for line in new_view(layout).rows(state, moment(now, columns, height))]


def crowd(n: int, worker: str = "w", at: float = 0.0) -> list[Event]:
    return [TaskStarted(at, task, 1, f"{worker}{task}", f"task {task}", 10.0) for task in range(1, n + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_are_these(name: str) -> None:
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert page(name) == expected, "look at it; python -m tests.views.pictures writes them anew"


@settings(max_examples=60)
@given(
    events(),
    ODD,
    st.sampled_from(list(NAMES)),
    st.integers(1, 120),
    st.integers(1, 40),
    TIMES,
    st.booleans(),
    st.builds(
        Selection,
        st.integers(0, 5),
        st.sampled_from(["", "a", "[/"]),
        st.none() | st.integers(1, 12),
        st.frozensets(st.integers(1, 12)),
    ),
)
def test_rows_fit_and_hold_no_controls_in_every_layout(
    happened: list[Event],
    title: str,
    name: str,
    columns: int,
    height: int,
    now: float,
    unicode: bool,
    browse: Selection,
) -> None:
    state = RunState()
    plain = new_view(NAMES[name], unicode=unicode)
    coloured = factory(NAMES[name])(Palette("truecolor"), Glyphs(unicode=unicode))
    for event in [RunStarted(0.0, title, NOON), *happened]:
        reduce(state, event)
        for line in plain.history_lines(event, state, moment(now, columns, height)):
            assert not CONTROL.search(strip(line))
        coloured.history_lines(event, state, moment(now, columns, height))
    for chosen in (Selection(), browse, Selection()):
        plain.browse = coloured.browse = chosen  # type: ignore[attr-defined]  # every layout has it
        lines = plain.rows(state, moment(now, columns, height))
        assert [strip(line) for line in lines] == [
            strip(line) for line in coloured.rows(state, moment(now, columns, height))
        ]
        assert len(lines) <= max(1, height - 1)
        for line in lines:
            assert width(line) < max(columns, 2)
            assert not CONTROL.search(strip(line))
            assert unicode or strip(line).isascii()
        assert not any(
            "raised" in line for line in plain.history_lines(TaskEnded(now, -1, 1, 0), RunState(), moment(now))
        )


@settings(max_examples=25)
@given(st.integers(1, 400), st.integers(5, 50), st.sampled_from(["bars", "tree", "steps", "lanes"]))
def test_what_is_shown_and_what_is_left_out_add_up(tasks: int, height: int, name: str) -> None:
    state = after(BEGUN, SourceOpened(0.0, 900, tasks), *crowd(tasks))
    lines = rows(name, state, 9.0, 80, height)
    shown = sum("task " in line for line in lines)
    hidden = sum(int(found[1].replace(",", "")) for line in lines if (found := MORE.match(line)))
    assert shown + hidden == tasks


@settings(max_examples=25)
@given(st.lists(st.sampled_from("drfcw"), min_size=1, max_size=300), st.integers(20, 90), st.integers(6, 40))
def test_the_grid_has_a_cell_for_each_task_or_the_worst_of_several(fates: str, columns: int, height: int) -> None:
    state = after(BEGUN, SourceOpened(0.0, 900, len(fates)), *crowd(len(fates)))
    for task, fate in enumerate(fates, 1):
        ends: dict[str, list[Event]] = {
            "r": [],
            "d": [TaskEnded(1.0, task, 1, 0)],
            "f": [TaskFailed(1.0, task, 1, 0, ERROR)],
            "c": [TaskCancelled(1.0, task, 1, 0)],
            "w": [TaskRetried(1.0, task, 1, 0, ERROR, 60.0)],
        }
        after(*ends[fate], state=state)
    lines = [line for line in rows("grid", state, 2.0, columns, height) if line and not set(line) - set("■▸✗⊘↻·")]
    cells = "".join(lines)
    size = -(-len(fates) // len(cells))
    glyph = dict(zip("dcrwf", "■⊘▸↻✗", strict=True))
    blocks = [fates[at : at + size] for at in range(0, len(fates), size)]
    assert cells == "".join(glyph[max(block, key="dcrwf".index)] for block in blocks)


@settings(max_examples=25)
@given(st.lists(st.sampled_from("drfcwqn"), min_size=1, max_size=300), st.booleans())
def test_the_numbers_under_the_grid_add_up(fates: list[str], sized: bool) -> None:
    state = after(BEGUN, *([SourceOpened(0.0, 900, fates.count("n"))] if sized else []))
    for task, fate in enumerate(fates, 1):
        if fate == "n":  # of a source, and not begun
            continue
        if fate == "q" or not sized:
            after(TaskQueued(0.0, task, f"task {task}"), state=state)
        if fate == "q":
            continue
        begun = TaskStarted(0.0, task, 1, "w", f"task {task}")
        ends: dict[str, list[Event]] = {
            "r": [],
            "d": [TaskEnded(1.0, task, 1, 0)],
            "f": [TaskFailed(1.0, task, 1, 0, ERROR)],
            "c": [TaskCancelled(1.0, task, 1, 0)],
            "w": [TaskRetried(1.0, task, 1, 0, ERROR, 60.0)],
        }
        after(begun, *ends[fate], state=state)
    lines = rows("grid", state, 2.0, 200, 40)
    named = {"running": "r", "done": "d", "failed": "f", "to be tried again": "w", "cancelled": "c"}
    told = {word: int(number) for line in lines for number, word in re.findall(r"[■▸✗⊘↻·] (\d+) ([a-z ]*[a-z])", line)}
    to_come = told.pop("to come", 0)
    assert told == {word: fates.count(fate) for word, fate in named.items() if fate in fates}
    cells = "".join(line for line in lines if line and not set(line) - set("■▸✗⊘↻·"))
    assert to_come == cells.count("·")
    assert sum(told.values()) + to_come == len(cells)


# --- lanes ---


def test_a_lane_says_what_its_worker_does_since_when_and_how_busy_it_was() -> None:
    state = after(
        BEGUN,
        SourceOpened(0.0, 900, 9),
        TaskStarted(0.0, 1, 1, "thread-1", "first"),
        TaskStarted(0.0, 2, 1, "thread-2", "second"),
        TaskEnded(5.0, 1, 1, 0),
        TaskStarted(6.0, 3, 1, "thread-1", "third"),
        TaskEnded(8.0, 2, 1, 0),
    )
    assert rows("lanes", state, 10.0, 64, 24)[1:3] == [
        "thread-1  90%    4 s ⠋ third",
        "thread-2  80%    2 s · idle, 1 done",
    ]


def test_the_end_of_a_workers_name_tells_it_apart_where_there_is_little_room() -> None:
    state = after(BEGUN, SourceOpened(0.0, 900, 99), *crowd(12, "thread-"))
    lines = rows("lanes", state, 3.0, 20, 16)
    assert lines[1:3] == ["…d-1 ▸ task 1", "…d-2 ▸ task 2"]
    assert lines[-2:] == ["  + 3 more workers", "▸ run    0%   0/99"]


def test_short_items_that_were_never_shown_count_for_the_time_a_worker_was_busy() -> None:
    items = tuple((task, task * 1.0, task * 1.0 + 0.5) for task in range(4))
    state = after(BEGUN, SourceOpened(0.0, 900, 9), ItemsEnded(4.0, 900, "thread-1", items, 2, 1.0))
    worker = state.workers["thread-1"]
    assert (worker.busy(4.0), worker.done) == (0.75, 6)


def test_busy_lanes_come_before_idle_ones_where_not_all_have_room() -> None:
    state = after(BEGUN, SourceOpened(0.0, 900, 40), *crowd(20), *[TaskEnded(1.0, task, 1, 0) for task in range(1, 11)])
    shown = rows("lanes", state, 2.0, 80, 9)
    assert [line.split()[0] for line in shown[:5]] == ["w11", "w12", "w13", "w14", "w15"]
    assert shown[5] == "  + 15 more workers"


# --- tree ---


def test_the_tree_draws_branches_and_counts_what_has_no_room() -> None:
    nested = [TaskStarted(0.0, 10 + n, 1, "w", f"part {n}", parent=1) for n in range(20)]
    state = after(BEGUN, SourceOpened(0.0, 900, 9), *crowd(2), *nested, TaskStarted(0.0, 40, 1, "w", "leaf", parent=10))
    assert [line[:16].rstrip() for line in rows("tree", state, 2.0, 100, 11)] == [
        "▸ task 1 (+16)",
        "⠋ ├─ part 0",
        "⠋ │  └─ leaf",
        "⠋ ├─ part 1",
        "⠋ ├─ part 2",
        "⠋ └─ part 3",
        "▸ task 2",
        "  + 16 more",
        "▸ run",
    ]


# --- steps ---


def test_a_step_that_ends_well_is_folded_and_one_that_fails_tells_its_whole_output() -> None:
    state, view = after(BEGUN, SourceOpened(0.0, 900, 9), *crowd(3)), new_view("steps")
    said: list[str] = []
    happened: list[Event] = [
        *crowd(3),
        *[TextWritten(1.0, task, 1, "w", "log", f"{task} says {n}") for n in range(20) for task in (1, 2)],
        TextWritten(1.0, None, 0, "main", "stdout", "the program's"),
        TaskEnded(2.0, 1, 1, 0),
        TaskFailed(2.0, 2, 1, 0, ERROR),
        TaskEnded(0.2, 3, 1, 0),
    ]
    for event in happened:
        if not isinstance(event, TaskStarted):
            reduce(state, event)
        said += view.history_lines(event, state, moment(2.0))
    assert said[:2] == ["main │ the program's", "✓ task 1  2.0 s, 20 lines"]
    assert said[2:22] == [f"  │ 2 says {n}" for n in range(20)]
    assert len(said) == 23
    assert said[22].startswith("✗ task 2: ValueError: no [b]")


def test_a_step_past_what_is_held_loses_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainstage.ui.views.steps.HELD", 5)
    state, view = after(BEGUN, SourceOpened(0.0, 900, 9)), new_view("steps")
    said: list[str] = []
    for event in [*crowd(1), *[TextWritten(1.0, 1, 1, "w", "log", f"line {n}") for n in range(12)]]:
        reduce(state, event)
        said += view.history_lines(event, state, moment(2.0))
    assert said == [f"task 1 │ line {n}" for n in range(7)]
    said += view.rows(state, moment(3.0, final=True))
    assert [line for line in said if "line" in line] == [f"task 1 │ line {n}" for n in range(12)]


# --- what every layout says ---


@pytest.mark.parametrize("name", ["bars", "lanes", "tree", "steps"])
def test_a_task_that_is_stuck_or_far_slower_than_the_others_is_marked(name: str) -> None:
    done = [TaskEnded(1.0, task, 1, 10) for task in range(1, 9)]
    state = after(BEGUN, SourceOpened(0.0, 900, 30), *crowd(11), *done, TaskStuck(60.0, 11, 1, 59.0, "a.py:3 in f"))
    shown = "\n".join(rows(name, state, 61.0, 200))
    assert re.search(r"! task 9 .*slow: others take 1 s", shown)
    assert re.search(r"! task 11 .*stuck at a.py:3 in f", shown)
    after(TaskMoved(62.0, 11, 1, 5), state=state)
    assert "stuck" not in "\n".join(rows(name, state, 62.0, 200))


@pytest.mark.parametrize("name", list(NAMES))
def test_what_keys_choose_is_shown(name: str) -> None:
    failed = [TaskFailed(1.0, 3, 1, 0, ERROR)]
    state = after(BEGUN, SourceOpened(0.0, 900, 99), *crowd(40), *failed)
    view = new_view(NAMES[name])
    view.browse = Selection(filter="task 3")  # type: ignore[attr-defined]  # every layout has it
    lines = view.rows(state, moment(2.0))
    assert sum("task 3" in line for line in lines) >= 6
    assert not any("task 4" in line for line in lines)
    view.browse = Selection(selected=3, unfolded=frozenset({3}))  # type: ignore[attr-defined]  # as above
    lines = view.rows(state, moment(2.0, 80, 40))
    assert any(line.startswith("»") and "task 3" in line for line in lines)
    assert any('File "a.py", line 3, in f' in line for line in lines)


def test_a_name_that_is_no_layout_is_told_with_the_names_that_are() -> None:
    with pytest.raises(DisplayError, match="MAINSTAGE_LAYOUT='rows' is no layout; take one of bars, lanes, tree"):
        factory("rows", "MAINSTAGE_LAYOUT=")


@pytest.mark.parametrize("name", list(NAMES))
def test_a_picture_of_what_only_moved_tells_how_far_each_is_as_a_fresh_view_does(name: str) -> None:
    state = after(*middle())
    used, far = new_view(NAMES[name]), re.compile(r"\w+(?: +)(\d+% [━─])")
    live = [task for task in state.tasks.values() if task.total is not None]
    for step in range(1, 12):
        now = 10.0 + step / 10
        task = live[step % len(live)]
        after(TaskMoved(now, task.id, task.attempt, task.completed + 1 + (task.total or 0) / 50), state=state)
        lines = used.rows(state, moment(now)._replace(moved={task.id} if step > 1 else None))
        fresh = new_view(NAMES[name]).rows(state, moment(now))
        assert far.findall("\n".join(lines)) == far.findall("\n".join(fresh))


def test_all_layouts_have_pictures() -> None:
    assert [*LAYOUTS, "dashboard"] == list(NAMES)
    assert DASHBOARD.parts


def survey_of_nodes() -> list[Event]:
    """Three machines of four, two and three workers; every seventh task fails, the last of each worker runs on."""
    happened: list[Event] = []
    task = 0
    for node, workers in (("alpha", 4), ("beta", 2), ("a-node-with-quite-a-long-name", 3)):
        for worker in range(workers):
            for turn in range(3):
                task += 1
                at = task / 10
                happened.append(TaskStarted(at, task, 1, f"{node}/{worker}", f"tile {task}"))
                if turn < 2 or worker == 0:
                    failed = task % 7 == 0
                    happened.append(TaskFailed(at + 1, task, 1, 0, ERROR) if failed else TaskEnded(at + 1, task, 1, 0))
    return [BEGUN, SourceOpened(0.0, 900, 40), *sorted(happened, key=lambda event: event.at)]


def test_nodes_have_a_row_each_with_what_their_workers_did() -> None:
    state = after(*survey_of_nodes())
    assert rows("nodes", state, 5.0, 80)[:-1] == [
        "node                busy used done failed  now",
        "alpha                3/4  81%    8      1  tile 6",
        "beta                 1/2  66%    4      1  tile 18",
        "a-node-with-quite-…  2/3  79%    6      1  tile 24",
    ]
    assert rows("nodes", state, 5.0, 40)[:2] == [
        "node      busy done failed  now",
        "alpha      3/4    8      1  tile 6",
    ]


def test_workers_of_this_program_are_the_node_here_and_an_idle_node_says_so() -> None:
    state = after(BEGUN, SourceOpened(0.0, 900, 9), *crowd(3), *[TaskEnded(1.0, n, 1, 0) for n in range(1, 4)])
    assert rows("nodes", state, 2.0)[1] == "here  0/3  50%    3      0  · idle"


@pytest.mark.parametrize("nodes", [1, 5, 40])
def test_nodes_that_have_no_room_are_counted_and_those_with_failures_are_kept(nodes: int) -> None:
    happened: list[Event] = [TaskStarted(0.0, n, 1, f"node{n}/0", f"task {n}") for n in range(1, nodes + 1)]
    state = after(BEGUN, SourceOpened(0.0, 900, nodes), *happened, TaskFailed(1.0, nodes, 1, 0, ERROR))
    lines = rows("nodes", state, 2.0, 80, 10)
    shown = sum(line.startswith("node") for line in lines) - any(line.startswith("node ") for line in lines)
    hidden = sum(int(found[1]) for line in lines if (found := MORE.match(line)))
    assert shown + hidden == nodes
    assert any(line.startswith(f"node{nodes} ") for line in lines)


def test_more_workers_than_a_picture_may_look_at_are_counted_once_a_second() -> None:
    happened: list[Event] = [TaskStarted(0.0, n, 1, f"big/{n}", f"task {n}") for n in range(1, 1001)]
    state, view = after(BEGUN, SourceOpened(0.0, 900, 1000), *happened), new_view("nodes")
    assert "1,000/1,000" in view.rows(state, moment(1.0))[1]
    after(TaskEnded(1.1, 1, 1, 0), state=state)
    assert "1,000/1,000" in view.rows(state, moment(1.5))[1]
    assert "999/1,000" in view.rows(state, moment(2.5))[1]
