"""The folder for temporary files is full, or its file cannot be read: text stays in memory, or is counted as lost."""

from __future__ import annotations

import errno
import tempfile
from typing import IO, TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.channels import inbox
from mainstage.channels.inbox import ThreadChannel
from mainstage.core.clock import SystemClock
from mainstage.events import TextWritten
from mainstage.ui.display.recording import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 500


class Faulty:
    """A file whose method `name` raises from its `after`-th call on, `times` times."""

    def __init__(self, name: str, *, after: int, times: int) -> None:
        self._file: Any = REAL(buffering=0)
        self._name = name
        self._left = after
        self._times = times

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._file, name)
        return self._failing(method) if name == self._name else method

    def _failing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self._left -= 1
            if self._left < 0 and self._times:
                self._times -= 1
                if self._name == "write":
                    method(bytes(args[0])[:5])  # a part of it had room
                raise OSError(errno.ENOSPC, "No space left on device")
            return method(*args)

        return call


REAL = tempfile.TemporaryFile


def full(*_args: Any, **_options: Any) -> IO[bytes]:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MANY", 10)


def text(number: int) -> TextWritten:
    return TextWritten(0.0, None, 0, "", "log", f"line {number}")


def sent_and_received(channel: ThreadChannel) -> tuple[list[str], list[str]]:
    """Return the lines that come out, and what the library says of its own."""
    for number in range(LINES):
        channel.send(text(number))
    events = []
    while not channel.empty():
        event = channel.receive(0)
        if isinstance(event, TextWritten):
            events.append(event)
    channel.close()
    lines = [event.text for event in events if event.stream == "log"]
    return lines, [event.text for event in events if event.stream == "mainstage"]


WANTED = [f"line {number}" for number in range(LINES)]
FILES: dict[str, Callable[..., Any]] = {
    "no file at all": full,
    "full from the start": lambda **_: Faulty("write", after=0, times=LINES),
    "full later on": lambda **_: Faulty("write", after=100, times=LINES),
    "full once": lambda **_: Faulty("write", after=100, times=1),
    "out of reach for a while": lambda **_: Faulty("seek", after=100, times=3),
}


@pytest.mark.parametrize("file", FILES)
def test_text_that_no_file_takes_stays_in_memory_in_order_and_that_is_told_once(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", FILES[file])
    lines, said = sent_and_received(ThreadChannel(SystemClock()))
    assert lines == WANTED
    assert len(said) == 1
    assert "No space left on device" in said[0]


def test_what_has_no_room_in_memory_either_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(inbox, "ROOM", 1000)
    channel = ThreadChannel(SystemClock())
    lines, said = sent_and_received(channel)
    assert lines == WANTED[: len(lines)]
    assert 100 < len(lines) < LINES
    assert channel.lost == LINES - len(lines)
    assert len(said) == 1


@pytest.mark.parametrize("name", ["read", "seek"])
def test_what_cannot_be_read_again_is_counted_and_the_rest_comes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    after = 20 if name == "read" else LINES
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Faulty(name, after=after, times=1))
    channel = ThreadChannel(SystemClock())
    lines, _ = sent_and_received(channel)
    assert lines == WANTED[: len(lines)]
    assert channel.lost == LINES - len(lines) > 0


def test_a_file_that_cannot_be_emptied_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Faulty("truncate", after=0, times=LINES))
    assert sent_and_received(ThreadChannel(SystemClock())) == (WANTED, [])


def test_a_full_folder_costs_no_task_and_no_line_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    display = RecordingDisplay()

    def flood(number: int) -> int:
        task = mainstage.current_task()
        for line in range(200):
            task.log(f"{number} wrote {line}")
        return number

    with mainstage.Run("Flood", view="plain", display=display, max_workers=2) as run:
        assert list(run.map(flood, range(6))) == list(range(6))
    assert sum(" wrote " in line for line in display.history) == 1200
