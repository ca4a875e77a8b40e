"""Who does the work of a run, before there is a pool of them: names, numbers, ways to start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable  # noqa: TC003  # of a module's variable
from threading import _register_atexit  # type: ignore[attr-defined]  # the hook that the standard pool uses
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mainstage.core.names import nearest
from mainstage.errors import MainstageError

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

ENGINES = {"dask": "mainstage.pool.engines.dask:DaskAdapter", "ray": "mainstage.pool.engines.ray:RayAdapter"}
"""Where the adapter of each engine is, by the name in `executor=`: called with a cluster and a number of workers."""
INTERPRETERS = sys.version_info >= (3, 14)
closers: list[Callable[[], None]] = []
"""What closes pools of processes as the interpreter ends: registered here, so that what shows their end goes first."""
NO_GUARD = 77
"""What a worker process exits with whose main program starts a run as it is imported."""
UNGUARDED = (
    "the program starts a run as it is imported, and its workers import it: put what starts it under "
    "`if __name__ == '__main__':`"
)
OWN_KINDS = ("thread", "process", "interpreter")

if TYPE_CHECKING:
    Initializer: TypeAlias = tuple[Callable[..., object], tuple[Any, ...]]


class Crew(NamedTuple):
    """Who does the work: `executor` names what they are; `cluster` is for engines, the rest for processes alone."""

    executor: str = "thread"
    max_workers: int | None = None
    mp_context: BaseContext | str | None = None
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    max_tasks_per_child: int | None = None
    cluster: Any = None
    """A client of Dask's, or the address of a Dask or Ray cluster; None: one is started on this machine."""
    streams: tuple[str, ...] = ()
    """What of "stdout" and "stderr" is taken from processes, since the display owns it."""


def check_crew(crew: Crew) -> Crew:
    """Return `crew` with its number of workers; `TypeError` or `ValueError` names the argument that makes no sense."""
    executor, max_workers = crew.executor, crew.max_workers
    known = (*OWN_KINDS, *ENGINES)
    if executor not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"executor={executor!r} is not one of {names}{nearest(executor, known)}")
    for name in ("max_workers", "max_tasks_per_child"):
        number = getattr(crew, name)
        if number is not None and not hasattr(number, "__index__"):
            raise TypeError(f"{name} must be a whole number, not {number!r}")
    if executor == "interpreter" and not INTERPRETERS:
        found = "{}.{}".format(*sys.version_info)
        raise MainstageError(
            f'executor="interpreter" needs Python 3.14 or newer, and this is {found}: take executor="process"'
        )
    if max_workers is not None and max_workers <= 0:
        raise ValueError(f"max_workers must be greater than 0, not {max_workers}")
    if executor != "process" and (crew.mp_context, crew.max_tasks_per_child) != (None, None):
        raise ValueError('mp_context and max_tasks_per_child are for executor="process"')
    if executor not in ("process", "interpreter") and crew.initializer is not None:
        raise ValueError('initializer is for executor="process" and executor="interpreter"')
    if crew.max_tasks_per_child is not None and crew.max_tasks_per_child < 1:
        raise ValueError(f"max_tasks_per_child must be 1 or more, not {crew.max_tasks_per_child}")
    if crew.cluster is not None and executor not in ENGINES:
        raise ValueError(f"cluster= is for {' and '.join(f'executor={name!r}' for name in ENGINES)}")
    return crew._replace(max_workers=max_workers or workers_of(executor))


def workers_of(executor: str) -> int:
    """Return how many workers a run has unless told."""
    return default_workers() if executor == "thread" else default_processes()


def default_workers() -> int:
    """Return how many threads a run has unless told: as `ThreadPoolExecutor`, for work that mostly waits."""
    return min(32, (os.cpu_count() or 1) + 4)


def default_processes() -> int:
    """Return how many processes a run has unless told: one for each processor that this one may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def start_context(mp_context: BaseContext | str | None) -> BaseContext:
    """Return the start method to use: the one given, the one that the program has set, else ours; see docs."""
    import multiprocessing  # noqa: PLC0415  # not cheap

    if mp_context is None:
        chosen = multiprocessing.get_start_method(allow_none=True)
        usual = "forkserver" if sys.platform == "linux" else "spawn"
        mp_context = chosen or usual
    if isinstance(mp_context, str):
        return multiprocessing.get_context(mp_context)
    return mp_context


def _close_pools() -> None:
    for close in closers:
        close()


_register_atexit(_close_pools)
