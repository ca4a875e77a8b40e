"""Clusters for the tests of engines, and runs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import ENGINES, Kept, opened

import mainstage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.backends.clusters import Cluster


@pytest.fixture(scope="module", params=ENGINES)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with opened(str(request.param)) as found:
        yield found


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
