"""What a test of capture needs: streams that stand for a terminal, and what came through the channel."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

from mainstage.core.clock import SystemClock
from mainstage.events import TextWritten
from mainstage.tasks import outcome as runner
from mainstage.tasks.capture.streams import Capture
from mainstage.tasks.integrations.registry import bridges_for
from mainstage.tasks.reporter import live
from mainstage.tasks.task import open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from mainstage.events import Event
    from mainstage.tasks.reporter import Cell


class Inbox:
    """The sending half of a channel whose events stay in a list: any thread may send."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.send = self.events.append
        self.new_id = itertools.count(1000).__next__
        self.now = SystemClock().now

    def moved(self, cell: Cell) -> None:
        """Nobody asks for positions."""

    watch = unwatch = moved


class Stage:
    """A live capture over two streams that stand for a terminal."""

    def __init__(self, stderr: Any = None) -> None:
        self.channel = Inbox()
        self.stdout: Any = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        self.stderr: Any = stderr or io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        self.capture: Capture | None = None

    def events(self) -> list[Event]:
        """Return what was sent so far; positions are not."""
        return list(self.channel.events)

    def texts(self, stream: str | None = None) -> list[TextWritten]:
        found = [event for event in self.events() if isinstance(event, TextWritten)]
        return [event for event in found if stream is None or event.stream == stream]

    def lines(self, task: int | None, stream: str | None = None) -> list[str]:
        return [line for event in self.texts(stream) if event.task == task for line in event.text.split("\n")]

    def passed(self) -> str:
        """Return what reached the terminal past us."""
        written = [stream.buffer.getvalue() for stream in (self.stdout, self.stderr)]
        return b"".join(written).decode().replace(os.linesep, "\n")

    def run(self, fn: Callable[[], object], number: int = 7) -> None:
        """Call `fn` on this thread as the task `number`."""
        task = open_task(self.channel, number, 1, f"task {number}", worker="thread-1")
        outcome = runner.run(task, fn, (), {})
        runner.finish(task, outcome)
        if outcome.error is not None:
            raise outcome.error


@contextlib.contextmanager
def captured(
    *,
    owned: tuple[str, ...] = ("stdout", "stderr"),
    bars: tuple[str, ...] | None = None,
    strict: bool = False,
    stderr: Any = None,
) -> Iterator[Stage]:
    stage = Stage(stderr)
    before = sys.stdout, sys.stderr, live.reporter
    sys.stdout, sys.stderr, live.reporter = stage.stdout, stage.stderr, stage.channel
    stage.capture = Capture(stage.channel, owned=owned, bars=bars, strict=strict, bridges=bridges_for)
    try:
        stage.capture.start()
        try:
            yield stage
        finally:
            stage.capture.stop()
    finally:
        sys.stdout, sys.stderr, live.reporter = before


def take_warnings(patch: pytest.MonkeyPatch) -> None:
    """Have warnings shown as in a program, and not kept by pytest."""

    def _showwarnmsg_impl(message: warnings.WarningMessage) -> None:
        sys.stderr.write(warnings.formatwarning(message.message, message.category, message.filename, message.lineno))

    patch.setattr(warnings, "_showwarnmsg_impl", _showwarnmsg_impl)
    patch.setattr(warnings, "showwarning", warnings._showwarning_orig)  # type: ignore[attr-defined]
    patch.setattr(warnings, "filters", [("always", None, Warning, None, 0)])
