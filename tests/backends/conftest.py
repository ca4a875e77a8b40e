"""Clusters for the tests of engines, and what a run told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import mainstage
from mainstage.state.model import RunState
from mainstage.state.reducer import reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mainstage.events import Event

ENGINES = ("dask", "ray")


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


@pytest.fixture(scope="module", params=ENGINES)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if request.param == "dask":
        distributed: Any = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
            ) as local,
            distributed.Client(local, set_as_default=False) as client,
        ):
            yield Cluster("dask", client, local.scheduler_address)
    else:
        ray: Any = pytest.importorskip("ray")
        context = ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield Cluster("ray", None, context.address_info["address"])
        ray.shutdown()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def run_on(cluster: Cluster, kept: Kept) -> Callable[..., mainstage.Run]:
    """Make runs on that cluster."""

    def make(**options: Any) -> mainstage.Run:
        options = {"view": "silent", **options}
        return mainstage.Run(
            cluster.engine, executor=cluster.engine, cluster=cluster.joined, recorder=kept, **options
        )

    return make
