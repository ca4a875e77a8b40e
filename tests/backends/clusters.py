"""What the tests of engines share: clusters, programs on them, what is left of ours there."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import engines as work
from tests.system.terminals import ROOT, Pty

from mainstage.core.clock import monotonic
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mainstage.events import Event

ENGINES = ("dask", "ray")
MODULES = {"dask": "distributed", "ray": "ray"}
SOON = 30.0


def need_for_own(engine: str) -> None:
    """Skip the test where a program cannot start a cluster of its own."""
    pytest.importorskip(MODULES[engine])
    if engine == "dask":
        pytest.importorskip("cryptography")


class Kept:
    """Keeps the events of a run, and the state that they lead to."""

    unshown: Collection[str] = ()

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = RunState()

    def record(self, event: Event) -> None:
        self.events.append(event)
        reduce(self.state, event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Cluster:
    """A cluster of two workers that other work could use too."""

    def __init__(self, engine: str, joined: Any, address: str) -> None:
        self.engine = engine
        self.joined = joined
        """What `cluster=` takes to join it from here."""
        self.address = address
        """What it takes to join it from another program."""


@contextlib.contextmanager
def opened(engine: str) -> Iterator[Cluster]:
    """Start a cluster of two workers; skip the test where the engine is not installed."""
    if engine == "dask":
        distributed: Any = pytest.importorskip("distributed")
        import_module("dask").config.set({"distributed.scheduler.allowed-failures": 1})
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
            ) as local,
            distributed.Client(local, set_as_default=False) as client,
        ):
            yield Cluster("dask", client, local.scheduler_address)
    else:
        ray: Any = pytest.importorskip("ray")
        context = started(ray)
        yield Cluster("ray", None, context.address_info["address"])
        ray.shutdown()


def started(ray: Any) -> Any:
    """Start Ray, again where it has not come up within the half minute that it gives itself."""
    options = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    for _ in range(2):
        with contextlib.suppress(Exception):  # Ray says it with no class of its own
            return ray.init(address="local", **options)
        ray.shutdown()
    return ray.init(address="local", **options)


def until(there: Path) -> str:
    """Wait for a worker's file, and return what is in it."""
    deadline = monotonic() + SOON
    while monotonic() < deadline:
        if there.exists() and (text := there.read_text(encoding="utf-8")):
            return text
        threading.Event().wait(0.01)
    raise AssertionError(f"no {there.name} within {SOON:g} s")


CTRL_C = """
import sys, mainstage
import pytest
from tests.backends import engines as work
if __name__ == "__main__":
    engine, address, folder = sys.argv[1:]
    with mainstage.Run("stopped", executor=engine, cluster=address or None, max_workers=2) as run:
        print("sum", sum(run.map(work.double, range(10))))
        futures = [run.submit(work.wait_for, f"{folder}/here{n}", f"{folder}/there") for n in range(5)]
        run.wait(futures)
"""


def interrupt(engine: str, address: str, folder: Path) -> None:
    """Run a program with work on a cluster, and press Ctrl-C."""
    program = folder / "stopped.py"
    program.write_text(CTRL_C, encoding="utf-8")
    argv = [sys.executable, str(program), engine, address, str(folder)]
    with Pty(argv, columns=110, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "MARK": str(folder)}) as pty:
        pty.expect(str(folder)[:20], seconds=90)
        pty.until((folder / "here0").exists, what="work on the cluster")
        pty.send(b"\x03")
        assert pty.wait(60) == -signal.SIGINT, pty.screen.text
        text = pty.screen.text
        assert "sum 90" in text
        assert "stopped by Ctrl-C" in text
        assert engine != "dask" or "slots, dashboard at http://" in text
        assert "Traceback" not in text
        assert not pty.screen.cursor_hidden
        assert not [line for line in pty.screen.lines() if "%" in line], text


def processes(mark: bytes) -> list[str]:
    """Return the processes that have `mark` in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode())
    return found


def gone_from(cluster: Cluster) -> None:
    """Fail if something of ours stays on a cluster; a worker of Ray's hears that a run has left when it has."""
    deadline = monotonic() + (SOON if cluster.engine == "ray" else 0.0)
    while left := left_on(cluster):
        assert monotonic() < deadline, left
        threading.Event().wait(0.05)


def left_on(cluster: Cluster) -> list[str]:
    """Return what of ours is on a cluster."""
    return left_on_dask(cluster.joined) if cluster.engine == "dask" else left_on_ray()


def left_on_dask(client: Any) -> list[str]:
    def on_scheduler(dask_scheduler: Any) -> list[str]:
        topics, plugins = dask_scheduler._broker._topics, dask_scheduler.plugins
        return [str(name) for name in (*topics, *dask_scheduler.tasks, *plugins, *dask_scheduler.extensions)]

    names = client.run_on_scheduler(on_scheduler)
    plugins = client.run(lambda dask_worker: [str(name) for name in dask_worker.plugins])
    on_workers = [trace for traces in client.run(work.traces).values() for trace in traces]
    names += [name for found in plugins.values() for name in found]
    return [name for name in names if "mainstage" in name or name.startswith("bytes-")] + on_workers


def left_on_ray() -> list[str]:
    ray: Any = import_module("ray")
    free = ray.available_resources()
    if free.get("CPU") != 2:  # first, and alone: who looks at workers is work too, and keeps them for a while
        return [str(free)]
    traces = ray.remote(work.traces).options(num_cpus=0.5)
    on_workers = ray.get([traces.remote(n) for n in range(4)])
    actors = [str(actor) for actor in ray.util.list_named_actors(all_namespaces=True) if "mainstage" in str(actor)]
    return actors + [trace for found in on_workers for trace in found]
