"""`joblib.Parallel` under the display: each call of one is a source of tasks, over whichever backend it has chosen.

joblib stays what it is: nothing here decides what runs, where, or what comes of it. What runs in this process (threads,
or one job) reports from inside, as any worker does; of what runs elsewhere joblib tells when it was handed out and when
it came back, so the tasks that are shown as running are the oldest ones that are out, as many as there are workers.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from importlib import import_module
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any

from mainstage.errors import Cancelled, MainstageError, describe_error
from mainstage.events import ItemsEnded, SourceClosed, SourceOpened, TaskCancelled, TaskEnded, TaskFailed, TaskStarted
from mainstage.run.run import Run, current_run
from mainstage.tasks import outcome as runner
from mainstage.tasks.position import known_length, plain_total
from mainstage.tasks.reporter import live
from mainstage.tasks.task import Task, open_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mainstage.tasks.reporter import Reporter

    Item = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

_NAME = "_mainstage_call"


class CallGroup:
    """Tasks that joblib sends out together: most often one, many where they are short."""

    __slots__ = ("ids", "items", "slot", "started")

    def __init__(self, items: list[Item], ids: list[int]) -> None:
        self.items = items
        self.ids = ids
        self.slot = -1
        """The worker that it is taken to run on; -1: it waits."""
        self.started = 0.0


class ParallelCall:
    """One call of a `joblib.Parallel`, as events; any thread may report to it."""

    def __init__(self, reporter: Reporter, backend: str, workers: int, total: int | None) -> None:
        self._reporter = reporter
        self._backend = backend
        self._slots = list(range(workers, 0, -1))
        self._waiting: deque[CallGroup] = deque()
        self._running: set[CallGroup] = set()
        self._inside: set[Task] = set()
        self.handed = 0
        """How many tasks it has had so far."""
        self._over = False
        self._lock = threading.Lock()
        self._source = reporter.new_id()
        reporter.send(SourceOpened(reporter.now(), self._source, total))

    # --- tasks that run in this process ---

    def reporting(self, item: Item) -> Item:
        """Return `item` with a function that reports from where it runs, and returns and raises the same."""
        fn, args, kwargs = item
        with self._lock:
            self.handed += 1

        def reported(*args: Any, **kwargs: Any) -> Any:
            described = describe_joblib_call(fn, args, kwargs)
            task = self._open(described)
            if task is None:
                return fn(*args, **kwargs)
            outcome = runner.run(task, fn, args, kwargs)
            with self._lock:  # `close` finds a task that has told its end, or one whose end it tells
                self._inside.discard(task)
                runner.finish(task, outcome, described)
            if outcome.error is not None:
                raise outcome.error
            return outcome.value

        return reported, args, kwargs

    def _open(self, described: str) -> Task | None:
        """Return the task of an item that begins now; None: the call is over, and nothing of it is shown any more."""
        with self._lock:
            if self._over:
                return None
            worker = threading.current_thread().name
            task = open_task(self._reporter, self._reporter.new_id(), 1, described, worker=worker)
            self._inside.add(task)
            return task

    # --- tasks that run elsewhere ---

    def sent(self, items: list[Item]) -> CallGroup:
        """Called when a batch was handed out."""
        with self._lock:
            batch = CallGroup(items, [self._reporter.new_id() for _ in items])
            self.handed += len(items)
            self._waiting.append(batch)
            self._begin()
        return batch

    def came_back(self, batch: CallGroup, error: BaseException | None, *, unwanted: bool = False) -> None:
        """Called when all of a batch is done, or one of its tasks failed with `error`: stopped, if `unwanted`."""
        with self._lock:
            if self._over:
                return
            if batch.slot < 0:  # it overtook others: nobody knows since when it ran
                self._waiting.remove(batch)
                self._start(batch, 0)
            self._running.discard(batch)
            if batch.slot:
                self._slots.append(batch.slot)
            self._end(batch, error, unwanted=unwanted)
            self._begin()

    def _begin(self) -> None:
        while self._waiting and self._slots:
            self._start(self._waiting.popleft(), self._slots.pop())

    def _start(self, batch: CallGroup, slot: int) -> None:
        batch.slot, batch.started = slot, self._reporter.now()
        self._running.add(batch)
        if len(batch.items) == 1:
            self._tell_start(batch, 0)

    def _tell_start(self, batch: CallGroup, index: int) -> None:
        described = describe_joblib_call(*batch.items[index])
        self._reporter.send(TaskStarted(batch.started, batch.ids[index], 1, self._worker(batch), described))

    def _worker(self, batch: CallGroup) -> str:
        return f"{self._backend}-{batch.slot}" if batch.slot else self._backend

    def _end(self, batch: CallGroup, error: BaseException | None, *, unwanted: bool) -> None:
        now, send = self._reporter.now(), self._reporter.send
        if error is not None and unwanted:
            if len(batch.items) == 1:
                send(TaskCancelled(now, batch.ids[0], 1, 0, "joblib stopped the rest"))
        elif error is not None:
            if len(batch.items) > 1:  # which of them is not told
                self._tell_start(batch, 0)
            send(TaskFailed(now, batch.ids[0], 1, 0, describe_error(error), describe_joblib_call(*batch.items[0])))
        elif len(batch.items) == 1:
            send(TaskEnded(now, batch.ids[0], 1, 1))
        else:
            began, each = batch.started, (now - batch.started) / len(batch.items)
            times = [(ident, began + each * n, began + each * (n + 1)) for n, ident in enumerate(batch.ids)]
            send(ItemsEnded(now, self._source, self._worker(batch), tuple(times)))

    # --- the end ---

    def close(self, error: BaseException | None = None) -> None:
        """End the call. joblib does not wait for a task that still runs: it is asked to stop, and cancelled."""
        reason = "" if error is None else f"the call was ended by {type(error).__name__}"
        with self._lock:
            if self._over:
                return
            self._over = True
            for task in self._inside:
                task.request_cancel(reason)
                task.close(Cancelled(reason))
            self._inside.clear()
            now, send = self._reporter.now(), self._reporter.send
            for batch in self._running:
                if len(batch.items) == 1:
                    send(TaskCancelled(now, batch.ids[0], 1, 0, reason))
            send(SourceClosed(now, self._source, self.handed))


def describe_joblib_call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return a short name for a call of joblib's; of what scikit-learn wraps, what is in it."""
    inner = getattr(fn, "function", fn)
    return runner.describe_call(inner if callable(inner) else fn, args or tuple(kwargs.values()))


class Items:
    """The tasks of a call, each made to report as it is taken."""

    def __init__(self, items: Iterable[Item], call: ParallelCall) -> None:
        self._items = items
        self._call = call

    def __iter__(self) -> Iterator[Item]:
        return map(self._call.reporting, self._items)


class SizedItems(Items):
    """The same, of which it is known how many there are."""

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type]  # who made it has looked


class JoblibWork:
    """What stands in for `joblib.Parallel.__call__` while a run shows it."""

    def __init__(self, parallel: Any, total: int | None = None) -> None:
        self._class = parallel
        self._total = total
        """How many tasks there are in all calls together; None: nobody says."""
        self._original: Callable[..., Any] = parallel.__call__
        self._calls: dict[int, ParallelCall] = {}
        """Those whose tasks run elsewhere, by the id of their `Parallel`."""
        self._open: set[ParallelCall] = set()
        self._handed = 0
        """How many tasks the calls had that are over."""

    def start(self) -> None:
        """Take the place."""
        guest = self

        def call(self: Any, iterable: Iterable[Item]) -> Any:
            return guest.call(self, iterable)

        setattr(call, _NAME, self)
        self._class.__call__ = call

    def stop(self) -> None:
        """Give it back; calls that go on are shown no more."""
        self._class.__call__ = self._original
        for call in list(self._open):
            call.close()
        self._open.clear()
        self._calls.clear()

    def call(self, parallel: Any, iterable: Iterable[Item]) -> Any:
        """Call `parallel`, shown; one that is called within a task of another is that task's own business."""
        backend = parallel._backend  # noqa: SLF001  # joblib has no other door
        reporter, level = live.reporter, getattr(backend, "nesting_level", 0)
        if reporter is None or level or current_process().daemon:  # a daemon has no workers: joblib warns of that, once
            return self._original(parallel, iterable)
        workers = parallel._effective_n_jobs()  # noqa: SLF001  # as above
        total = known_length(iterable)
        call_total = self._left() if total is None else total
        name = type(backend).__name__.removesuffix("Backend").removesuffix("Parallel").lower()
        call = ParallelCall(reporter, name, workers, call_total)
        self._open.add(call)
        if workers == 1 or getattr(backend, "uses_threads", False):
            iterable = (Items if total is None else SizedItems)(iterable, call)
        else:
            self._calls[id(parallel)] = call
            self._listen(backend)
        try:
            results = self._original(parallel, iterable)
        except BaseException as error:
            self._close(parallel, call, error)
            raise
        if isinstance(results, list):
            self._close(parallel, call, None)
            return results
        return self._through(results, parallel, call)

    def _through(self, results: Iterator[Any], parallel: Any, call: ParallelCall) -> Iterator[Any]:
        error: BaseException | None = None
        try:
            yield from results
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._close(parallel, call, error)

    def _left(self) -> int | None:
        """Return how many tasks are to come, for a call that does not say how many it has; None: not known."""
        if self._total is None:
            return None
        return max(0, self._total - self._handed - sum(call.handed for call in self._open)) or None

    def _close(self, parallel: Any, call: ParallelCall, error: BaseException | None) -> None:
        self._calls.pop(id(parallel), None)
        if call in self._open:
            self._open.discard(call)
            self._handed += call.handed
        call.close(error)

    def _listen(self, backend: Any) -> None:
        """Observe each batch that `backend` gets, and its end: once for each backend object."""
        name = "submit" if hasattr(backend, "submit") else "apply_async"  # the second up to joblib 1.4
        if _NAME in vars(backend):
            return
        original = getattr(backend, name)

        def submit(func: Any, callback: Any = None) -> Any:
            call = self._calls.get(id(getattr(callback, "parallel", None)))
            if call is None:
                return original(func, callback)
            batch = call.sent(list(func.items))

            def done(*out: Any) -> Any:
                call.came_back(batch, failure(backend, out), unwanted=getattr(callback.parallel, "_aborting", False))
                return callback(*out)

            return original(func, done)

        setattr(backend, name, submit)
        setattr(backend, _NAME, self)


def failure(backend: Any, out: tuple[Any, ...]) -> BaseException | None:
    """Return what a batch failed with, as far as its backend tells it before the result is fetched."""
    if not out or not getattr(backend, "supports_retrieve_callback", False):
        return None
    try:
        backend.retrieve_result_callback(*out)
    except BaseException as error:  # noqa: BLE001  # whatever the task raised
        return error
    return None


@contextlib.contextmanager
def joblib(description: str = "joblib", *, total: float | None = None, **options: Any) -> Iterator[Run]:
    """Show every `joblib.Parallel(...)` call within the block, scikit-learn's `n_jobs` included, task by task.

    Over whichever backend joblib uses; what it returns and raises is joblib's. `total` is how many tasks there are in
    the block, for calls whose tasks come from a generator. Within a live run the tasks join it, else one is opened,
    called `description`, with `options`, those of `Run`; the block gets the run. Raises `MainstageError` where joblib
    is not installed.
    """
    known = plain_total(total)
    items = None if known is None else int(known)
    try:
        parallel = import_module("joblib.parallel").Parallel
    except ImportError:
        raise MainstageError('joblib is not installed: pip install "mainstage[joblib]"') from None
    with contextlib.ExitStack() as stack:
        run = current_run() or stack.enter_context(Run(description, **options))
        if not hasattr(parallel.__call__, _NAME):  # a block within a block
            guest = JoblibWork(parallel, items)
            guest.start()
            stack.callback(guest.stop)
        yield run
