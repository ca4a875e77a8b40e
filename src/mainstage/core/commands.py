"""The contract, second half: what crosses back from the owner to the work."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Cancel(NamedTuple):
    """Ask one task to stop, or all of them (`task` None)."""

    task: int | None
    reason: str


class Hold(NamedTuple):
    """Stop handing out new work, or go on."""

    on: bool


class SetInterval(NamedTuple):
    """Send positions at most once in `seconds`."""

    seconds: float


class Locate(NamedTuple):
    """Say by `TaskStuck` where `worker` stands, whose task has not moved since `since`. In a signal handler too."""

    worker: str
    task: int
    attempt: int
    since: float


Command: TypeAlias = Cancel | Hold | SetInterval | Locate
