# ruff: noqa: T201  # printing is the subject
"""Lines that were begun and flushed and have not ended: whose are shown, and what becomes of them."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.worker.captured import captured

from mainstage.tasks.capture.lines import Lines, PartialLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.tasks.capture.streams import Capture


def partials(capture: Capture | None) -> list[str]:
    assert capture is not None
    return capture.partials.read()


def test_a_line_of_the_main_thread_is_shown_once_it_is_flushed_and_grows() -> None:
    with captured() as stage:
        assert stage.capture is not None
        stage.capture.routers["stdout"]._unbuffered = False
        print("working", end="")
        assert partials(stage.capture) == []
        sys.stdout.flush()
        assert partials(stage.capture) == ["working"]
        print(".", end="", flush=True)
        print(".", end="")
        assert partials(stage.capture) == ["working."]
        print(" done")
        assert partials(stage.capture) == []
        assert stage.lines(None) == ["working.. done"]


def test_an_unbuffered_stream_needs_no_flush() -> None:
    with captured() as stage:
        sys.stderr.write("Sure? ")
        assert partials(stage.capture) == ["Sure? "]


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["\r10 %", "\r100 %"], "100 %"),
        (["10 %\r", "100 %\r"], "100 %"),
        (["loading |", "\b/", "\b-"], "loading -"),
        (["loading |\b", "/\b"], "loading /"),
        (["ab", "\b \b", "c"], "ac"),
        (["one\ntwo"], "two"),
    ],
)
def test_what_is_overwritten_is_not_shown(pieces: list[str], shown: str) -> None:
    with captured() as stage:
        for piece in pieces:
            print(piece, end="", flush=True)
        assert partials(stage.capture) == [shown]


def test_going_back_for_hours_takes_no_memory() -> None:
    lines = Lines()
    for number in range(10_000):
        lines.add((0, 1), f"\b{number % 10}")
    assert sum(len(part) for parts in lines._begun.values() for part in parts) < 10


def test_a_bare_thread_has_a_line_of_its_own_beside_the_main_threads() -> None:
    def ask() -> None:
        print("name? ", end="", flush=True)

    with captured() as stage:
        print("main ", end="", flush=True)
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert partials(stage.capture) == ["main ", "name? "]
        print("again")
        assert partials(stage.capture) == ["name? "]


def test_a_line_of_a_task_stays_until_it_ends() -> None:
    with captured() as stage:
        stage.run(lambda: print("half", end="", flush=True))
        assert partials(stage.capture) == []
        assert stage.lines(7) == ["half"]


def lend(capture: Capture) -> None:
    capture.release_terminal(on=True)


@pytest.mark.parametrize("end", [lend, lambda capture: capture.stop()])
def test_a_line_that_is_given_away_is_shown_no_more(end: Callable[[Capture], None]) -> None:
    with captured() as stage:
        assert stage.capture is not None
        print("Name? ", end="", flush=True)
        end(stage.capture)
        assert partials(stage.capture) == []
        assert stage.passed() + "".join(stage.lines(None)) == "Name? "


def test_the_owner_is_told_once_until_it_reads() -> None:
    told: list[None] = []
    lines = PartialLines(lambda: told.append(None))
    for number in range(5):
        lines.put(("stdout", 1), f"{number}")
    assert len(told) == 1
    assert lines.read() == ["4"]
    lines.put(("stdout", 1), "4")
    assert len(told) == 1
    lines.drop(("stdout", 1))
    assert len(told) == 2


def test_a_spinner_of_a_thread_is_gone_when_another_thread_overwrites_its_line() -> None:
    with captured() as stage:
        thread = threading.Thread(target=lambda: print("\r| loading", end="", flush=True))
        thread.start()
        thread.join()
        assert partials(stage.capture) == ["| loading"]
        print("\rloaded")
        assert partials(stage.capture) == []
    assert stage.lines(None) == ["loaded"]


def test_a_line_that_was_not_drawn_again_is_not_lost_so() -> None:
    with captured() as stage:
        thread = threading.Thread(target=lambda: print("a word", end="", flush=True))
        thread.start()
        thread.join()
        print("\rloaded")
        assert partials(stage.capture) == ["a word"]
    assert stage.lines(None) == ["loaded", "a word"]
