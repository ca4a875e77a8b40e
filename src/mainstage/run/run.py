"""`Run`: the composition root, where work and show meet."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from concurrent.futures import CancelledError, Executor, Future
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeVar, cast

from mainstage.core import unpatched
from mainstage.core.commands import Cancel, Hold
from mainstage.core.retry_policy import Policy, check_policy
from mainstage.journal.format import check_limit
from mainstage.pool.open import open_backend
from mainstage.pool.options import Crew, check_crew
from mainstage.pool.results import ItemOutcome, OnError, check_on_error
from mainstage.pool.task_future import TaskFuture
from mainstage.run import waiters
from mainstage.run.display_session import DisplayOptions, DisplaySession
from mainstage.run.exit import die_at_exit, hide_frames
from mainstage.run.map_row import RowOfMap, with_row
from mainstage.run.shutdown import Shutdown
from mainstage.run.signals import defer_signals
from mainstage.run.workload import Workload
from mainstage.tasks.bar import LoopRun, before_exit
from mainstage.tasks.queue.producers import coroutine_here
from mainstage.tasks.queue.raw_queue import RawQueue
from mainstage.tasks.reporter import live
from mainstage.tasks.task import current_task, innermost_loop, task
from mainstage.tasks.track import track
from mainstage.ui.display.settings import STUCK_AFTER

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from multiprocessing.context import BaseContext
    from types import TracebackType
    from typing import Never, NoReturn, Self

    from rich.progress import ProgressColumn
    from rich.theme import Theme

    from mainstage.core.clock import Clock
    from mainstage.core.item_names import ItemName
    from mainstage.pool.results import ResultIterator
    from mainstage.run.async_scope import AsyncRunScope, ExternalScope, ScopeCallbacks
    from mainstage.run.display_session import OutputRecorder
    from mainstage.run.external import ExternalCall
    from mainstage.run.external_threads import ThreadCall
    from mainstage.run.waiters import DoneAndNotDone
    from mainstage.store import Store, StoredResults
    from mainstage.ui.display import Display
    from mainstage.ui.display.notebook import NotebookDisplay
    from mainstage.ui.views import View
    from mainstage.ui.views.layouts import Layout

_runs: list[Run] = []
"""The runs that are live in this process, outermost first."""

P = ParamSpec("P")
R = TypeVar("R")


class Options(NamedTuple):
    """A way to submit: `run.options(description=, retries=, timeout=).submit(fn, ...)`."""

    run: Run
    description: str | None
    policy: Policy

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As `Run.submit`, with these options."""
        return self.run._submit(self.description, self.policy, fn, args, kwargs)  # noqa: SLF001  # its own other half


class LiveRun(NamedTuple):
    """What a run consists of once it was entered; `branch`: it stands within another one, whose show this is."""

    show: DisplaySession
    work: Workload
    ending: Shutdown
    branch: bool


class Run(Executor):
    """A session: an executor whose work is shown, and the context manager that makes it live.

    Within the `with` block: `submit`, `map`, `queue`, `as_completed`, `wait`; its end waits for everything that was
    begun. `on_error="raise"` (the default): the first failure cancels the rest and is raised, where it is asked for or
    at the end of the block; `"collect"` and `"skip"` cancel nothing. One Ctrl-C while a call of ours waits asks the
    work to stop and raises `KeyboardInterrupt` when it has; a second one, or `grace` seconds, abandons what has not.

    `max_workers` threads run the work (default: processors + 4, at most 32), or, with `executor="process"`, processes
    (default: one a processor), started by `mp_context` ("fork", "forkserver", "spawn"), each calling
    `initializer(*initargs)` first and replaced after `max_tasks_per_child`. `retries` (further attempts) and
    `timeout` (seconds, each attempt) are defaults for all of it.
    `view` is "auto", "live", "plain", "json" or "silent"; `layout` how the live view looks: "bars", "lanes",
    "tree", "steps", "grid", "nodes" or a `Dashboard`; `columns` are Rich's progress columns for the rows of bars,
    `theme` changes styles by name; a task that has not moved for `stuck_after` seconds is reported, with the place
    where it stands (None: never). `log` names a file that takes all output and failures too. `heartbeat=False`
    draws only while the owner's thread is in a call of ours. `capture=False` leaves the output of the program
    alone, "fd" takes that of C code and children too (and the words of a crash with it); `strict` raises
    `RenderingViolation` where it writes; `prefix=False` leaves out the task's name before a worker's line, which stands
    there in a run of several tasks. `recorder` takes each event, and all text that is captured then, wherever
    it would lead. `keys` has a live view take keys from the terminal (docs/keys.md); "auto": where they can be had,
    without a word. `journal` names a file that takes what happens, for `mainstage watch`, `replay` and `report`
    (docs/journal.md); True: one where `mainstage watch` finds it, gone with a run that ended well. `journal_limit`
    bounds its bytes; `journal_inputs=False` leaves inputs, and names of tasks, out of it. `report` names a page that
    is written at the end (docs/report.md). What is not given, or None, is what `MAINSTAGE_VIEW`, `_LOG`, `_CAPTURE`,
    `_KEYS`, `_JOURNAL`, ... say in the environment. Raises `ValueError` or `DisplayError` for arguments that make no
    sense.

    A run inside a run opens no second display: its work joins the first one's. Its `log` and its `journal` are written
    all the same, from its start to its end.
    """

    def __init__(  # noqa: PLR0913  # keyword-only: the options of a session
        self,
        title: str = "",
        *,
        max_workers: int | None = None,
        executor: str = "thread",
        mp_context: BaseContext | str | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        max_tasks_per_child: int | None = None,
        cluster: Any = None,
        view: str | View = "auto",
        layout: str | Layout = "",
        columns: Sequence[str | ProgressColumn] | None = None,
        theme: Theme | Mapping[str, str] | None = None,
        stuck_after: float | None = STUCK_AFTER,
        log: str | os.PathLike[str] | None = None,
        on_error: OnError = "raise",
        retries: int = 0,
        timeout: float | None = None,
        grace: float = 5.0,
        heartbeat: bool | None = None,
        capture: bool | Literal["fd"] | None = None,
        strict: bool | None = None,
        prefix: bool | None = None,
        recorder: OutputRecorder | None = None,
        display: Display | None = None,
        clock: Clock | None = None,
        keys: bool | Literal["auto"] | None = None,
        journal: str | os.PathLike[str] | bool | None = None,
        journal_limit: int | None = None,
        journal_inputs: bool = True,
        report: str | os.PathLike[str] | None = None,
        **unknown: Never,
    ) -> None:
        hide_frames()
        if unknown:
            refuse_unknown("Run", unknown, Run.__init__)
        self._crew = check_crew(
            Crew(executor, max_workers, mp_context, initializer, tuple(initargs), max_tasks_per_child, cluster)
        )
        self.title = title
        self.on_error: OnError = check_on_error(on_error)
        self._policy = check_policy(retries, timeout, grace)
        self._look = DisplayOptions(
            view,
            columns,
            log,
            layout=layout,
            theme=theme,
            stuck_after=stuck_after,
            heartbeat=heartbeat,
            display=display,
            clock=clock,
            capture=capture,
            strict=strict,
            prefix=prefix,
            recorder=recorder,
            keys=keys,
            journal=journal,
            journal_limit=check_limit(journal_limit),
            journal_inputs=journal_inputs,
            report=report,
        )
        self._parts: LiveRun | None = None
        self._entered_by = 0
        """The thread that entered it."""
        self._let_go: Callable[[], None]
        self._block: AsyncRunScope | None = None
        self._of_program = True
        """Whether the program has entered it itself, and its arguments are the program's word: defaults for others."""

    # --- life ---

    def __enter__(self) -> Self:
        """Go live: the display begins, reports of workers are shown."""
        if self._parts is not None:
            raise RuntimeError("this Run has been entered already; make another for the next block")
        if live.early is not None:
            live.early.make_way(self)
        branch = DisplaySession.current is not None
        show = DisplaySession.current or DisplaySession(self.title, self._look)
        crew = self._crew._replace(streams=tuple(show.capture.taken))
        number = len(_runs) + 1
        try:
            backend = open_backend(crew, show.channel, wake=show.wake, on_failure=self._on_failure, number=number)
        except BaseException:
            if not branch:
                show.discard()
            raise
        work = Workload(backend, show.channel, show.wake)
        ending = Shutdown(self, show, grace=self._policy.grace, branch=branch)
        self._parts = LiveRun(show, work, ending, branch)
        self._entered_by = unpatched.get_ident()
        try:
            self._open(*self._parts)
        except BaseException as late:
            if self in _runs:
                self.__exit__(type(late), late, None)
            else:
                backend.close()
                if not branch:
                    show.close()
            raise
        return self

    @defer_signals
    def _open(self, show: DisplaySession, work: Workload, ending: Shutdown, branch: bool) -> None:  # noqa: FBT001  # as of `LiveRun`
        self._let_go = show.open_nested(self.title, self._look) if branch else show.open()
        show.add_run(self, ending.on_stop, work.crowd(), work.backend)
        _runs.append(self)
        show.raise_deferred()

    @defer_signals
    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Wait for what was begun (leaving by an exception: ask it to stop first), show the end, raise what is due.

        Any thread; each step of the end is done whatever became of those before. A second call does nothing.
        """
        if self not in _runs:
            return
        show, work, ending, _ = self._live()
        interrupt: KeyboardInterrupt | None = None
        work.adoption.guests.drop_blocked()
        if isinstance(error, CancelledError) and ending.left_by_failure(work.futures):
            error = None
        with contextlib.ExitStack() as steps:  # the last one first
            steps.callback(self._let_go)
            steps.callback(show.remove_run, self, ending.on_stop)
            steps.callback(_runs.remove, self)
            steps.callback(work.adoption.detach)
            steps.callback(self._count_unretrieved)
            steps.callback(work.close_memories)
            if error is not None and ending.stop is None:
                ending.stop_for(error)
            try:
                ending.drain(stopping=error is not None)
            except KeyboardInterrupt as caught:  # the owner does not pump: it came to us as an exception
                interrupt = caught
                ending.drain_now(caught)
            work.backend.close()
        ending.raise_pending(error, interrupt, work.futures(), work.queues)

    def _count_unretrieved(self) -> None:
        show, work, _, _ = self._live()
        show.loop.unretrieved = (show.loop.unretrieved or 0) + work.unretrieved_failures()

    async def __aenter__(self) -> Self:
        """As `__enter__`, in a coroutine: its event loop draws, and signals are cancellations by asyncio's rules."""
        from mainstage.run import async_scope  # noqa: PLC0415  # a program without asyncio does not load it

        self.__enter__()
        show, work, ending, branch = self._live()
        self._block = async_scope.AsyncRunScope(self, show, ending, work.adoption.guests, branch=branch)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`, while the event loop goes on; a cancellation that comes meanwhile stops what is pending."""
        _, work, ending, _ = self._live()
        if self._block is not None and self._block.is_of_a_call(error) and ending.left_by_failure(work.futures):
            error = None
        leaving = error if self._block is None else await self._block.leave(error)
        self.__exit__(None if leaving is None else type(leaving), leaving, traceback)
        if leaving is not None and leaving is not error:
            raise leaving

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # Executor's
        """As `Executor.shutdown`: wait for what was submitted; the display stays until the `with` block ends.

        `cancel_futures` cancels what has not begun, items of maps too, and lets what runs end.
        """
        work = self._live().work
        if cancel_futures:
            work.drain("the run was shut down")
        if wait:
            self._wait(lambda: not work.backend.pending())

    # --- work ---

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Call `fn(*args, **kwargs)` on a worker; its future's `result()` keeps the display alive."""
        return self._submit(None, self._policy, fn, args, kwargs)

    def options(
        self, *, description: str | None = None, retries: int | None = None, timeout: float | None = None
    ) -> Options:
        """Return a way to submit with a name, other `retries` or another `timeout` (seconds, each attempt)."""
        return Options(self, description, self._policy.but(retries, timeout))

    def map(  # noqa: PLR0913  # Executor.map and more
        self,
        fn: Callable[..., R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002  # Executor.map's: items are claimed one by one here
        buffersize: int | None = None,
        unordered: bool = False,
        on_error: OnError | None = None,
        retries: int | None = None,
        sizes: Iterable[float] | None = None,
        total: float | None = None,
        store: str | os.PathLike[str] | Store | None = None,
        description: str = "",
        name: ItemName | None = None,
        **unknown: Never,
    ) -> Iterator[R]:
        """Return an iterator of `fn` of each item, in input order unless `unordered`.

        The input is pulled lazily, on the caller's thread, a bounded window ahead (`buffersize` items, or as many as
        the speed of the items warrants). `timeout` is in seconds, for each attempt at an item. `on_error`: "raise"
        cancels the rest and raises the worker's own exception; "collect" yields the exception in its place; "skip"
        leaves it out. `sizes`: how much each item is beside the others, for the ETA. `total`: how many items there are,
        where `len` cannot tell. `description` gives it a row of its own; so does a loop of `track`, in whose body it is
        called. `name` gives items their names: a format string ("page {}") or a function of the item; without it an
        item is called by its text where it is a string or a path, else as its call, `fetch(3)`. `store` names a
        file that keeps results: what an earlier run has done is not computed again (docs/resume.md). `chunksize` is
        taken and ignored.
        Raises `TypeError` without an iterable, `ValueError` for a `buffersize` below 1, `sizes` that do not fit or a
        `name` that is no format string for an item.
        """
        if unknown:
            refuse_unknown("Run.map", unknown, Run.map)
        return self._map(
            fn,
            iterables,
            on_error or self.on_error,
            self._policy.but(retries, timeout),
            RowOfMap(description, innermost_loop()),
            buffersize=buffersize,
            unordered=unordered,
            sizes=sizes,
            total=total,
            name=name,
            store=store,
        )

    def _map(
        self,
        fn: Callable[..., R],
        iterables: tuple[Iterable[Any], ...],
        on_error: OnError,
        policy: Policy,
        row: RowOfMap,
        *,
        store: str | os.PathLike[str] | Store | None = None,
        **options: Any,
    ) -> Iterator[R]:
        """Return the iterator of a map with a row of its own, if it is to have one, and `options` of `Workload.map`."""
        show, work, _, _ = self._live()
        halts = check_on_error(on_error) == "raise"
        memory = None if store is None else open_results(store, fn, show.notice)
        try:
            consumer = work.map(fn, iterables, self, policy, halt_on_failure=halts, memory=memory, **options)
        except BaseException:
            if memory is not None:
                memory.close()
            raise
        results = cast("Iterator[R]", consumer.results(on_error))
        return with_row(results, consumer, fn, row) if row.wanted else results

    def _outcomes(
        self,
        fn: Callable[..., Any],
        iterable: Iterable[Any],
        *,
        unordered: bool = True,
        retries: int | None = None,
        timeout: float | None = None,
        buffersize: int | None = None,
        sizes: Iterable[float] | None = None,
        on_dispatch: Callable[[int, int], None] | None = None,
    ) -> Iterator[ItemOutcome]:
        """Return an iterator of what became of each item: value or error, seconds, attempt. Failures cancel nothing.

        `on_dispatch` is called with the id of each item's task and the item's number, on this thread, before it starts.
        """
        work, policy = self._live().work, self._policy.but(retries, timeout)
        taker = work.map(
            fn,
            (iterable,),
            self,
            policy,
            buffersize=buffersize,
            unordered=unordered,
            sizes=sizes,
            on_dispatch=on_dispatch,
        )
        return taker.outcomes()

    def queue(self, *, total: float | None = None, description: str = "queue") -> RawQueue:
        """Return a `queue.Queue` whose messages are progress: the pasted recipe's workers run with it unchanged.

        In a coroutine it is as an `asyncio.Queue`: `await q.put(1)`, `await q.get()`.
        """
        show, work, _, _ = self._live()
        queue = self._kind_of_queue()(show.channel, total=total, description=description, wake=show.wake)
        work.queues.append(queue)
        return queue

    @staticmethod
    def _kind_of_queue() -> type[RawQueue]:
        if coroutine_here() is None:
            return RawQueue
        from mainstage.tasks.queue.async_queue import AsyncQueue  # noqa: PLC0415  # as in `__aenter__`

        return AsyncQueue

    def close(self, queue: RawQueue) -> None:
        """Say that nothing more comes into `queue`."""
        queue.close()

    def as_completed(self, futures: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
        """Yield futures as they complete, as `concurrent.futures.as_completed`, keeping the display alive."""
        return waiters.iterate_completed(self, futures, timeout)

    def wait(
        self, futures: Iterable[Future[Any]], timeout: float | None = None, return_when: str = "ALL_COMPLETED"
    ) -> DoneAndNotDone[Any]:
        """Wait for futures, as `concurrent.futures.wait`, keeping the display alive."""
        return waiters.wait_for_futures(self, futures, timeout, return_when)

    # --- what the main thread says ---

    track = staticmethod(track)
    """As `mainstage.track`."""
    task = staticmethod(task)
    """As `mainstage.task`."""
    print = staticmethod(print)
    """As the builtin: its lines stand above the rows."""

    def log(self, text: str) -> None:
        """Write `text`, one line or several, above the rows."""
        current_task().log(text)

    # --- control ---

    def cancel(self, future: Future[Any] | str | None = None) -> bool:
        """Cancel a future that waits, ask the one that runs to stop; without one, all of them.

        Return False if it had ended already. A text instead of a future is the reason that is given.
        """
        work = self._live().work
        if future is None or isinstance(future, str):
            work.cancel_all(future or "the run was cancelled")
            work.adoption.guests.cancel(future or "the run was cancelled")
            return True
        return work.cancel(future)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hand out no new work within the block."""
        backend = self._live().work.backend
        backend.command(Hold(on=True))
        try:
            yield
        finally:
            backend.command(Hold(on=False))

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Give the terminal back within the block: for `input`, `getpass`, `breakpoint`. The work goes on."""
        with self._live().show.terminal_lent():
            yield

    @property
    def results(self) -> list[Any]:
        """Results that were not retrieved: of futures, in order of submission, then of maps."""
        return self._parts.work.results() if self._parts is not None else []

    # --- in a notebook ---

    def _ipython_display_(self) -> None:
        """Called where the run is the last line of a cell: show it there too, where cells show it."""
        self._picture().show_here()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:  # noqa: ARG002  # IPython's
        """Return how it stands, by MIME type, for what knows no displays that change."""
        return self._picture().bundle()

    def _picture(self) -> NotebookDisplay:
        picture = None if self._parts is None else self._parts.show.picture
        if picture is None:
            raise NotImplementedError  # its `repr` serves then
        return picture

    # --- inside ---

    def _live(self) -> LiveRun:
        if self._parts is None:
            msg = "this Run is not live: use it within `with mainstage.Run(...) as run:`"
            raise RuntimeError(msg)
        return self._parts

    def _submit(
        self,
        name: str | None,
        policy: Policy,
        fn: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[R]:
        show, work, _, _ = self._parts or self._live()
        if work.backend.closed:
            msg = "cannot submit: the run has ended"
            raise RuntimeError(msg)
        future: TaskFuture[R] = TaskFuture(self._wait_for, work.unretrieved)
        if work.submit(fn, args, kwargs, name, policy, future):
            show.draw_if_due()
        return future

    def _consumed(self, consumer: ResultIterator) -> None:
        """Forget a map that was taken to its end; the consumer's own side."""
        self._live().work.consumed(consumer)

    def _wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for `done()`; a request to stop that arrives meanwhile is carried out, then raised."""
        show, work, ending, _ = self._live()
        if work.backend.here():
            return self._wait_in_worker(done, timeout)
        ended = show.wait(lambda: done() or ending.stop_pending(), timeout)
        if ending.stop_pending():
            ending.drain(stopping=True)
            show.check_idle()
            ending.raise_stop()
        return ended

    def _wait_in_worker(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait for work of this run on one of its own threads; another takes its place meanwhile.

        Raises `Cancelled` where the task that waits is asked to stop.
        """
        show, work, _, _ = self._live()
        task = current_task()
        task.check_cancelled()
        known = task.cancelled  # it cleans up: that it was asked to stop ends no wait any more
        with work.backend.blocked():
            ended = show.wait(lambda: done() or (task.cancelled and not known), timeout)
        if ended and not done():
            task.check_cancelled()
        return ended

    # --- for the other faces of the library ---

    def _open_implicitly(self, end: Callable[[], None], idle: Callable[[], None] | None = None) -> None:
        """Enter a run that no `with` block leaves; `end` is called on the owner's thread whenever it may be idle.

        `idle` is called on any thread when nothing is pending, to bring the owner there; None: a signal does.
        """
        self._look = self._look._replace(implicit=True)
        self._of_program = False
        self.__enter__()
        show, work, _, _ = self._live()
        show.on_idle = end
        work.adoption.on_idle = idle or show.wake_owner

    def _close_implicitly(self) -> tuple[DisplaySession, Workload] | None:
        """Leave it; raises nothing, also in a signal handler.

        Return what has still to be told of it, None: nothing, it stood within what is still shown.
        """
        show, work, ending, branch = self._live()
        show.on_idle = None
        ending.raised = True
        if not branch:
            show.says_end = False
        self.__exit__(None, None, None)
        return None if branch else (show, work)

    def _within_another(self) -> bool:
        """Return whether it is shown within what was live before it."""
        return self._live().branch

    def _goes_on(self) -> bool:
        """Return whether anything is pending, or a loop of the main thread is under way."""
        return self._pending() or self._live().show.loop.state.live_loop is not None

    def _leave_at_exit(self) -> None:
        """Leave it since the interpreter ends, and no block does: wait for its calls, as for those of any executor.

        Nobody takes from its maps any more, or puts into its queues.
        """
        show, work, _, _ = self._live()
        if not show.here():
            return
        show.on_idle = None
        work.close_ends("the program has ended")
        error = getattr(sys, "last_value", None)  # what ends the program, if it is no exit
        try:
            self.__exit__(None if error is None else type(error), error, None)
        except KeyboardInterrupt as interrupt:
            die_at_exit(interrupt)
        except Exception:  # noqa: BLE001  # a failure that nobody asked for: the display has told it
            return

    def _announce_external(self, description: str) -> ExternalCall:
        """Return what shows a call about to be submitted to another executor; it is pending from now on."""
        return self._live().work.adoption.announce(description)

    def _new_thread_call(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> ThreadCall:
        """Return the same for a call on a thread of this process."""
        return self._live().work.adoption.threads.new_call(fn, args)

    def _waiting_thread_calls(self) -> Collection[object]:
        """Return those of these that have not ended; it goes with the time."""
        return self._live().work.adoption.threads.waiting.values()

    def _open_scope(self, orders: ScopeCallbacks) -> ExternalScope:
        """Open a scope for work of a coroutine, which ends with its `leave`; on the event loop's thread."""
        from mainstage.run import async_scope  # noqa: PLC0415  # as in `__aenter__`

        show, work, _, _ = self._live()
        return async_scope.ExternalScope(show, work.adoption.guests, orders)

    def attach(self, executor: Executor) -> None:
        """Show what is submitted to `executor` from now on; the end of the block waits for it, and lets go of it."""
        self._live().work.adoption.attach(executor)

    def _wait_until(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for `done()` as every call of ours does; whatever makes it true must call `wake` after it did."""
        return self._wait(done, timeout)

    def _wind_down(self, busy: Callable[[], bool]) -> None:
        """Wait until not `busy()`, at most for the grace time or until asked to stop once more."""
        self._live().ending.wind_down(busy)

    def _wake(self) -> None:
        """Make every waiter check its condition again. Any thread."""
        self._live().show.wake()

    def _now(self) -> float:
        """Return the seconds on the run's clock."""
        return self._live().show.clock.now()

    def _is_owner(self) -> bool:
        """Return whether this thread is the one that draws."""
        return self._live().show.is_owner()

    def _can_wait(self) -> bool:
        """Return whether this thread waits by `wait_until`: the one that draws, and the workers of this run."""
        return self._is_owner() or self._live().work.backend.here()

    def _has_abandoned(self) -> bool:
        """Return whether work of other executors still runs although it is no longer waited for."""
        return self._live().work.adoption.has_abandoned()

    def _draw_if_due(self) -> None:
        """Draw if it is time; for a consumer that had no need to wait."""
        self._live().show.draw_if_due()

    def _wait_for(self, future: TaskFuture[Any], timeout: float | None) -> bool:
        if self._parts is None or future.done() or not self._can_wait():
            return False
        future.awaited = True  # before anybody asks whether it is done: its end wakes this thread
        self._wait(future.done, timeout)
        return True

    def _pending(self) -> bool:
        """Return whether anything runs or waits to, here or in an executor that is shown here."""
        return self._live().work.pending()

    def _cancel_all(self, reason: str) -> None:
        """Ask all that is under way to stop, and take no notice of whether it does."""
        self._live().work.cancel_all(reason)

    def _abandon(self, reason: str) -> None:
        """Settle everything although it did not stop; nothing happens to what did."""
        self._live().work.abandon(reason)

    def _on_failure(self, error: BaseException) -> None:
        """Called on a worker's thread at a final failure: cancel the rest if the policy says so."""
        if self._live().ending.on_failure(error):
            self._live().work.backend.command(Cancel(None, "another task failed"))


def open_results(
    store: str | os.PathLike[str] | Store, fn: Callable[..., Any], notice: Callable[[str], None]
) -> StoredResults:
    """Open what keeps the results of `fn`. Raises `StoreError`."""
    from mainstage.store import StoredResults  # noqa: PLC0415  # a program without a store does not load SQLite

    return StoredResults(store, fn, notice)


def refuse_unknown(name: str, unknown: Iterable[str], function: Any) -> NoReturn:
    """Raise the `TypeError` for keywords that `function`, called `name`, does not take."""
    from mainstage.tasks.keywords import refuse_keyword  # noqa: PLC0415  # a mistake's

    code = function.__code__
    refuse_keyword(name, unknown, code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])


def _live_runs() -> list[Run]:
    """Return the runs that are live, innermost first; before them that whose block the code running now stands in."""
    run = _run_of_block()
    return [run, *reversed(_runs)] if run is not None else _runs[::-1]


def _run_of_block() -> Run | None:
    async_scope = sys.modules.get("mainstage.run.async_scope")
    run = async_scope.current_async_run.get() if async_scope is not None else None
    return run if run in _runs else None


def current_run() -> Run | None:
    """Return the innermost run that is live in this process."""
    if not _runs:
        return None
    run = _run_of_block()
    if run is None:
        with contextlib.suppress(IndexError):  # it has ended this moment, on another thread
            return _runs[-1]
    return run


def default_on_error() -> OnError:
    """Return the `on_error` of the innermost run that the program entered itself; "raise" where there is none."""
    return next((run.on_error for run in _live_runs() if run._of_program), "raise")


def own_run(title: str = "", *, places: bool = False, **options: Any) -> Run:
    """Return the run that a bare `track` or `map`, or a command, opens for itself.

    With `places` the line of each failure says where in the source it came from.
    """
    run = Run(title, **options)
    run._of_program = False
    run._look = run._look._replace(places=places)  # noqa: SLF001  # no argument of a program's
    return run


def _leave_all() -> None:
    """Leave the runs that the main thread has entered; other threads are about to be waited for, and leave theirs."""
    go_on = [close() for close in before_exit]
    bars = LoopRun.current.run if any(go_on) and LoopRun.current is not None else None
    for run in _runs[::-1]:
        if run._entered_by == unpatched.main_ident and getattr(bars, "run", None) is not run:
            run._leave_at_exit()


def _close_show() -> None:
    """Show the end of a run that was never left: its thread has ended, or the process is cut off."""
    if DisplaySession.current is not None and DisplaySession.current.here():
        DisplaySession.current.last_words()


threading._register_atexit(_leave_all)  # type: ignore[attr-defined]  # noqa: SLF001  # while threads of pools still run
atexit.register(_close_show)
