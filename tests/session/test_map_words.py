"""What `map` takes, and what it says of calls that cannot work."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import pytest
from tests.views.runs import plain_bars

import mainstage
from mainstage.testing import ManualClock, RecordingDisplay

MAP: Any = mainstage.map


async def fetch(_: int) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((fetch, [1]), {}, r"fetch is async, .* use mainstage\.aio\.map\(fetch, \.\.\.\)"),
        ((str, 5), {}, r"not a number: range\(5\)"),
        (([1], str), {}, "takes the function first, not list"),
        ((str,), {}, "at least one iterable"),
        ((str, [1]), {"desc": "x"}, "'desc': use description="),
        ((str, [1]), {"max_worker": 3}, "did you mean max_workers="),
        ((str, [1]), {"n_jobs": 3}, "use max_workers="),
        ((str, [1]), {"name": 3}, "a format string or a function"),
    ],
)
def test_a_call_that_cannot_work_is_told_at_once(args: tuple[Any, ...], options: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        MAP(*args, **options)


def test_in_a_run_too() -> None:
    with mainstage.Run(view="silent") as run, pytest.raises(TypeError, match="is async"):
        run.map(fetch, [1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"desc": "x"}, "use description="),
        ({"ncols": 3}, "the width of the terminal"),
        ({"max_workers": 3}, "it takes"),
    ],
)
def test_an_unknown_keyword_of_a_runs_map_is_named(options: dict[str, Any], words: str) -> None:
    with mainstage.Run(view="silent") as run, pytest.raises(TypeError, match=words):
        run.map(str, [1], **options)


def test_one_that_is_never_iterated_warns_with_the_line_of_the_call() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        MAP(str, [1])
        gc.collect()
    assert [(one.category, one.filename) for one in told] == [(RuntimeWarning, __file__)]
    assert "never iterated" in str(told[0].message)


def test_one_that_is_iterated_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(mainstage.map(str, [1])) == ["1"]
        for _ in mainstage.map(str, [1, 2]):
            break


def test_its_display_has_a_name_and_a_generator_a_total() -> None:
    display = RecordingDisplay()
    with mainstage.Run("Fetching", display=display, clock=ManualClock(), view=plain_bars()) as run:
        assert list(run.map(str, (n for n in range(3)), total=3)) == ["0", "1", "2"]
    assert list(mainstage.map(str, iter("ab"), total=2, description="Letters")) == ["a", "b"]
    assert display.rows[-1].startswith("✓ Fetching: 3 done")


def test_the_run_has_the_words_of_the_main_thread(capsys: pytest.CaptureFixture[str]) -> None:
    display = RecordingDisplay()
    with mainstage.Run("Work", display=display, clock=ManualClock(), view=plain_bars()) as run:
        assert list(run.track("ab", "Letters")) == ["a", "b"]
        run.log("logged")
        with run.task("one"), mainstage.status("Connecting") as bar:
            bar.set(description="Connected")
            run.print("printed")
    assert display.history == ["logged"]
    assert capsys.readouterr().out == "printed\n"
