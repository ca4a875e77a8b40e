"""A descriptor that the system refuses for good: the dispatcher neither spins nor ends, and only its worker pays."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.backends import process_work as work
from tests.backends.test_processes import SOON, until
from tests.backends.test_processes_output import Events, opened

from mainstage.channels import frames, pipe
from mainstage.core.refusals import Refusals
from mainstage.errors import PoolBroken, WorkerLost
from mainstage.pool.processes import dispatcher as dispatching
from mainstage.pool.processes import fd_output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mainstage.pool.processes.dispatcher import Dispatcher
    from mainstage.pool.processes.process import WorkerProcess


def dispatcher_of(run: Any) -> Dispatcher:
    return run._live().work.backend.workers.dispatcher  # type: ignore[no-any-return]


def busy_workers(run: Any) -> list[WorkerProcess]:
    until(lambda: any(worker.inflight and worker.heard for worker in dispatcher_of(run).workers))
    return [worker for worker in dispatcher_of(run).workers if worker.inflight]


class Refusing:
    """In the place of a function of `os`: refuses one descriptor for good, or as often as told."""

    def __init__(self, real: Callable[..., Any], times: float = float("inf")) -> None:
        self._real = real
        self.fd = -1
        self.left = times
        self.refused = 0

    def __call__(self, fd: int, *args: Any) -> Any:
        if fd == self.fd and self.left > 0:
            self.left -= 1
            self.refused += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._real(fd, *args)


class Os:
    """The module `os`, but for one function."""

    def __init__(self, name: str, function: Refusing) -> None:
        setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


PLACES = [
    pytest.param(frames, "read", id="its messages"),
    pytest.param(pipe, "writev", id="messages to it"),
    pytest.param(fd_output, "read", id="its output"),
]


@pytest.mark.parametrize(("module", "function"), PLACES)
def test_what_stays_refused_costs_one_worker_and_no_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: Any, function: str
) -> None:
    monkeypatch.setattr(Refusals, "LASTING", 10)
    refusing = Refusing(getattr(os, function))
    with opened(Events()) as run:
        monkeypatch.setattr(module, "os", Os(function, refusing))
        held = run.submit(work.loud_once_told, str(tmp_path / "go"), str(tmp_path / "never"))
        (worker,) = busy_workers(run)
        refusing.fd = worker.output[0].fd if module is fd_output else worker.end.fd
        (tmp_path / "go").touch()
        if function == "writev":
            worker.request(next(iter(worker.inflight)), "no matter what")
        lost = held.exception(SOON)
        assert isinstance(lost, WorkerLost)
        assert "Input/output error" in str(lost)
        refusing.fd = -1  # closed by now: the next worker may have the number
        assert refusing.refused <= 20
        assert list(run.map(work.square, range(100))) == [n * n for n in range(100)]
        assert dispatcher_of(run).broken is None


@pytest.mark.parametrize(("module", "function"), PLACES)
def test_what_is_refused_for_a_moment_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: Any, function: str
) -> None:
    refusing = Refusing(getattr(os, function), times=5)
    events = Events()
    with opened(events, max_workers=1) as run:
        monkeypatch.setattr(module, "os", Os(function, refusing))
        held = run.submit(work.loud_once_told, str(tmp_path / "go"), str(tmp_path / "go"))
        (worker,) = busy_workers(run)
        refusing.fd = worker.output[0].fd if module is fd_output else worker.end.fd
        (tmp_path / "go").touch()
        assert held.result(SOON) == "told"
        assert run.submit(work.square, 3).result(SOON) == 9
        assert refusing.refused == 5
    (lines,) = events.written().values()
    assert "stdout: descriptor 1" in lines


def test_a_bell_that_cannot_be_read_for_good_ends_the_pool_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Refusals, "LASTING", 10)
    refusing = Refusing(os.read)
    with opened(Events()) as run:
        assert run.submit(work.square, 3).result(SOON) == 9
        refusing.fd = dispatcher_of(run)._reading
        monkeypatch.setattr(dispatching, "os", Os("read", refusing))
        error = run.submit(work.hang_once, str(tmp_path / "begun")).exception(SOON)
        assert isinstance(error, PoolBroken)
        assert "Input/output error" in str(error)
    assert refusing.refused <= 10 * dispatching.MISTAKES + 10
