"""A port to no engine: what the fake ones of tests have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FakeAdapter:
    """All of `pool.engines.adapter.EngineAdapter` but `submit`; nobody is asked anything, and nothing is dropped."""

    name = "fake"
    slots = 1
    far = False
    link = ""
    hear: Callable[[bytes], None]

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin."""
        del run, gone
        self.hear = hear

    def keep(self, data: bytes) -> Any:
        """Return it."""
        return data

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Do nothing."""

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        """Do nothing."""

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Do nothing."""

    def set_interval(self, seconds: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
