"""`gather` and `as_completed`: asyncio's, whose coroutines are shown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from contextvars import copy_context
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from mainstage.aio import implicit
from mainstage.aio.group import Group, awaited
from mainstage.aio.lazy_tasks import LazyTask, LazyTaskCell
from mainstage.aio.names import describe_future
from mainstage.errors import Cancelled
from mainstage.events import SourceClosed, SourceOpened
from mainstage.run.async_scope import ScopeCallbacks
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Sequence
    from contextvars import Context

    from mainstage.run.async_scope import ExternalScope

__all__ = ["as_completed", "gather"]

T = TypeVar("T")
MANY = 1000
"""So many coroutines are begun without the garbage collector's looking among them meanwhile."""
AT_ONCE = sys.version_info >= (3, 12)
"""Whether asyncio takes the result of what is done already at once, and not with the next turn of the loop."""

if TYPE_CHECKING:  # the types are asyncio's own
    from asyncio import as_completed, gather
else:

    def gather(*coros_or_futures: Awaitable[Any], return_exceptions: bool = False) -> asyncio.Future[list[Any]]:
        """As `asyncio.gather`, each awaitable shown as a task until it is done."""
        begun = _gathering(coros_or_futures, return_exceptions=return_exceptions)
        return asyncio.gather(*coros_or_futures, return_exceptions=return_exceptions) if begun is None else begun

    def as_completed(fs: Iterable[Awaitable[T]], *, timeout: float | None = None) -> Any:
        """As `asyncio.as_completed` of the Python that runs it, each awaitable shown as a task until it is done.

        The coroutines begin with this call, not with the first step.
        """
        return asyncio.as_completed(_shown(list(fs)), timeout=timeout)


class Batch:
    """Awaitables that are begun together: it is known how many there are."""

    def __init__(self, number: int, stay: ExternalScope) -> None:
        self._left = self._number = number
        self._stay = stay
        self._source: int | None = None
        self.group = Group(stay, self._flight(), self.one_less)

    def _flight(self) -> LazyTaskCell | None:
        """Announce them, where they are no part of a task."""
        if ambient.get() is not None:
            return None
        reporter = self._stay.reporter
        self._source = reporter.new_id()
        reporter.send(SourceOpened(reporter.now(), self._source, self._number))
        return LazyTaskCell(reporter, self._source)

    def one_less(self) -> None:
        """Count one that is done."""
        self._left -= 1
        if not self._left:
            self.over()

    def over(self) -> None:
        """Tell that all are done."""
        if self._source is not None:
            reporter = self._stay.reporter
            reporter.send(SourceClosed(reporter.now(), self._source, self._number))
        self._stay.leave()


class GatherChild(LazyTask):
    """One of a `gather`, and the only done-callback of it: a second one costs as much as a short coroutine."""

    def __init__(self, gathering: Gathering, group: Group, name: str | Coroutine[Any, Any, Any], at: float) -> None:
        flight = self.flight = group.flight  # not by `LazyTask`'s: the clock is read once for all
        reporter = self.reporter = flight.reporter
        self.id = reporter.new_id()
        self.started = at
        self._description = name
        self._gathering = gathering
        if group.parent is not None:
            self.parent = group.parent
        flight.begin(self)

    def __call__(self, future: asyncio.Future[Any]) -> None:
        """Tell how it ended, and have that gathered."""
        error = Cancelled("cancelled") if future.cancelled() else future.exception()
        try:
            self.flight.end(self, error)
        finally:
            self._gathering.one_less(future, well=error is None)
            del error  # it may lead to this frame


class Gathering(asyncio.Future[list[Any]]):
    """What `gather` returns: as asyncio's, which would want a callback of its own for each."""

    def __init__(self, aws: Sequence[Awaitable[Any]], loop: AbstractEventLoop, *, return_exceptions: bool) -> None:
        super().__init__(loop=loop)
        self.children: list[asyncio.Future[Any]] = []
        self._aws = aws
        self._return_exceptions = return_exceptions
        self._asked = False
        self._batch: Batch | None = None
        self._different: Sequence[Awaitable[Any]] = ()
        self._left = 0

    def begin(self, different: Sequence[Awaitable[Any]], stay: ExternalScope) -> None:
        """Begin those that are `different`; one that was given twice is begun once."""
        self._different = different
        self._left = len(different)
        batch = self._batch = Batch(self._left, stay)
        group, at, loop = batch.group, stay.reporter.now(), self.get_loop()
        plain = CoroutineType
        for aw in different:
            if type(aw) is not plain and asyncio.isfuture(aw):
                self._begun(aw, GatherChild(self, group, describe_future(aw), at), None)
                continue
            coroutine: Any = aw if type(aw) is plain or asyncio.iscoroutine(aw) else awaited(aw)
            child = GatherChild(self, group, coroutine, at)
            context = copy_context()
            context.run(ambient.set, child)
            self._begun(loop.create_task(coroutine, context=context), child, context)

    def _begun(self, future: asyncio.Future[Any], child: GatherChild, context: Context | None) -> None:
        self.children.append(future)
        if AT_ONCE and future.done():
            child(future)
        else:
            future.add_done_callback(child, context=context)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel those that are under way, and with the last of them this; return whether there were any."""
        if self.done():
            return False
        asked = _cancel(self.children, msg)
        self._asked = self._asked or asked
        return asked

    def one_less(self, future: asyncio.Future[Any], *, well: bool) -> None:
        """Take what became of one: the first failure is what became of all, unless failures are results."""
        self._left -= 1
        if not self._left:
            self._over(future, well=well)
        elif not well and not self._return_exceptions and not self.done():
            self.set_exception(_outcome(future))

    def _over(self, last: asyncio.Future[Any], *, well: bool) -> None:
        """Called when the last one ends: set the results, or its failure."""
        children = self.children.copy()
        self.children.clear()  # their contexts lead here
        if self._batch is not None:
            self._batch.over()
        if self.done():
            return
        if not well and not self._return_exceptions:
            self.set_exception(_outcome(last))
        elif self._asked:
            self.set_exception(_outcome(last) if last.cancelled() else asyncio.CancelledError())
        else:
            found = {aw: _outcome(child) for aw, child in zip(self._different, children, strict=True)}
            self.set_result([found[aw] for aw in self._aws])


def _cancel(futures: Iterable[asyncio.Future[Any]], message: Any | None = None) -> bool:
    """Cancel all of them; return whether any was under way."""
    return any([future.cancel(message) for future in futures])  # noqa: C419  # not only the first


def _outcome(future: asyncio.Future[Any]) -> Any:
    """Return its result, or its exception as a value."""
    try:
        return future.result()
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is that
        return error


def _gathering(aws: Sequence[Awaitable[Any]], *, return_exceptions: bool) -> Gathering | None:
    """Return what gathers `aws`, begun and shown; None: nothing is shown, or asyncio has something to say of them."""
    loop, different = _begun_by(aws)
    if loop is None or any(_is_of_another(aw, loop) for aw in different if type(aw) is not CoroutineType):
        return None
    gathering = Gathering(aws, loop, return_exceptions=return_exceptions)
    stay = implicit.stay(
        ScopeCallbacks(partial(_cancel, gathering.children))
    )  # without it itself: it would lead to its results
    if stay is None:
        return None
    with _uncollected() if len(different) >= MANY and loop.get_task_factory() is None else contextlib.nullcontext():
        gathering.begin(list(different), stay)
    return gathering


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the garbage collector meanwhile: nothing that a `gather` makes is garbage, and no other code runs.

    Looking through 20,000 coroutines that have just been made, again and again, cost a quarter of all.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _shown(aws: Sequence[Awaitable[T]]) -> Sequence[Awaitable[T]]:
    """Return futures that are shown; what was given where nothing is, or asyncio has something to say of it."""
    loop, different = _begun_by(aws)
    if loop is None:
        return aws
    futures: dict[Awaitable[T], asyncio.Future[T]] = {}
    stay = implicit.stay(ScopeCallbacks(lambda: _cancel(futures.values())))
    if stay is None:
        return aws
    group = Batch(len(different), stay).group
    for aw in different:
        futures[aw] = group.future(aw, loop)
    return [futures[aw] for aw in aws]


def _begun_by(aws: Sequence[Awaitable[T]]) -> tuple[AbstractEventLoop | None, dict[Awaitable[T], None]]:
    """Return the event loop that runs `aws`, and each of them once; None: asyncio has something to say of them."""
    try:
        loop = asyncio.get_running_loop()
        different = dict.fromkeys(aws)
    except (RuntimeError, TypeError):
        return None, {}
    plain = set(map(type, different)) == {CoroutineType}
    return (loop if plain or (different and all(map(_is_awaitable, different))) else None), different


def _is_of_another(aw: object, loop: AbstractEventLoop) -> bool:
    return asyncio.isfuture(aw) and aw.get_loop() is not loop


def _is_awaitable(aw: object) -> bool:
    return asyncio.isfuture(aw) or asyncio.iscoroutine(aw) or hasattr(aw, "__await__")
