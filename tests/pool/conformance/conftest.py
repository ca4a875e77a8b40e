"""One fixture over every kind of pool. What is true of some only is asked of their traits, never of their names."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.backends.clusters import MODULES, Cluster, opened

import mainstage
from mainstage.pool.options import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mainstage.events import Event

DEADLINE = 20.0


class Traits(NamedTuple):
    """What differs. `shares_memory`: with the program; `kills`: a worker that does not stop dies."""

    shares_memory: bool = False
    kills: bool = False
    keeps_time: bool = True
    """Whether its workers' clocks go by themselves."""
    many: int = 20_000
    """How many tiny items are fair."""


POOLS = {
    "thread": Traits(shares_memory=True),
    "fork": Traits(kills=True),
    "forkserver": Traits(kills=True),
    "spawn": Traits(kills=True),
    "interpreter": Traits(),
    "fake": Traits(shares_memory=True, keeps_time=False, many=2000),
    "dask": Traits(many=2000),
    "ray": Traits(many=2000),
}


class Recorder:
    """Takes each event as the owner reduces it."""

    unshown: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


class Pool:
    """A kind of pool: makes runs on it, and keeps their events."""

    def __init__(self, name: str, traits: Traits, cluster: Any = None) -> None:
        self.name = name
        self.traits = traits
        self._cluster = cluster
        self._recorder = Recorder()

    @property
    def events(self) -> Sequence[Event]:
        """What the owner has reduced."""
        return self._recorder.events

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of one class."""
        return [event for event in self.events if type(event) is kind]

    def run(self, **options: Any) -> mainstage.Run:
        """Return a run on two workers, to be entered."""
        executor, methods = self.name, ("fork", "forkserver", "spawn")
        if self.name in methods:
            executor, options["mp_context"] = "process", self.name
        common = {"view": "silent", "max_workers": 2, "recorder": self._recorder, "cluster": self._cluster}
        return mainstage.Run("conformance", executor=executor, **{**common, **options})


def missing(name: str) -> str:
    """Return why there is no such pool here; "": there is."""
    if name == "interpreter" and sys.version_info < (3, 14):
        return "interpreters are new in Python 3.14"
    if name in ("fork", "forkserver") and name not in multiprocessing.get_all_start_methods():
        return f"this platform does not {name}"
    return ""


@pytest.fixture(scope="module")
def dask_cluster() -> Iterator[Cluster]:
    """Start a cluster that the tests of a module share."""
    with opened("dask") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Cluster]:
    """Start a cluster, as above."""
    with opened("ray") as cluster:
        yield cluster


@pytest.fixture(params=list(POOLS))
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pool:
    """Return each kind of pool in turn."""
    name = str(request.param)
    if reason := missing(name):
        pytest.skip(reason)
    if name == "fake":
        monkeypatch.setitem(ENGINES, name, "tests.pool.conformance.fake_engine:FakeEngine")
    cluster = request.getfixturevalue(f"{name}_cluster").joined if name in MODULES else None
    return Pool(name, POOLS[name], cluster)
