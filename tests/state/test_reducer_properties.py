from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.contract.examples import any_event
from tests.state.lives import ERROR, SOURCE, but, contents, interleaved, lives, reduced

from mainstage.events import (
    ErrorReport,
    Event,
    ItemsEnded,
    MetricReported,
    RunEnded,
    SourceClosed,
    TaskCancelled,
    TaskChanged,
    TaskEnded,
    TaskFailed,
    TaskMoved,
    TaskQueued,
    TaskReopened,
    TaskRetried,
    TaskStarted,
)
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

junk = (
    st.none()
    | st.text(max_size=3)
    | st.floats()
    | st.integers()
    | st.lists(st.integers(), max_size=2)
    | st.builds(object)
)


@given(st.data())
def test_any_interleaving_that_keeps_each_tasks_order_ends_in_the_same_state(data: st.DataObject) -> None:
    lines = data.draw(lives())
    straight = reduced([event for line in lines for event in line])
    mixed = reduced(data.draw(interleaved(lines)))
    assert mixed.anomalies.last == straight.anomalies.last == type(straight.anomalies.last)()
    assert mixed.summary() == straight.summary()


@given(st.data())
def test_what_is_added_up_is_what_the_tasks_say(data: st.DataObject) -> None:
    state = reduced(data.draw(interleaved(data.draw(lives()))))
    top = [task for task in state.tasks.values() if task.parent is None]
    nested = [task for task in state.tasks.values() if task.parent is not None]
    for counts, tasks in ((state.counts, top), (state.nested, nested)):
        assert counts.running == sum(not task.waiting for task in tasks)
        assert counts.waiting == sum(task.waiting for task in tasks)
    running = [task for task in top if not task.waiting]
    assert abs(state.progress - sum(task.fraction or 0.0 for task in running)) < 1e-9
    assert abs(state.starts - sum(task.started_at - (state.first_start or 0.0) for task in running)) < 1e-9
    assert sum(state.live_units.values()) == sum(task.completed for task in running)
    in_hand = sum(len(worker.tasks) for worker in state.workers.values())
    assert in_hand == sum(not task.waiting for task in state.tasks.values())
    assert {task.id for below in state.children.values() for task in below.values()} == {task.id for task in nested}
    assert state.counts.queued == len(state.queued)
    assert len(state.failures) == state.counts.failed
    assert sorted(task.id for _, task in state.walk()) == sorted(state.tasks)


@given(st.data())
def test_any_sampling_of_positions_ends_in_the_same_state(data: st.DataObject) -> None:
    events = data.draw(interleaved(data.draw(lives())))
    sampled: list[Event] = []
    running: dict[int, TaskStarted] = {}
    coin = st.booleans()
    for event in events:
        if isinstance(event, TaskMoved) and data.draw(coin):
            continue
        match event:
            case TaskStarted():
                running[event.task] = event
            case TaskEnded() | TaskFailed() | TaskRetried() | TaskCancelled():
                running.pop(event.task, None)
            case ItemsEnded():
                for item in event.items:
                    running.pop(item[0], None)
            case _:
                pass
        sampled.append(event)
        more: bool = data.draw(coin)
        if running and more:
            start = data.draw(st.sampled_from(list(running.values())))
            sampled.append(TaskMoved(event.at, start.task, start.attempt, data.draw(st.integers(0, 12))))
    assert reduced(sampled).summary() == reduced(events).summary()


def of_an_attempt(task: int, attempt: int) -> st.SearchStrategy[Event]:
    """Return any event of one attempt; all its other members are right."""
    return st.sampled_from(
        [
            TaskStarted(5.0, task, attempt, "thread-9", "again"),
            TaskMoved(5.0, task, attempt, 3),
            TaskChanged(5.0, task, attempt, "other", 5, "odd"),
            TaskEnded(5.0, task, attempt, 3),
            TaskFailed(5.0, task, attempt, 3, ERROR),
            TaskRetried(5.0, task, attempt, 3, ERROR, 1.0),
            TaskCancelled(5.0, task, attempt, 3),
            TaskReopened(5.0, task, attempt),
            MetricReported(5.0, task, attempt, "late", 1.0),
        ]
    )


@given(st.data())
def test_a_late_event_of_an_old_attempt_changes_nothing_but_the_count_of_late_ones(data: st.DataObject) -> None:
    state = RunState()
    begun: dict[int, int] = {}
    for event in data.draw(interleaved(data.draw(lives()))):
        reduce(state, event)
        if isinstance(event, TaskStarted):
            begun[event.task] = event.attempt
        old = [(task, attempt) for task, last in begun.items() for attempt in range(1, last)]
        if old:
            before, late = but(state, "stale"), state.stale
            reduce(state, data.draw(of_an_attempt(*data.draw(st.sampled_from(old)))))
            assert (but(state, "stale"), state.stale) == (before, late + 1)


def impossible_after(state: RunState) -> list[Event]:
    """Return events that cannot follow."""
    bad = float("nan")
    error: Any = ("ValueError", "as bare text")
    events: list[Event] = [
        TaskMoved(5.0, 555, 1, 3),
        TaskEnded(5.0, 555, 1, 3),
        TaskReopened(5.0, 555, 1),
        TaskCancelled(5.0, 555, 0, 0),
        TaskStarted(5.0, 555, 0, "w", "attempts begin at 1"),
        TaskStarted(5.0, 555, 1, "w", "its own parent", parent=555),
        TaskStarted(bad, 555, 1, "w", "no time"),
        TaskStarted(5.0, 555, 1, "w", "no total", total=bad),
        TaskStarted(5.0, 555, 1, "w", "no total", total=-1),
        TaskQueued(bad, 555, "no time"),
        SourceClosed(5.0, 556, 3),
        ItemsEnded(5.0, SOURCE, "w", ((555, bad, 3.0),)),
        ItemsEnded(5.0, SOURCE, "w", ((556, 1.0, 3.0),), -1),
    ]
    for task in state.tasks.values():
        events += [
            TaskStarted(5.0, task.id, task.attempt, "w", "twice"),
            TaskQueued(5.0, task.id, "begun already"),
            TaskMoved(5.0, task.id, task.attempt + 1, 3),
            TaskEnded(5.0, task.id, task.attempt + 1, 3),
        ]
        if not task.waiting:
            events += [
                TaskMoved(5.0, task.id, task.attempt, -3),
                TaskMoved(bad, task.id, task.attempt, 3),
                TaskMoved(5.0, task.id, task.attempt, float("inf")),
                TaskEnded(5.0, task.id, task.attempt, bad),
                TaskFailed(5.0, task.id, task.attempt, 3, error),
                TaskRetried(5.0, task.id, task.attempt, 3, ERROR, -1.0),
                TaskChanged(5.0, task.id, task.attempt, total=bad, description="x", status="y", fields=(("a", 1),)),
            ]
    events += [TaskMoved(5.0, task, 1, 0) for task in state.queued]
    events += [
        ItemsEnded(5.0, SOURCE, "w", ((558, 1.0, 2.0), (t.id, 1.0, 2.0))) for t in state.tasks.values() if t.parent
    ]
    return events


@given(st.data())
def test_an_impossible_event_changes_nothing_but_the_anomalies(data: st.DataObject) -> None:
    state = RunState()
    for event in data.draw(interleaved(data.draw(lives()))):
        reduce(state, event)
        before, count = but(state, "anomalies"), state.anomalies.count
        odd = data.draw(st.sampled_from(impossible_after(state)))
        reduce(state, odd)
        assert (but(state, "anomalies"), state.anomalies.count) == (before, count + 1), odd
        assert state.anomalies.last[-1].startswith(type(odd).__name__)


@given(st.lists(any_event, max_size=30))
def test_events_of_any_content_never_raise(events: list[Event]) -> None:
    state = reduced(events)
    assert "malformed" not in " ".join(state.anomalies.last), state.anomalies.last
    state.summary()
    list(state.walk())
    assert min(state.eta(1e6) or (0.0,)) >= 0.0
    assert 0.0 <= (state.fraction or 0.0) <= 1.0


@given(st.data())
def test_members_of_any_type_never_raise_and_change_all_or_nothing(data: st.DataObject) -> None:
    state = RunState()
    for event in data.draw(interleaved(data.draw(lives()))):
        name = data.draw(st.sampled_from(event._fields))
        odd: Any = event._replace(**{name: data.draw(junk)})  # type: ignore[arg-type]  # that is what is tested
        before, count = but(state, "anomalies"), state.anomalies.count
        reduce(state, odd)
        if state.anomalies.count > count:
            assert but(state, "anomalies") == before, odd
        state.summary()


@given(junk)
def test_what_is_no_event_is_an_anomaly(thing: Any) -> None:
    state = reduced([thing])
    assert state.anomalies.count == 1
    assert list(state.anomalies.last) == [f"{type(thing).__name__} is no event"]


@given(st.data())
def test_the_same_events_give_the_same_state_to_the_last_bit(data: st.DataObject) -> None:
    events = [*data.draw(interleaved(data.draw(lives()))), RunEnded(200.0)]
    assert contents(reduced(events)) == contents(reduced(events))
    assert isinstance(ERROR, ErrorReport)
