"""Dask as an engine: a client's futures, a topic for events, the scheduler's word for requests to stop.

Events take `log_event` to a subscription, which shares one stream with the news that a task is done, so they come in
order. Nothing here runs on the client's own thread but a `put`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import weakref
from concurrent.futures import CancelledError
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mainstage.core.clock import monotonic
from mainstage.errors import Cancelled, EngineLost, EngineMissing, MainstageError, WorkerLost
from mainstage.pool.engines import worker as engine_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstage.pool.engines.adapter import EngineAdapter, Piece
    from mainstage.pool.engines.worker import Result, WorkHeader

    Done = Callable[[Result | None, BaseException | None], None]

try:
    distributed: Any = import_module("distributed")
except ImportError as missing:
    raise EngineMissing('executor="dask" needs Dask: pip install "mainstage[dask]"') from missing

FORGET_TURN, FORGET_TURNS = 0.02, 100
"""Seconds between two looks at whether all is in that is on its way to the scheduler, and how many there are."""
LEFT = b""
"""The last that a worker tells a run: it has left."""
TOGETHER, MANY = 0.01, 8
"""Seconds in which results are gathered to be fetched at once, where more than so many pieces are out: a fetch costs
half a short task."""
AGAIN = ("pending", "lost")
"""What becomes of a future that was done when a worker dies that had its result: it is computed again."""
ASKED_IN = 5.0
"""Seconds that workers have to answer when a run leaves them."""
GONE = "the connection to the Dask scheduler is lost: see whether it runs, and start the work again"
CONNECTION = "scheduler-connection-lost"
"""Dask's reason for a future that was cancelled because the scheduler does not answer."""


def run_on_dask(head: WorkHeader, function: bytes, data: bytes, *buffers: bytes) -> Result:
    """Do a piece of work on this Dask worker."""
    here = distributed.get_worker()
    name = engine_worker.told_place(here.name)
    topic = topic_of(head.run)
    station = engine_worker.station(head, lambda batch: here.log_event(topic, batch), name)
    return station.work(head, function, data, buffers)


def _key(head: WorkHeader) -> str:
    return f"mainstage-{head.run}-{head.task}-{head.attempt}"


def topic_of(run: str) -> str:
    """Return the topic that a run's events have."""
    return f"mainstage-{run}"


def leave_worker(run: str, dask_worker: Any) -> bool:
    """Close a run's station on this Dask worker, and tell that as its last event; False: there is none."""
    there = engine_worker.leave(run)
    if there:
        dask_worker.log_event(topic_of(run), LEFT)
    return there


async def forget(dask_scheduler: Any, topic: str, workers: int) -> None:
    """Remove a topic and its events from the scheduler, once no client listens and `workers` have left."""
    topics = dask_scheduler._broker._topics  # noqa: SLF001  # no public way; an unsubscribed topic keeps its events
    for _ in range(FORGET_TURNS):
        left = sum(event == LEFT for _, event in topics[topic].events)
        if left >= workers and not topics[topic].subscribers:
            break
        await asyncio.sleep(FORGET_TURN)
    topics.pop(topic, None)


def outlive_ctrl_c() -> None:
    """Ignore Ctrl-C in this worker process by a handler: its subprocesses would inherit `SIG_IGN`."""
    with contextlib.suppress(ValueError):  # the loop of the worker is not on its main thread
        signal.signal(signal.SIGINT, lambda _number, _frame: None)


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C: the whole group gets it, and the run decides what comes of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _throw_away_key() -> Any:
    """Return the TLS key of a cluster that is started here, kept in memory alone; without it no client gets in."""
    try:
        return distributed.Security.temporary()
    except ImportError as missing:
        raise EngineMissing(
            'executor="dask" without a cluster starts one that this user alone can reach, and needs cryptography for '
            'its key: pip install "mainstage[dask]", or name a cluster that runs'
        ) from missing


def _client_of(address: Any) -> Any:
    try:
        return distributed.Client(address, set_as_default=False)
    except OSError as error:
        raise EngineLost(
            f"no Dask scheduler answers at {address!r}: {error}; see whether it runs, and where"
        ) from error


class DaskAdapter:
    """A Dask cluster: `client_or_address` names one, else one is started here and ended with the run."""

    name = "dask"
    far = True

    def __init__(self, client_or_address: Any = None, max_workers: int = 1) -> None:
        self._cluster: Any = None
        self._own_client = not isinstance(client_or_address, distributed.Client)
        if client_or_address is None:
            self._start(max_workers)
        elif self._own_client:
            self._client = _client_of(client_or_address)
        else:
            self._client = client_or_address
        self.slots = max(1, sum(self._client.nthreads().values()))
        self.link = str(self._client.dashboard_link or "") if self._has_dashboard() else ""
        self._run = ""
        self._out = 0
        self._held: weakref.WeakSet[Any] = weakref.WeakSet()
        """Futures on the cluster, of pieces and of data: what is in here at the end is let go."""
        self._counting = threading.Lock()
        self._finished: SimpleQueue[tuple[Any, Done] | None] = SimpleQueue()
        self._errands: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=target, name=f"mainstage-dask-{name}", daemon=True)
            for target, name in ((self._gather, "results"), (self._run_errands, "errands"))
        ]

    def _start(self, workers: int) -> None:
        with _deaf_to_ctrl_c():
            self._cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                security=_throw_away_key(),
                silence_logs=50,  # logging.CRITICAL: what matters is told by futures
            )
            self._client = distributed.Client(self._cluster, set_as_default=False)
        self._client.run(outlive_ctrl_c)

    def _has_dashboard(self) -> bool:
        info = self._client.scheduler_info(n_workers=0)
        return bool(info.get("services", {}).get("dashboard"))

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin: have `hear` called with each batch of events of the run."""
        del gone  # Dask tells it of each future
        self._run = run
        self._client.subscribe_topic(topic_of(run), lambda event: hear(event[1]) if event[1] != LEFT else None)
        for thread in self._threads:
            thread.start()

    def keep(self, data: bytes) -> Any:
        """Return what stands for `data`: itself, or where it is large a future of it on the workers."""
        if len(data) < engine_worker.LARGE:
            return data
        kept = self._client.scatter(data, hash=False)
        self._held.add(kept)
        return kept

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Call `run_on_dask` for each piece on some worker; return Dask's futures."""
        if self._lost():
            raise EngineLost(GONE)
        if len(pieces) > 1 and not any(piece.large for piece in pieces):
            heads, functions, data = zip(*[piece[:3] for piece in pieces], strict=True)
            keys = [_key(piece.head) for piece in pieces]
            futures = self._client.map(run_on_dask, heads, functions, data, key=keys, pure=False)
        else:
            futures = [self._submit_one(piece) for piece in pieces]
        with self._counting:
            self._out += len(pieces)
        self._held.update(futures)
        for future, piece in zip(futures, pieces, strict=True):
            future.add_done_callback(lambda future, done=piece.done: self._finished.put((future, done)))
        return list(futures)

    def _submit_one(self, piece: Piece) -> Any:
        head, function, data, large, _ = piece
        return self._client.submit(run_on_dask, head, function, data, *large, key=_key(head), pure=False)

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop, wherever they run."""
        self._errands.put(lambda: self._on_workers(engine_worker.ask, self._run, list(tasks), reason))

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:
        """Cancel the future; `kill`: end its worker, if the cluster is ours and nothing else runs there."""
        self._errands.put(handle.cancel)
        if kill and self._cluster is not None:
            self._errands.put(lambda: self._restart(worker))

    def _restart(self, worker: str) -> None:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        addresses = [address for address, info in workers.items() if worker == engine_worker.told_place(info["name"])]
        if addresses:
            self._client.restart_workers(addresses, raise_for_error=False)

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Ask the worker of the piece `root` where it stands."""
        self._errands.put(lambda: self._on_workers(engine_worker.locate, self._run, root, task, attempt, since))

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        self._errands.put(lambda: self._on_workers(engine_worker.set_interval, self._run, seconds))

    def close(self) -> None:
        """Leave the cluster as it was found; one that we started ends."""
        self._errands.put(None)
        self._threads[1].join(ASKED_IN)
        self._finished.put(None)
        if self._cluster is None and not self._lost():
            with contextlib.suppress(Exception):  # the scheduler may go meanwhile
                self._take_leave()
        if self._own_client:
            with contextlib.suppress(Exception):  # as above
                self._client.close(timeout=ASKED_IN)
        if self._cluster is not None:
            self._cluster.close(timeout=ASKED_IN)

    def _take_leave(self) -> None:
        topic = topic_of(self._run)
        for future in list(self._held):
            future.release()
        left = self._client.run(leave_worker, self._run, on_error="ignore")
        self._client.unsubscribe_topic(topic)
        self._client.run_on_scheduler(forget, topic=topic, workers=sum(there is True for there in left.values()))
        handlers = getattr(self._client, "_event_handlers", {})  # no public way to have the client forget one
        self._client.loop.add_callback(self._client.loop.call_later, 1.0, handlers.pop, topic, None)

    def _lost(self) -> bool:
        return bool(self._client.status != "running")

    def _on_workers(self, function: Callable[..., object], *args: Any) -> None:
        self._client.run(function, *args, on_error="ignore")

    # --- threads of the port ---

    def _run_errands(self) -> None:
        while (errand := self._errands.get()) is not None:
            with contextlib.suppress(Exception):  # a worker or the scheduler is gone, and its work is told so
                errand()

    def _gather(self) -> None:
        while (first := self._finished.get()) is not None:
            batch = [first]
            deadline = monotonic() + (TOGETHER if self._out > MANY else 0.0)
            while len(batch) < self._out:
                try:
                    another = self._finished.get(timeout=max(0.0, deadline - monotonic()))
                except Empty:
                    break
                if another is None:
                    self._finished.put(None)
                    break
                batch.append(another)
            with self._counting:
                self._out -= len(batch)
            self._give_back(batch)

    def _give_back(self, batch: list[tuple[Any, Done]]) -> None:
        """Fetch the results of futures that are done, all at once."""
        ones = [(future.status, future, done) for future, done in batch]  # once: it may change meanwhile
        good = [(future, done) for status, future, done in ones if status == "finished"]
        for status, future, done in ones:
            if status in AGAIN:  # its callbacks would come at once
                threading.Thread(target=self._give_one, args=(future, done), daemon=True).start()
            elif status != "finished":
                done(None, _error(future))
                future.release()
        try:
            results = self._client.gather([future for future, _ in good])
        except BaseException:  # noqa: BLE001  # one of them, a cancellation of asyncio's too: each by itself
            for future, done in good:
                self._give_one(future, done)
            return
        for (future, done), result in zip(good, results, strict=True):
            done(result, None)
            future.release()

    def _give_one(self, future: Any, done: Done) -> None:
        try:
            done(future.result(), None)
        except CancelledError:
            done(None, _error(future))
        except BaseException as error:  # noqa: BLE001  # whatever the engine says of it
            done(None, dask_error(error))
        future.release()


def _error(future: Any) -> BaseException:
    """Return why a future has no result."""
    try:
        error = future.exception() if future.status == "error" else future.result(ASKED_IN)
    except CancelledError as cancelled:
        if getattr(cancelled, "reason", "") == CONNECTION:
            return EngineLost(GONE)
        return Cancelled("cancelled on the cluster")
    except BaseException as trouble:  # noqa: BLE001  # whatever the engine says of it
        error = trouble
    return dask_error(error) if isinstance(error, BaseException) else MainstageError(f"Dask says {future.status}")


def dask_error(error: BaseException) -> BaseException:
    """Return Dask's word for why a piece did not run, in ours."""
    if isinstance(error, distributed.KilledWorker):
        return WorkerLost(f"the workers that ran it died: {error}", 0, None, "")
    return error


if TYPE_CHECKING:
    _of_protocol: type[EngineAdapter] = DaskAdapter
