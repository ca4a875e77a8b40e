"""Executors of engines: Dask, Ray and interpreters behind the standard library's interface, under a display."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mainstage.run.run import own_run

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


class ClusterExecutor(Executor):
    """A `concurrent.futures.Executor` on an engine; its display begins with the first submit, ends with `shutdown`."""

    shows_itself = True
    engine = ""

    def __init__(self, cluster: Any, max_workers: int | None, options: dict[str, Any]) -> None:
        self._run = own_run(
            executor=self.engine, cluster=cluster, max_workers=max_workers, on_error="collect", **options
        )
        self._live = False
        self._over = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Have `fn(*args, **kwargs)` called on the cluster. Raises `RuntimeError` after `shutdown`."""
        with self._lock:
            if self._over:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if not self._live:
                self._run.__enter__()
                self._live = True
        return self._run.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the standard signature
        """As the standard library's. Where it does not wait, display and cluster end with the program, or a later call.

        So they do at once where nothing is pending.
        """
        with self._lock:
            self._over = True
            if self._live and cancel_futures:
                self._run.shutdown(wait=False, cancel_futures=True)
            ends = self._live and (wait or not self._run.pending())
            self._live = self._live and not ends
        if ends:
            self._run.__exit__(None, None, None)


class DaskExecutor(ClusterExecutor):
    """Calls run on a Dask cluster.

    `client_or_address` is a `distributed.Client` or the address of a scheduler ("tcp://host:8786"); without one a
    cluster of `max_workers` processes is started on this machine, and ended with the executor. `options` are those of
    `Run`. Raises `MainstageError` naming the extra where Dask is not installed.
    """

    engine = "dask"

    def __init__(self, client_or_address: Any = None, max_workers: int | None = None, **options: Any) -> None:
        super().__init__(client_or_address, max_workers, options)


class RayExecutor(ClusterExecutor):
    """Calls run on a Ray cluster.

    `address` is that of a cluster ("auto", "ray://host:10001"); without one, a cluster that this program has joined
    already is used, else one of `max_workers` processors is started on this machine, and ended with the executor.
    `options` are those of `Run`. Raises `MainstageError` naming the extra where Ray is not installed.
    """

    engine = "ray"

    def __init__(self, address: str | None = None, max_workers: int | None = None, **options: Any) -> None:
        super().__init__(address, max_workers, options)


class InterpreterPoolExecutor(ClusterExecutor):
    """Calls run in interpreters of this process, each with a lock of its own; as the standard library's, Python 3.14.

    `initializer(*initargs)` is called in each of them first; if it fails, all calls do, with `PoolBroken`. `options`
    are those of `Run`. Raises `MainstageError` on an older Python.
    """

    engine = "interpreter"

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **options: Any,
    ) -> None:
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        super().__init__(
            None,
            max_workers,
            {"title": thread_name_prefix, "initializer": initializer, "initargs": initargs, **options},
        )
