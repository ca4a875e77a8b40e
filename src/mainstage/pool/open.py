"""Which backend runs the work of a run, by its name."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from mainstage.core import unpatched
from mainstage.errors import EngineLost, MainstageError
from mainstage.pool.options import ENGINES
from mainstage.pool.pool import Pool
from mainstage.pool.threads import ThreadWorkers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.channels.inbox import ThreadChannel
    from mainstage.pool.engines.adapter import EngineAdapter
    from mainstage.pool.options import Crew

    Backend: TypeAlias = Pool


def open_backend(
    crew: Crew,
    channel: ThreadChannel,
    *,
    wake: Callable[[], None],
    on_failure: Callable[[BaseException], None],
    number: int,
) -> Backend:
    """Return the backend for a checked `crew`; `number` tells the workers of runs within runs apart.

    `on_failure` is called with each final failure of a call.
    """
    name = crew.executor if number <= 1 else f"{crew.executor}{number}"
    workers = crew.max_workers or 1
    green = unpatched.green_library()
    if green and crew.executor == "process":
        raise MainstageError(
            f'executor="process" needs the threads and the select module of Python, which {green} has replaced; '
            f'use executor="thread", or do this work in a process without {green}'
        )
    if crew.executor == "process":
        from mainstage.pool.processes.workers import ProcessWorkers  # noqa: PLC0415  # multiprocessing is not cheap

        processes = ProcessWorkers(channel, workers, wake=wake, name=name, crew=crew)
        return Pool(processes, wake=wake, on_failure=on_failure)
    if crew.executor in (*ENGINES, "interpreter"):
        from mainstage.pool.engines.workers import EngineWorkers  # noqa: PLC0415  # nor is an engine

        engine = EngineWorkers(channel, open_port(crew, workers), captured=bool(crew.streams))
        return Pool(engine, wake=wake, on_failure=on_failure)
    return Pool(ThreadWorkers(channel, workers, wake=wake, name=name), wake=wake, on_failure=on_failure)


ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?P<host>[^/:\[\]]+|\[[^]]+]):(?P<port>\d+)/?")
KNOCK_S = 10.0
"""Seconds that a cluster has to take a connection; without a look of ours Dask takes 30, Ray over two minutes."""


def open_port(crew: Crew, workers: int) -> EngineAdapter:
    """Return the way to an engine, with `workers` workers if it is started here.

    Raises `MainstageError` naming the extra where the engine is not installed, or the Python that has interpreters, and
    `EngineLost` naming the address where nothing answers.
    """
    if isinstance(crew.cluster, str):
        check_reachable(crew.executor, crew.cluster)
    if crew.executor == "interpreter":
        from mainstage.pool.engines.interpreters import InterpreterAdapter  # noqa: PLC0415  # where there are any

        initializer = None if crew.initializer is None else (crew.initializer, crew.initargs)
        return InterpreterAdapter(workers, initializer)
    module, _, name = ENGINES[crew.executor].partition(":")
    port: EngineAdapter = getattr(import_module(module), name)(crew.cluster, workers)  # Dask takes half a second
    return port


def check_reachable(engine: str, address: str) -> None:
    """Raise `EngineLost` if nothing takes connections at `address`; one that names no host and port is the engine's."""
    import socket  # noqa: PLC0415  # for clusters alone

    found = ADDRESS.fullmatch(address)
    if found is None:
        if engine == "dask" and "://" not in address:
            raise EngineLost(f'{address!r} is no address of a Dask scheduler: they look like "tcp://host:8786"')
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=KNOCK_S).close()
    except (OSError, OverflowError) as error:
        told = f"no {engine.capitalize()} cluster answers at {address!r}: {error}; see whether it runs, and where"
        raise EngineLost(told) from error
