from __future__ import annotations

import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.examples import ONE_OF_EACH

from mainstage import errors, events
from mainstage.events import EVENTS, SCHEMA, Event

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = [
    "RunStarted",
    "RunEnded",
    "StopRequested",
    "SourceOpened",
    "SourceClosed",
    "TaskQueued",
    "TaskStarted",
    "TaskMoved",
    "TaskChanged",
    "TaskEnded",
    "TaskFailed",
    "TaskRetried",
    "TaskCancelled",
    "TaskReopened",
    "TextWritten",
    "MetricReported",
    "ItemsEnded",
    "KeyPressed",
    "TaskStuck",
    "PartsEnded",
    "SourceForeseen",
    "SourceResumed",
    "CallFailed",
]


def test_the_order_of_the_events_is_their_tag_on_the_wire_and_only_grows() -> None:
    assert [kind.__name__ for kind in EVENTS] == ORDER, f"append to EVENTS; anything else needs a schema after {SCHEMA}"


def test_every_class_in_the_past_tense_is_a_member_of_the_union() -> None:
    facts = {name for name, kind in vars(events).items() if hasattr(kind, "_fields") and "at" in kind._fields}
    assert facts == set(ORDER)


def test_the_examples_are_one_of_each() -> None:
    assert [type(event) for event in ONE_OF_EACH] == list(EVENTS)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_begins_with_its_time_and_does_not_change(event: Event) -> None:
    assert type(event)._fields[0] == "at"
    with pytest.raises(AttributeError):
        event.at = 5.0  # type: ignore[misc]  # that is what is tested
    with pytest.raises(AttributeError):
        event.note = "x"  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize(
    "event", [one for one in ONE_OF_EACH if "attempt" in one._fields], ids=lambda one: type(one).__name__
)
def test_what_concerns_an_attempt_says_of_which_task(event: Event) -> None:
    assert event._fields[1:3] == ("task", "attempt")


def test_the_contract_loads_nothing_heavy() -> None:
    code = "import sys, mainstage.events, mainstage.core.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"msgspec", "rich", "dataclasses", "inspect", "json", "mainstage.ui.state"} & set(loaded)


def test_an_exception_is_described_with_its_traceback() -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, int]()["row 5"]
    report = errors.describe_error(caught.value)
    assert report[:2] == ("KeyError", "'row 5'")
    assert report.traceback.splitlines()[0] == "Traceback (most recent call last):"
    assert report.traceback.endswith("KeyError: 'row 5'")


def test_an_exception_whose_str_raises_is_described_all_the_same() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise OSError("no words")

    report = errors.describe_error(Odd())
    assert report.text == "<str() of it raised OSError>"
    assert "Odd" in report.type


class Mute(ValueError):
    def __str__(self) -> str:
        raise OSError("no words")


def suppressed() -> Exception:
    error = ValueError("from None")
    error.__context__ = KeyError("hidden")
    error.__suppress_context__ = True
    return error


def noted(*notes: Any) -> Exception:
    error = ValueError("with notes")
    error.__notes__ = list(notes)
    return error


def caused() -> Exception:
    error = ValueError("because")
    error.__cause__ = KeyError("of this")
    return error


def in_a_context() -> Exception:
    error = ValueError("while")
    error.__context__ = KeyError("this was handled")
    return error


def go_down(depth: int, error: BaseException) -> None:
    if depth:
        go_down(depth - 1, error)
    raise error


@pytest.mark.parametrize("depth", [0, 3, errors.DEEPEST + 5])
@pytest.mark.parametrize(
    "make",
    [
        lambda: ValueError(7),
        ValueError,
        lambda: ValueError("two\nlines\n"),
        Mute,
        errors.WorkerLost,
        lambda: noted("one", "two\nlines", ""),
        lambda: noted("one", 2),
        suppressed,
        caused,
        in_a_context,
        lambda: ExceptionGroup("some", [ValueError(1), KeyError(2)]),
        lambda: AttributeError("no", name="appendd", obj=[]),
        lambda: SyntaxError("bad", ("job.py", 3, 1, "x = (", 3, 2)),
        KeyboardInterrupt,
    ],
)
def test_what_fails_again_at_one_place_is_told_in_pythons_own_words(
    make: Callable[[], BaseException], depth: int
) -> None:
    for _ in range(3):
        with pytest.raises(BaseException) as caught:
            go_down(depth, make())
        printed = "".join(traceback.format_exception(caught.value)).rstrip("\n")
        assert errors.describe_error(caught.value).traceback == printed


def test_failures_at_two_places_of_one_line_are_told_apart() -> None:
    zero, told = 0, []
    for first in (True, False):
        with pytest.raises(ZeroDivisionError) as caught:
            _ = (1 / zero if first else 1) + 2 / zero
        told.append(errors.describe_error(caught.value).traceback)
        assert told[-1] == "".join(traceback.format_exception(caught.value)).rstrip("\n")
    assert told[0] != told[1]


def test_failures_in_two_functions_of_one_line_are_told_apart() -> None:
    zero, told = 0, []
    jobs: list[Callable[[], float]] = [lambda: 1 / zero, lambda: 22 / zero]
    for fail in jobs:
        with pytest.raises(ZeroDivisionError) as caught:
            fail()
        told.append(errors.describe_error(caught.value).traceback)
        assert told[-1] == "".join(traceback.format_exception(caught.value)).rstrip("\n")
    assert told[0] != told[1]


def test_so_many_stacks_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_stacks", {})
    for number in range(errors.MOST_STACKS + 5):
        with pytest.raises(ValueError, match="here") as caught:
            exec(compile("raise ValueError('here')", f"job{number}.py", "exec"))
        errors.describe_error(caught.value)
        assert f'"job{number}.py"' in errors.describe_error(caught.value).traceback
    assert len(errors._stacks) == 5


def test_a_note_is_added_once() -> None:
    error = ValueError()
    errors.add_note(error, "in task 'a'")
    errors.add_note(error, "in task 'a'")
    assert error.__notes__ == ["in task 'a'"]


def test_an_exception_that_takes_no_note_stays_as_it_is() -> None:
    class Frozen(Exception):
        def add_note(self, note: str, /) -> None:
            raise AttributeError(note)

    errors.add_note(Frozen(), "in task 'a'")


def test_terminated_names_its_signal_and_is_a_keyboard_interrupt() -> None:
    terminated = errors.Terminated("asked to", 1)
    assert isinstance(terminated, KeyboardInterrupt)
    assert terminated.signum == 1
