"""`mainstage.tqdm` as tasks: what its events say, and what subclasses and odd uses come to."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.events import TaskChanged, TaskEnded, TaskStarted
from mainstage.testing import collect_events
from mainstage.tqdm import TqdmKeyError, tqdm, trange
from mainstage.tqdm import std as module
from mainstage.tqdm.auto import tqdm as auto
from mainstage.tqdm.environment import defaults_from

if TYPE_CHECKING:
    from mainstage.events import Event


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take pytest's streams for the program's own."""
    monkeypatch.setattr(module, "is_own_stream", lambda stream: not isinstance(stream, io.StringIO))


def starts(events: list[Event]) -> list[tuple[str, float | None, str, str]]:
    return [(e.description, e.total, e.unit, e.loop) for e in events if isinstance(e, TaskStarted)]


def ends(events: list[Event]) -> list[tuple[float, bool]]:
    return [(e.completed, e.left) for e in events if isinstance(e, TaskEnded)]


def changes(events: list[Event]) -> list[tuple[str | None, float | None, str | None]]:
    return [(e.description, e.total, e.status) for e in events if isinstance(e, TaskChanged)]


def test_a_bar_is_a_task_with_its_name_total_and_unit() -> None:
    with collect_events() as events, tqdm(total=60, desc="Reading: ", unit="B", initial=4) as bar:
        assert bar.n == 4
        bar.update(2)
        bar.update()
        assert (bar.n, bar.total, bar.desc) == (7, 60, "Reading: ")
    assert starts(events) == [("Reading", 60, "B", "line")]
    assert ends(events) == [(7, True)]


def test_a_unit_scale_that_is_a_number_multiplies_what_a_row_says_and_nothing_else() -> None:
    with collect_events() as events:
        with tqdm(total=100, initial=10, unit="kg", unit_scale=0.5, desc="bar") as bar:
            bar.update(20)
            bar.update()
            assert (bar.n, bar.total) == (31, 100)
            bar.n = 40
            bar.refresh()
        assert bar.n == 40
        loop = tqdm(range(7), unit_scale=3)
        assert [loop.n for _ in loop][-1] <= 7
        assert loop.n == 7
        list(tqdm(range(7), unit_scale=True))
    assert [total for _, total, _, _ in starts(events)] == [50, 21, 7]
    assert ends(events) == [(20, True), (21, False), (7, False)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, KeyError])
def test_what_ctrl_c_ends_says_so(error: type[BaseException]) -> None:
    def stop(by: str) -> None:
        bar = tqdm(total=3, desc="bar")
        try:
            if by == "with":
                with bar:
                    raise error
            raise error
        finally:
            bar.close()

    for by in ("with", "finally"):
        with collect_events() as events, pytest.raises(error):
            stop(by)
        told = [e.fields for e in events if isinstance(e, TaskChanged)]
        assert told == ([(("mainstage.interrupted", True),)] if error is KeyboardInterrupt else [])
        assert ends(events) == [(0, True)]


@pytest.mark.parametrize(
    ("unit", "divisor", "shown"), [("it", 1000, ""), ("rows", 1000, "rows"), ("B", 1024, "iB"), ("B", 1000, "B")]
)
def test_units(unit: str, divisor: int, shown: str) -> None:
    with collect_events() as events, tqdm(total=1, unit=unit, unit_divisor=divisor):
        pass
    assert starts(events) == [("tqdm", 1, shown, "line")]


@pytest.mark.parametrize(("leave", "kind"), [(True, "line"), (False, "quiet"), (None, "line")])
def test_leave(leave: bool | None, kind: str) -> None:
    with collect_events() as events:
        list(tqdm("abc", leave=leave))
    assert starts(events) == [("tqdm", 3, "", kind)]


def test_n_is_right_at_every_item_of_a_loop_and_after_it() -> None:
    with collect_events() as events:
        bar = tqdm("abc")
        assert [bar.n for _ in bar] == [0, 1, 2]
        assert bar.n == 3
    assert ends(events) == [(3, False)]


def test_a_break_leaves_it() -> None:
    with collect_events() as events:
        for letter in tqdm(iter("abc")):
            if letter == "b":
                break
    assert ends(events) == [(1, True)]


def test_what_is_set_by_hand_is_reported() -> None:
    with collect_events() as events, tqdm(total=3, desc="a") as bar:
        bar.total = 5
        bar.set_description("b")
        bar.set_postfix(loss=0.25, at=3)
        bar.n = 2
        bar.refresh()
        assert bar.n == 2
        bar.postfix = None
        bar.total = None
    assert {(name, status) for name, _, status in changes(events) if name} >= {
        ("a", ""),
        ("b", ""),
        ("b", "at=3, loss=0.25"),
    }
    assert changes(events)[-1][1] == float("inf") or changes(events)[-1][1] is None
    assert ends(events) == [(2, False)]


def test_a_disabled_bar_reports_and_counts_nothing() -> None:
    with collect_events() as events:
        bar = tqdm("abc", disable=True)
        assert list(bar) == ["a", "b", "c"]
        bar.update(5)
        bar.close()
        assert bar.n == 0
    assert events == []


def test_another_stream_gets_text_under_a_live_run() -> None:
    stream = io.StringIO()
    with collect_events() as events:
        list(tqdm(range(3), file=stream, desc="text"))
    assert events == []
    assert "text: 100%" in stream.getvalue()


def test_a_subclass_that_overrides_update_is_called_for_all() -> None:
    class Summed(tqdm[int]):
        summed = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            self.summed += n or 0
            return super().update(n)

    with collect_events() as events:
        bar = Summed(total=10)
        for _ in range(10):
            bar.update()
        bar.close()
        bar.update()
    assert (bar.n, bar.summed) == (10, 11)
    assert ends(events) == [(10, False)]


def test_a_subclass_that_overrides_display_is_called_at_its_pace() -> None:
    shown: list[float] = []

    class Drawn(tqdm[int]):
        def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
            shown.append(self.n)
            return super().display(msg, pos)

    with collect_events() as events:
        list(Drawn(range(5), mininterval=0, miniters=1))
    assert shown == [1, 2, 3, 4, 5, 5]
    assert ends(events) == [(5, False)]


def test_format_dict_has_real_numbers_and_the_line_is_tqdms() -> None:
    with collect_events(), tqdm(total=4, desc="x", ascii=True, ncols=60) as bar:
        bar.update(1)
        bar.start_t = (bar.start_t or 0) - 2
        found = bar.format_dict
        assert found["rate"] == pytest.approx(0.5, rel=0.2)
        assert str(bar).startswith("x:  25%|")
        assert len(str(bar)) == 60


def test_a_bar_in_a_worker_is_nested_in_its_task_and_leaves_no_line() -> None:
    def work() -> None:
        list(trange(3, desc="inner"))

    with collect_events() as events, mainstage.task("outer"):
        work()
    outer, inner = [e for e in events if isinstance(e, TaskStarted)]
    assert (inner.description, inner.parent, inner.loop) == ("inner", outer.task, "")


def test_bars_of_many_threads_count_exactly() -> None:
    with collect_events() as events, tqdm(total=80_000) as bar:

        def work() -> None:
            for _ in range(10_000):
                bar.update()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bar.n == 80_000
    assert ends(events) == [(80_000, False)]


def test_an_argument_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(TqdmKeyError, match="leaf"):
        tqdm([], leaf=True)


def test_the_environment_gives_defaults() -> None:
    def with_defaults(mininterval=0.1, disable=False, desc=None, ncols=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, FBT002
        """Take what has a default."""

    env = {"TQDM_MININTERVAL": "5", "TQDM_DISABLE": "1", "tqdm_desc": "x", "TQDM_NCOLS": "wide", "TQDM_OTHER": "1"}
    function: Any = with_defaults
    assert defaults_from(env, function) == (5, True, "x", None)


def test_the_variables_are_read_when_it_is_imported() -> None:
    program = "from mainstage.tqdm import tqdm; print(tqdm([1]).disable, tqdm([1], disable=False).disable)"
    env = {**os.environ, "TQDM_DISABLE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_the_import_takes_neither_tqdm_nor_rich() -> None:
    program = (
        "import sys, mainstage.tqdm.auto; print([n for n in ('tqdm', 'rich', 'asyncio.tasks') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout in ("[]\n", "['asyncio.tasks']\n")


def test_it_is_generic_at_run_time() -> None:
    bars: list[tqdm[int]] = []
    kind: Any = tqdm[int]
    assert kind is tqdm or bars == []
    with collect_events():
        assert list(auto(range(3))) == [0, 1, 2]
