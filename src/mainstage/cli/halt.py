"""`--halt`: when a run is given up, in GNU parallel's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import click

if TYPE_CHECKING:
    from typing import TypeAlias

    Why: TypeAlias = Literal["fail", "success", "done"]

FORM = re.compile(r"(now|soon),(fail|success|done)=([1-9][0-9]*)(%?)")
WORDS = {"fail": "failed", "success": "went well", "done": "were done"}


class Halt(NamedTuple):
    """Give up once `number` inputs failed, went well or are done: `percent` of all of them, or so many.

    `now` asks what runs to stop; otherwise it may end. Nothing new is begun either way.
    """

    now: bool
    why: Why
    number: int
    percent: bool

    def __str__(self) -> str:
        """Return it as it is said on the command line."""
        return f"{'now' if self.now else 'soon'},{self.why}={self.number}{'%' if self.percent else ''}"

    def reached(self, *, ok: int, failed: int, total: int) -> bool:
        """Return whether it is time."""
        reached = {"fail": failed, "success": ok, "done": ok + failed}[self.why]
        return reached * 100 >= self.number * total if self.percent else reached >= self.number


FIRST_FAILURE = Halt(now=True, why="fail", number=1, percent=False)


class HaltType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """The type of the option: a `Halt`, or None for "never"."""

    name = "WHEN,WHY=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Halt | None:
        """Return what `value` says, or fail naming what it may be."""
        if value is None or isinstance(value, Halt) or value == "never":
            return None if value == "never" else value
        match = FORM.fullmatch(value)
        if match is None:
            self.fail(
                f"{value!r} is not 'never', nor as 'now,fail=1' or 'soon,done=10%' (now, soon; fail, success, done)",
                param,
                ctx,
            )
        when, why, count, percent = match.groups()
        return Halt(when == "now", cast("Why", why), int(count), bool(percent))
