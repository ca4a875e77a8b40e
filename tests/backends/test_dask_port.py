"""What a Dask client says of futures, and what its port makes of it."""

from __future__ import annotations

import threading
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import SOON

from mainstage.pool.engines.adapter import Piece
from mainstage.pool.engines.worker import WorkHeader

if TYPE_CHECKING:
    from collections.abc import Callable


class Future:
    """A future as far as a port looks at it."""

    status = "pending"

    def __init__(self) -> None:
        self.computed = threading.Event()

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        """Call it: it is done."""
        callback(self)

    def result(self) -> int:
        """Wait until there is one."""
        assert self.computed.wait(SOON)
        return 7

    def release(self) -> None:
        """Do nothing."""


class Client:
    """A client with one future, whose result is 7."""

    status = "running"
    dashboard_link = ""

    def __init__(self) -> None:
        self.future = Future()

    def nthreads(self) -> dict[str, int]:
        """Return the threads of the only worker."""
        return {"worker": 1}

    def scheduler_info(self, **_: Any) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def subscribe_topic(self, *_: Any) -> None:
        """Do nothing."""

    def submit(self, *_: Any, **__: Any) -> Future:
        """Return the only future."""
        return self.future

    def gather(self, futures: list[Future]) -> list[int]:
        """Return nothing: none is there."""
        assert not futures
        return []


@pytest.mark.parametrize("then", ["lost", "pending"])
def test_a_result_that_is_lost_with_its_worker_is_awaited_again(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask computes it anew, after it has said that it is done."""
    distributed: Any = pytest.importorskip("distributed")
    port: Any = import_module("mainstage.pool.engines.dask").DaskAdapter
    monkeypatch.setattr(distributed, "Client", Client)
    client, came = Client(), SimpleQueue[tuple[Any, Any]]()
    client.future.status = then
    joined = port(client)
    joined.open("run", lambda _: None, lambda _: None)
    head = WorkHeader("run", 1, 1, "f(1)", 0.0, captured=True, interval=0.1)
    joined.submit([Piece(head, b"", b"", [], lambda *one: came.put(one))])
    with pytest.raises(Empty):
        came.get(timeout=0.05)
    client.future.computed.set()
    assert came.get(timeout=SOON) == (7, None)
    client.status = "closed"
    joined.close()
