"""What the system refuses now it often grants a moment later: descriptors, memory, processes, threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mainstage.core.unpatched import allocate_lock

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

PAUSES = (0.0, 0.01, 0.03, 0.1)
"""Seconds between one try and the next."""


def retried(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what `call(...)` returns, tried a few times where the system refuses it; the last refusal is raised.

    `RuntimeError` is how Python says that a thread could not be started.
    """
    for pause in PAUSES:
        try:
            return call(*args, **kwargs)
        except (OSError, RuntimeError):
            sleep_before_retry(pause)
    return call(*args, **kwargs)


def sleep_before_retry(seconds: float) -> None:
    """Sleep; a signal handler of the program's may run meanwhile."""
    lock = allocate_lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


class Refusals:
    """How often on end the system has refused a call that is tried again when it may work: a read, after a poll."""

    LASTING = 100
    """Refusals on end that are one which stays."""
    PAUSE = 0.01
    """Seconds before the next try: a poll may say at once that it may work."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, refusal: OSError) -> None:
        """Sleep before the next try; raise the `refusal` where it stays."""
        self.count += 1
        if self.count >= self.LASTING:
            raise refusal
        sleep_before_retry(self.PAUSE)
