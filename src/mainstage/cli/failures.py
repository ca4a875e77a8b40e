"""`--traceback`: what failed, told by Rich at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mainstage.cli.shell import say
from mainstage.errors import describe_error, traceback_of

if TYPE_CHECKING:
    from types import TracebackType

    from mainstage.cli.inputs import JobInput

SHOWN = 10
"""Failures that are told unless all are asked for."""


class FailureReport:
    """The failures of a run; `asked` says how often `--traceback` was given: not at all, for ten, for all."""

    def __init__(self, asked: int) -> None:
        self._asked = asked
        self._kept: list[tuple[JobInput, BaseException]] = []
        self._more = 0

    def add(self, job: JobInput, error: BaseException) -> None:
        """Keep a failure, if it is to be told."""
        if not self._asked:
            return
        if self._asked > 1 or len(self._kept) < SHOWN:
            self._kept.append((job, error))
        else:
            self._more += 1

    def tell(self) -> None:
        """Write what was asked for to stderr."""
        for job, error in self._kept:
            say(f"failed: {job.input!r}", err=True)
            _print(error)
        if self._more:
            say(f"{self._more} more failed; --traceback --traceback tells of them all", err=True)


def _print(error: BaseException) -> None:
    from rich.console import Console  # noqa: PLC0415  # only who asks for it pays
    from rich.traceback import Traceback  # noqa: PLC0415

    try:
        told = Traceback.from_exception(type(error), error, _from_the_users_code(traceback_of(error)))
        console = Console(file=sys.stderr)
        with console.capture() as captured:
            console.print(told)
        text = captured.get().removesuffix("\n")
    except Exception:  # noqa: BLE001  # an exception class of the user's may raise anything where it is looked at
        text = describe_error(error).traceback
    say(text, err=True, block=True)


def _from_the_users_code(where: TracebackType | None) -> TracebackType | None:
    inner = where
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith("mainstage."):
        inner = inner.tb_next
    return inner or where
