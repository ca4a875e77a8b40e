"""The protocol of an engine (Dask, Ray, interpreters), and the pieces of work that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.pool.engines.worker import Result, WorkHeader


class Piece(NamedTuple):
    """A piece of work, as an engine takes it: a call, an item of a map, or a bundle of them."""

    head: WorkHeader
    function: Any
    """As `EngineAdapter.keep` returned it; so `data` and `large`."""
    data: Any
    large: list[Any]
    done: Callable[[Result | None, BaseException | None], None]
    """Called with what came of it, on any thread."""


class EngineAdapter(Protocol):
    """What an engine is to us. Its callbacks come on any thread."""

    name: str
    """"dask", "ray"."""
    slots: int
    """How many pieces it runs at once."""
    far: bool
    """Whether its workers have another main program than this one."""
    link: str
    """Where its own dashboard is; "": it has none."""

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin: have `hear` called with each batch of events of the run; `gone`, if nothing comes any more."""
        ...

    def keep(self, data: bytes) -> Any:
        """Return what stands for `data` in a `submit`: itself, or a reference to it in the engine's own store."""
        ...

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Call `worker.WorkerAgent.work` for each piece on some worker; return a handle for `drop` for each."""
        ...

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop, wherever they run."""
        ...

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        """Drop a piece that has not begun; `kill`: end the worker that has it, if nothing else may run there."""
        ...

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Ask the worker of the piece `root` where it stands; it answers by a `TaskStuck` of `task`."""
        ...

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        ...

    def close(self) -> None:
        """Leave the engine as it was found; what we started, end."""
        ...
