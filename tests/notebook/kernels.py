"""Real kernels for tests: cells are run by messages, as a front end does, and what comes back is kept with its time."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

pytest.importorskip("ipykernel", reason="ipykernel is missing: pip install ipykernel")
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0
"""Seconds that any single wait may take."""
SGR = re.compile(r"\x1b\[[0-9;]*m")


class Message(NamedTuple):
    """What a kernel has sent: `at` is in seconds from the request, `cell` the id of the request that it answers."""

    at: float
    kind: str
    cell: str
    content: Mapping[str, Any]
    size: int = 0

    @property
    def plain(self) -> str:
        """The text of a picture, without SGR."""
        return SGR.sub("", str(self.content.get("data", {}).get("text/plain", "")))


class Cell:
    """A cell that was run, and all that the kernel sent meanwhile."""

    def __init__(self, number: str, messages: Sequence[Message], reply: Mapping[str, Any], seconds: float) -> None:
        self.id = number
        self.messages = messages
        self.reply = reply
        self.seconds = seconds

    def printed(self, stream: str = "stdout") -> str:
        """Return the text that belongs to this cell, without SGR."""
        mine = [m for m in self.messages if m.cell == self.id and m.kind == "stream"]
        return SGR.sub("", "".join(m.content["text"] for m in mine if m.content["name"] == stream))

    def pictures(self) -> list[Message]:
        """Return the displays and their updates, in order."""
        return pictures(self.messages)

    @property
    def traceback(self) -> str:
        """The traceback that the cell ended with, without SGR; "": none."""
        return SGR.sub("", "\n".join(self.reply.get("traceback", [])))


def pictures(messages: Sequence[Message]) -> list[Message]:
    """Return the displays and their updates, in order."""
    return [m for m in messages if m.kind in ("display_data", "update_display_data")]


class Kernel:
    """A kernel in a process of its own; a context manager."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}  # ipykernel looks
        self._env = {**own, "PYTHONPATH": str(ROOT / "src"), **(env or {})}
        self._manager = KernelManager(kernel_name="python3", transport="ipc")

    def __enter__(self) -> Self:
        self._manager.start_kernel(env=self._env)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=DEADLINE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def subshell(self) -> str | None:
        """Return the id of a new subshell; None: this kernel has none."""
        request = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(request)
        reply: Mapping[str, Any] = self._client.get_control_msg(timeout=DEADLINE)["content"]
        return reply.get("subshell_id") if reply.get("status") == "ok" else None

    def run(
        self,
        code: str,
        *,
        stop_at: Callable[[Message], bool] = lambda _: False,
        answer: str | None = None,
        subshell: str | None = None,
    ) -> Cell:
        """Run a cell to its end; Stop is pressed at the first message that `stop_at` is true for.

        `answer` is what its question is answered with.
        """
        began = time.monotonic()
        if subshell is None:
            number = self._client.execute(code, allow_stdin=answer is not None)
        else:
            content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
            request = self._client.session.msg("execute_request", {**content, "user_expressions": {}})
            request["header"]["subshell_id"] = subshell
            self._client.shell_channel.send(request)
            number = request["header"]["msg_id"]
        if answer is not None:
            self._client.get_stdin_msg(timeout=DEADLINE)
            self._client.input(answer)
        messages: list[Message] = []
        pressed = False
        while True:
            message = self._next(began)
            messages.append(message)
            if not pressed and stop_at(message):
                pressed = True
                self._manager.interrupt_kernel()
            if message.kind == "status" and message.cell == number and message.content["execution_state"] == "idle":
                break
        seconds = time.monotonic() - began
        reply = self._client.get_shell_msg(timeout=DEADLINE)
        while reply["parent_header"].get("msg_id") != number:
            reply = self._client.get_shell_msg(timeout=DEADLINE)
        return Cell(number, messages, reply["content"], seconds)

    def watch(self, seconds: float) -> list[Message]:
        """Return what comes while no cell runs."""
        began = time.monotonic()
        messages = []
        while time.monotonic() - began < seconds:
            try:
                messages.append(self._next(began, began + seconds - time.monotonic()))
            except Empty:
                break
        return messages

    def _next(self, began: float, patience: float = DEADLINE) -> Message:
        message = self._client.get_iopub_msg(timeout=max(0.0, patience))
        content = message["content"]
        return Message(
            time.monotonic() - began,
            message["msg_type"],
            message["parent_header"].get("msg_id", ""),
            content,
            len(str(content)),
        )
