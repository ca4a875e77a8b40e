"""Clusters for the tests of engines, and runs on them."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import ENGINES, Cluster, Kept

import mainstage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module", params=ENGINES)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if request.param == "dask":
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
        with suppress(Exception):  # Ray says it with no class of its own
            return ray.init(address="local", **options)
        ray.shutdown()
    return ray.init(address="local", **options)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def run_on(cluster: Cluster, kept: Kept) -> Callable[..., mainstage.Run]:
    """Make runs on that cluster."""

    def make(**options: Any) -> mainstage.Run:
        options = {"view": "silent", **options}
        return mainstage.Run(cluster.engine, executor=cluster.engine, cluster=cluster.joined, recorder=kept, **options)

    return make
