"""A cluster that a run starts for itself is for its user alone."""

from __future__ import annotations

import os
import socket
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends.clusters import need_for_own

from mainstage.errors import EngineMissing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def port() -> Iterator[Any]:
    need_for_own("dask")
    opened = import_module("mainstage.pool.engines.dask").DaskAdapter(None, 1)
    opened.open("tests", lambda _: None, lambda _: None)
    yield opened
    opened.close()


def addresses_of(port: Any) -> list[str]:
    """Return those of the scheduler, the worker, and what watches the worker."""
    info = port._client.scheduler_info(n_workers=-1)
    addresses = [info["address"], *info["workers"]]
    addresses += [worker["nanny"] for worker in info["workers"].values()]
    assert len(addresses) == 3
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses)
    return addresses


def strangers() -> dict[str, Any]:
    """Return ways to knock at a cluster without its key."""
    distributed = import_module("distributed")
    return {
        "no key": distributed.Security(require_encryption=False),
        "another key": distributed.Security.temporary(),
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stranger", ["no key", "another key"])
def test_whoever_has_not_the_key_gets_into_neither_scheduler_nor_worker(port: Any, stranger: str) -> None:
    distributed = import_module("distributed")
    for address in addresses_of(port):
        plain = address.replace("tls://", "tcp://") if stranger == "no key" else address
        with pytest.raises((OSError, TypeError, RuntimeError)):
            distributed.Client(plain, security=strangers()[stranger], timeout="1 s", set_as_default=False).close()


def test_whoever_shows_no_certificate_is_told_nothing(port: Any) -> None:
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    for address in addresses_of(port):
        host, _, number = address.removeprefix("tls://").rpartition(":")
        with socket.create_connection((host, int(number)), timeout=10) as plain:
            try:
                with anyone.wrap_socket(plain) as line:
                    said = line.recv(100)
            except (ssl.SSLError, ConnectionError):
                said = b""
        assert said == b""


def test_the_key_is_in_no_environment_and_on_no_command_line(port: Any) -> None:
    told = port._client.run(lambda: (dict(os.environ), open("/proc/self/cmdline").read()))  # noqa: PTH123, SIM115
    assert told
    assert "PRIVATE KEY" not in repr(told)


def opens(run: str) -> None:
    """Open a run's station on this worker."""
    worker: Any = import_module("mainstage.pool.engines.worker")
    worker.station(worker.WorkHeader(run, 1, 1, "", 0.0, captured=False, interval=0.1), lambda _: None, "node/1")


def test_a_run_that_leaves_a_worker_is_told_so(port: Any) -> None:
    dask = import_module("mainstage.pool.engines.dask")
    port._client.run(opens, "left")
    assert list(port._client.run(dask.leave_worker, "left").values()) == [True]
    assert list(port._client.run(dask.leave_worker, "left").values()) == [False]


def test_without_cryptography_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")

    def missing() -> None:
        raise ImportError("no cryptography")

    monkeypatch.setattr(distributed.Security, "temporary", missing)
    with pytest.raises(EngineMissing, match=r"mainstage\[dask\]"):
        import_module("mainstage.pool.engines.dask").DaskAdapter(None, 1)


class Ray:
    """Ray's `init`, as far as tokens go: what was in the environment as it was called."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []

    def init(self, **_: Any) -> None:
        """Look at the environment."""
        self.seen.append({name: value for name, value in os.environ.items() if name.startswith("RAY_AUTH")})


def test_ray_is_started_with_a_token_of_its_own_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    engine = import_module("mainstage.pool.engines.ray")
    for name in engine.TOKENS:
        monkeypatch.delenv(name, raising=False)
    ray = Ray()
    monkeypatch.setattr(engine, "ray", ray)
    engine._join(None, 1)
    engine._join(None, 1)
    engine._join("somewhere:6379", 1)
    assert [told.get("RAY_AUTH_MODE") for told in ray.seen] == ["token", "token", None]
    tokens = [told.get("RAY_AUTH_TOKEN", "") for told in ray.seen]
    assert len(tokens[0]) == len(tokens[1]) == 64
    assert tokens[0] != tokens[1]
    assert not [name for name in engine.TOKENS if name in os.environ]
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    engine._join(None, 1)
    assert ray.seen[-1] == {"RAY_AUTH_MODE": "disabled"}
