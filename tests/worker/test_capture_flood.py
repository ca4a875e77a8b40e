"""Every line once, whole, with its task, in its task's order, however many threads write in however many ways."""
# printing is the subject

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.worker.captured import captured, take_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.worker.captured import Stage

THREADS = 8
LINES = 2000


@pytest.fixture(autouse=True)
def adverse_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def flood(stage: Stage, write: Callable[[str], object], lines: int = LINES) -> dict[int | None, list[str]]:
    """Have 8 tasks write as many numbered lines each, and return the lines of each."""
    gate = threading.Barrier(THREADS)

    def work(number: int) -> None:
        gate.wait()
        for line in range(lines):
            write(f"task {number} line {line} " + "x" * (line % 50) + " end")

    threads = [
        threading.Thread(target=stage.run, args=(lambda number=number: work(number), number))
        for number in range(1, THREADS + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found: dict[int | None, list[str]] = defaultdict(list)
    for event in stage.texts():
        found[event.task] += event.text.split("\n")
    return found


EXPECTED = {
    number: [f"task {number} line {line} " + "x" * (line % 50) + " end" for line in range(LINES)]
    for number in range(1, THREADS + 1)
}


def in_pieces(line: str) -> None:
    for piece in (line[:5], line[5:9], line[9:], "\n"):
        sys.stderr.write(piece)


def in_bytes(line: str) -> None:
    sys.stdout.buffer.write(line[:7].encode())
    sys.stdout.buffer.write(line[7:].encode() + b"\n")


def on_a_console(line: str) -> None:
    CONSOLE.print(line, markup=False, highlight=False)


CONSOLE = Console(width=200)


@pytest.mark.parametrize("write", [print, in_pieces, in_bytes])
def test_each_line_comes_once_whole_and_in_order(write: Callable[[str], object]) -> None:
    with captured() as stage:
        found = flood(stage, write)
    assert found == EXPECTED
    assert stage.passed() == ""


def test_each_line_of_a_console_of_the_users_comes_once_whole_and_in_order() -> None:
    with captured() as stage:
        found = flood(stage, on_a_console, 200)
    assert found == {number: lines[:200] for number, lines in EXPECTED.items()}


@pytest.mark.parametrize("name", [None, "tests.flood"])
@pytest.mark.parametrize("made", ["before", "meanwhile"])
def test_each_record_comes_once_whole_and_in_order(name: str | None, made: str) -> None:
    logger = logging.getLogger(name)
    level, logger.propagate = logger.level, False
    others, logger.handlers = logger.handlers, []
    with captured() as stage:
        assert stage.capture is not None
        if made == "before":
            stage.capture.stop()
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
        stage.capture.start()
        try:
            found = flood(stage, logger.info)
        finally:
            logger.handlers = others
            logger.setLevel(level)
    assert found == EXPECTED
    assert stage.passed() == ""


def test_each_warning_comes_once_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    take_warnings(monkeypatch)
    with captured() as stage:
        found = flood(stage, lambda line: warnings.warn_explicit(line, UserWarning, "here.py", 1, registry={}))
    assert found == {
        number: [f"here.py:1: UserWarning: {line}" for line in lines] for number, lines in EXPECTED.items()
    }


def test_what_is_written_while_capture_stops_is_somewhere() -> None:
    done = threading.Event()
    started = threading.Event()
    count = 0

    def work() -> None:
        nonlocal count
        while not done.is_set():
            print(f"line {count}", file=router)
            count += 1
            if count == 100:
                started.set()

    with captured() as stage:
        router = sys.stdout
        thread = threading.Thread(target=work)
        thread.start()
        started.wait(10)
        assert stage.capture is not None
        stage.capture.stop()
        captured_lines = stage.lines(None)
        last = count
        while count < last + 100:
            threading.Event().wait(0.001)
        done.set()
        thread.join()
        lines = captured_lines + stage.passed().splitlines()
    text = "".join(lines).replace(" ", "")
    assert text == "".join(f"line{number}" for number in range(count))
    assert stage.lines(None) == captured_lines
