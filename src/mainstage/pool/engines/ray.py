"""Ray as an engine: object references, one actor that carries events and requests, a long poll at either end.

An actor of no processors holds batches until this side asks for them, and requests to stop until the workers do: each
has one call outstanding, which returns when there is something. No call is made per item or per event.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import secrets
import threading
from importlib import import_module
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from mainstage.core import pickling
from mainstage.errors import Cancelled, EngineLost, EngineMissing, WorkerLost
from mainstage.pool.engines import worker as engine_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstage.pool.engines.adapter import EngineAdapter, Piece
    from mainstage.pool.engines.worker import Result, WorkHeader

    Done = Callable[[Result | None, BaseException | None], None]
    Order = tuple[str, tuple[Any, ...]]

try:
    ray: Any = import_module("ray")
except ImportError as missing:
    raise EngineMissing('executor="ray" needs Ray: pip install "mainstage[ray]"') from missing
NodeAffinitySchedulingStrategy: Any = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy

TOKENS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
"""What Ray reads of its tokens from the environment: whether it asks for one, which, and the file with it."""
RERUNS = 3
"""How often Ray runs a piece again whose worker died."""
KEPT = 1000
"""Requests that the actor remembers for workers that ask late."""
GONE = "the Ray cluster does not answer: see whether it runs (`ray status`), and start the work again"
WAIT = 20.0
"""Seconds of a long poll; an empty answer then says that the actor is there."""
LOOK = 5.0
"""Seconds between two looks at whether the cluster is there, once the actor is not."""


class Exchange:
    """The actor: batches of events go to the run, orders come from it, in turn."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._batches: list[bytes] = []
        self._orders: list[Order] = []
        self._gone = 0
        self._news = asyncio.Event()
        self._ordered = asyncio.Event()

    async def ready(self) -> None:
        """Return: it is up."""

    async def tell(self, batch: bytes) -> None:
        """Take a batch from a worker."""
        self._batches.append(batch)
        self._news.set()

    async def hear(self) -> list[bytes]:
        """Return the batches that are there, as soon as there is one."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._wait)
        self._news.clear()
        batches, self._batches = self._batches, []
        return batches

    async def order(self, name: str, *args: Any) -> None:
        """Take an order for all workers."""
        self._orders.append((name, args))
        if len(self._orders) > KEPT:
            self._gone += len(self._orders) - KEPT
            del self._orders[:-KEPT]
        self._ordered.set()
        self._ordered = asyncio.Event()

    async def orders(self, seen: int) -> tuple[int, list[Order]]:
        """Return the orders after the first `seen`, as soon as there is one, and how many that makes."""
        if self._gone + len(self._orders) <= seen:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ordered.wait(), self._wait)
        return self._gone + len(self._orders), self._orders[max(0, seen - self._gone) :]


ORDERS: dict[str, Callable[..., object]] = {
    "ask": engine_worker.ask,
    "interval": engine_worker.set_interval,
    "locate": engine_worker.locate,
    "leave": engine_worker.leave,
}


def follow_orders(exchange: Any, run: str) -> None:
    """Carry out what a run asks of this worker process, until it leaves or is gone."""
    seen = 0
    while True:
        try:
            seen, orders = ray.get(exchange.orders.remote(seen))
        except Exception:  # noqa: BLE001  # the actor is gone, and the run with it
            engine_worker.leave(run)
            return
        for name, args in orders:
            ORDERS[name](run, *args)
            if name == "leave":
                return


def run_on_ray(packed: bytes, *stored: bytes) -> bytes | Result:
    """Do a piece of work on this Ray worker; return its result in bytes unless it is large, as `_packed` does."""
    fields, function, data = pickle.loads(packed)  # noqa: S301  # from our own code on a cluster that runs what we send
    left = iter(stored)
    function, data = (next(left) if one is None else one for one in (function, data))
    head = engine_worker.WorkHeader(*fields)
    result = (engine_worker.opened(head.run) or _open(head)).work(head, function, data, tuple(left))
    if result.buffers or len(result.value) >= engine_worker.LARGE:
        return result
    return pickle.dumps(tuple(result), pickling.PROTOCOL)


def _open(head: WorkHeader) -> engine_worker.WorkerAgent:
    """Return the run's station in this worker process, made now, with its line to the run."""
    exchange: Any = None
    with contextlib.suppress(Exception):  # the actor is gone: results do not depend on the show
        exchange = ray.get_actor(exchange_of(head.run))
        threading.Thread(target=follow_orders, args=(exchange, head.run), name="mainstage-orders", daemon=True).start()

    def carry(batch: bytes) -> None:
        if exchange is not None:
            exchange.tell.remote(batch)

    return engine_worker.station(head, carry, engine_worker.told_place(os.getpid()))


def exchange_of(run: str) -> str:
    """Return the name of a run's actor."""
    return f"mainstage-{run}"


def _packed(piece: Piece) -> tuple[bytes, list[Any]]:
    """Return the arguments of `run_on_ray`: bytes, which Ray sends as they are, and references to what is large."""
    own = [one if isinstance(one, bytes) else None for one in (piece.function, piece.data)]
    stored = [one for one in (piece.function, piece.data) if not isinstance(one, bytes)]
    return pickle.dumps((tuple(piece.head), *own), pickling.PROTOCOL), [*stored, *piece.large]


def _unpacked(result: bytes | Result) -> Result:
    if isinstance(result, bytes):
        return engine_worker.Result(*pickle.loads(result))  # noqa: S301  # as above
    return result


@contextlib.contextmanager
def _for_this_user_only() -> Iterator[None]:
    """Start a cluster within the block that asks for a token, which this process and its own alone know.

    Ray before 2.52 asks for none. What the user has set for Ray's tokens stands.
    """
    if any(name in os.environ for name in TOKENS):
        yield
        return
    os.environ.update(zip(TOKENS, ("token", secrets.token_hex(32)), strict=False))
    _read_token_anew()
    try:
        yield
    finally:
        for name in TOKENS:
            os.environ.pop(name, None)


def _read_token_anew() -> None:
    """Make Ray read again what the environment says of tokens: it keeps that for good, past the end of its cluster."""
    with contextlib.suppress(Exception):  # no public way; a Ray that has no such thing keeps none
        raylet = import_module("ray._raylet")
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _join(address: str | None, max_workers: int) -> None:
    try:
        if address:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        else:
            with _for_this_user_only():
                ray.init(
                    address="local",
                    num_cpus=max_workers,
                    log_to_driver=False,
                    logging_level="ERROR",
                    include_dashboard=False,
                )
    except (ConnectionError, ValueError, ImportError) as error:  # no address at all; "ray://" without Ray's client
        raise EngineLost(f"no Ray cluster answers at {address!r}: {error}; see whether it runs, and where") from error
    except Exception as error:
        where = f"at {address!r}" if address else "on this machine"
        raise EngineLost(f"Ray does not start {where}: {error}") from error


def _dashboard() -> str:
    with contextlib.suppress(Exception):  # its public place is what `ray.init` returns, to whoever has joined first
        address = import_module("ray._private.worker").get_dashboard_url()
        return f"http://{address}" if address else ""
    return ""


class RayAdapter:
    """A Ray cluster: `address` names one, else one is started here and ended with the run; one that is up is joined."""

    name = "ray"
    far = True

    def __init__(self, address: str | None = None, max_workers: int = 1) -> None:
        self._own = not ray.is_initialized()
        self._started = self._own and address is None
        if self._own:
            _join(address, max_workers)
        resources = ray.cluster_resources()
        self.slots = max(1, int(resources.get("CPU", 1)))
        context = ray.get_runtime_context()
        self._node = context.get_node_id()
        self.link = _dashboard()
        self._work = ray.remote(run_on_ray)
        self._exchange: Any = None
        self._finished: SimpleQueue[tuple[Any, Done] | None] = SimpleQueue()
        self._over = threading.Event()
        self._gone = False

    def open(self, run: str, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        """Begin: have `hear` called with each batch of events of the run, `gone` when the engine is."""
        here = NodeAffinitySchedulingStrategy(self._node, soft=True)  # a node that is lost loses but its own events
        actor = ray.remote(Exchange).options(
            num_cpus=0, max_concurrency=100_000, name=exchange_of(run), scheduling_strategy=here
        )
        self._exchange = actor.remote(WAIT)
        ray.get(self._exchange.ready.remote())  # what a worker tells before the actor is up would die with the worker
        threading.Thread(target=self._hear, args=(hear, gone), name="mainstage-ray-events", daemon=True).start()
        threading.Thread(target=self._give_back, name="mainstage-ray-results", daemon=True).start()

    def keep(self, data: bytes) -> Any:
        """Return what stands for `data`: itself, or where it is large a reference to it in the object store."""
        return data if len(data) < engine_worker.LARGE else ray.put(data)

    def submit(self, pieces: Sequence[Piece]) -> list[Any]:
        """Call `run_on_ray` for each piece on some worker; return the references to the results."""
        if self._gone:
            raise EngineLost(GONE)
        return [self._submit_one(piece) for piece in pieces]

    def _submit_one(self, piece: Piece) -> Any:
        packed, stored = _packed(piece)
        done = piece.done
        reruns = 0 if piece.head.bundle else RERUNS  # its items run again one by one
        options = self._work.options(max_retries=reruns, name=piece.head.description)
        reference = options.remote(packed, *stored)
        reference.future().add_done_callback(lambda future: self._finished.put((future, done)))
        return reference

    def ask(self, tasks: Sequence[int], reason: str) -> None:
        """Ask tasks to stop, wherever they run."""
        self._exchange.order.remote("ask", list(tasks), reason)

    def drop(self, handle: Any, worker: str, *, kill: bool) -> None:  # Ray knows where it runs
        """Cancel it; `kill`: with its worker process."""
        if kill or not worker:
            with contextlib.suppress(Exception):  # it has ended
                ray.cancel(handle, force=kill)

    def locate(self, root: int, task: int, attempt: int, since: float) -> None:
        """Ask the worker of the piece `root` where it stands."""
        self._exchange.order.remote("locate", root, task, attempt, since)

    def set_interval(self, seconds: float) -> None:
        """Set the interval of reports: positions are sent at most once in `seconds`."""
        self._exchange.order.remote("interval", seconds)

    def close(self) -> None:
        """Leave the cluster as it was found; one that we started ends."""
        self._over.set()
        self._finished.put(None)
        if not self._gone:
            with contextlib.suppress(Exception):  # the cluster may go meanwhile
                if not self._started:
                    ray.get(self._exchange.order.remote("leave"), timeout=5)
                ray.kill(self._exchange)
        if self._own:
            ray.shutdown()
        if self._started:
            _read_token_anew()

    # --- threads of the port ---

    def _hear(self, hear: Callable[[bytes], None], gone: Callable[[Exception], None]) -> None:
        while not self._over.is_set():
            try:
                batches = ray.get(self._exchange.hear.remote())
            except Exception:  # noqa: BLE001  # the actor is gone: results do not depend on the show
                break
            for batch in batches:
                hear(batch)
        while not self._over.is_set():
            if not self._is_up():
                self._gone = True
                gone(EngineLost(GONE))
                return
            self._over.wait(LOOK)

    def _is_up(self) -> bool:
        """Return whether Ray's own process on this machine lives: its results are waited for for ever if not."""
        try:
            return any(node["Alive"] for node in ray.nodes() if node["NodeID"] == self._node)
        except Exception:  # noqa: BLE001  # nobody answers
            return False

    def _give_back(self) -> None:
        while (one := self._finished.get()) is not None:
            future, done = one
            try:
                done(_unpacked(future.result()), None)
            except BaseException as error:  # noqa: BLE001  # whatever the engine says of it
                done(None, ray_error(error))


def ray_error(error: BaseException) -> BaseException:
    """Return Ray's word for why a piece did not run, in ours."""
    known = ray.exceptions
    if isinstance(error, known.TaskCancelledError) or isinstance(
        getattr(error, "cause", None), known.TaskCancelledError
    ):
        return Cancelled("cancelled on the cluster")
    if isinstance(error, (known.WorkerCrashedError, known.OutOfMemoryError, known.NodeDiedError)):
        return WorkerLost(f"the worker that ran it died: {str(error).splitlines()[0]}", 0, None, "")
    return EngineLost(GONE) if isinstance(error, known.LocalRayletDiedError) else error


if TYPE_CHECKING:
    _of_protocol: type[EngineAdapter] = RayAdapter
