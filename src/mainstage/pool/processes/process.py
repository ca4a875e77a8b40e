"""One worker process, as its parent sees it: started, spoken to, killed with all that it started, its death told."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.channels import frames
from mainstage.channels.pipe import Journal, ParentEnd
from mainstage.core.clock import monotonic
from mainstage.core.refusals import retried
from mainstage.errors import PoolBroken, explain
from mainstage.pool.options import NO_GUARD, UNGUARDED
from mainstage.pool.processes import worker_main
from mainstage.pool.processes.fd_output import PipeReader
from mainstage.tasks.queue.raw_queue import RawQueue
from mainstage.tasks.queue.remote_queue import DistantQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

    from mainstage.pool.processes.worker_main import Initializer
    from mainstage.pool.remote import RemoteJob
    from mainstage.tasks.reporter import Cell, Reporter

TURNS, FEW_TURNS = 100, 10
"""Hundredths of a second in which a fork server is seen to have ended: one that hangs up, or has lost a status."""
LOST_STATUS = 255
"""What `multiprocessing` takes for the exit status of a process whose fork server cannot tell it any more."""
REAPED = 5.0
"""Seconds in which a process whose pipe has ended is gone."""
STANDS_STILL = 0.3
"""Seconds after which a fork server that has not answered is continued, in case it was stopped."""

_ours: set[int] = set()
"""Descriptors that no child of this process may keep: each holds the other end of somebody's pipe."""
_starting: dict[int, set[int]] = {}
"""By the thread that starts a worker: those that are the worker's own."""
_start = threading.Lock()


def _close_in_child() -> None:
    global _start  # noqa: PLW0603  # the thread that forked held it, and is no more
    _start = threading.Lock()
    keep = _starting.get(threading.get_ident(), set())
    for fd in _ours - keep:
        with contextlib.suppress(OSError):
            os.close(fd)
    _ours.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def guard(fd: int) -> int:
    """Close `fd` in every forked child of this process; return it."""
    _ours.add(fd)
    return fd


def unguard(fd: int) -> None:
    """Forget `fd`, just before it is closed."""
    _ours.discard(fd)


def _kept(stack: contextlib.ExitStack, fd: int) -> int:
    """Return `fd`, guarded until `stack` closes it."""
    stack.callback(os.close, fd)
    stack.callback(unguard, fd)
    return guard(fd)


@contextlib.contextmanager
def _main_that_is_no_file_hidden() -> Iterator[None]:
    """Keep `multiprocessing` from having workers run a main program that is no file, such as one on stdin."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if main is None or file is None or not file.startswith("<"):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = file


class WorkerProcess:
    """A process, its pipe, and what it was given. Only the dispatcher's thread touches it."""

    def __init__(
        self,
        context: BaseContext,
        name: str,
        *,
        reporter: Reporter,
        post: Callable[[Callable[[], None]], None],
        streams: Collection[str],
        initializer: Initializer | None,
    ) -> None:
        """Start it; `post` has a call made on the dispatcher's thread. Raises what `multiprocessing` raises."""
        self.name = name
        self.reporter = reporter
        self._post = post
        self.ready = False
        self.copied_at: float | None = None
        """When it was forked, until it has said anything."""
        self.heard = False
        """Whether it has said anything."""
        self.queues: dict[int, RawQueue] = {}
        """Raw queues that it was given."""
        self.stopping = False
        self.given = 0
        """Pieces of work handed to it; each has its number."""
        self.done = 0
        self.inflight: dict[int, RemoteJob] = {}
        self.cells: dict[int, Cell] = {}
        """Tasks that are open in it, and what stands for them here."""
        self.knows: set[int] = set()
        """The maps whose functions it has."""
        self.verdict: BaseException | None = None
        """Why it is being killed, if it is."""
        self.garbled = ""
        """What was wrong with its messages, or with one of its pipes, if it was killed for that."""
        self.progress = 0.0
        """When it was last given something to begin at once, or ended something."""
        self.asked_back = False
        """Whether it was asked to give back what it has not begun, and nothing has come of that yet."""
        self.deadline: float | None = None
        """When it is killed if it is still there."""
        self.exclusive = False
        """Whether it is given nothing beside what it has."""
        self.watched_for_room = False
        self.orphaned = False
        """Whether it has outlived the fork server, which alone could tell its end."""
        self._served = context.get_start_method() == "forkserver"
        self.end, self.process = self._open(context, streams, initializer)
        self.pid: int = self.process.pid or 0

    def _open(
        self, context: BaseContext, streams: Collection[str], initializer: Initializer | None
    ) -> tuple[ParentEnd, BaseProcess]:
        """Start it with its ends of pipe, journal and streams, and keep ours; what fails leaves nothing open."""
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            sockets = socket.socketpair()
            ours_fd, theirs_fd = _kept(ours, sockets[0].detach()), _kept(theirs, sockets[1].detach())
            journal_fd = _kept(theirs, Journal.make())
            reading, writing = {}, {}
            for name in streams:
                ends = os.pipe()
                reading[name], writing[name] = _kept(ours, ends[0]), _kept(theirs, ends[1])
            journal = Journal(os.dup(journal_fd))
            ours.callback(journal.close)
            end = ParentEnd(ours_fd, journal)
            self.output = [PipeReader(fd, name) for name, fd in reading.items()]
            self.output_fds = frozenset(reading.values())
            process = self._start(context, (theirs_fd, journal_fd), writing, initializer)
            ours.pop_all()
        return end, process

    def _start(
        self,
        context: BaseContext,
        channel: tuple[int, int],
        streams: dict[str, int],
        initializer: Initializer | None,
    ) -> BaseProcess:
        if initializer is not None:  # what is inherited is not pickled
            initializer = initializer[0], tuple(map(self._travelling, initializer[1]))
        given = {name: worker_main.InheritedFd(fd) for name, fd in streams.items()}
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # every context has it
            target=worker_main.run_worker,
            args=(*map(worker_main.InheritedFd, channel), given, initializer),
            name=self.name,
        )
        if context.get_start_method() != "fork":
            _have_a_tracker()
        me = threading.get_ident()
        with _start, _main_that_is_no_file_hidden(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: the user has asked for fork
            _starting[me] = {*channel, *streams.values()}
            try:
                with server_kept_going() if self._served else contextlib.nullcontext():
                    process.start()
            finally:
                del _starting[me]
        return process

    def at_hand(self) -> tuple[int, int]:
        """Return the task that it works on now, and its attempt; zeros: none."""
        number = self.end.journal.begun()
        for job in self.inflight.values():  # in the order in which they were handed over
            if job.number == number:
                return job.id, job.attempt
        return 0, 0

    def listen(self) -> None:
        """Hand on what it has written past every stream."""
        for reader in self.output:
            while (came := reader.read()) is not None:
                self._written(reader, *came)

    def listen_last(self) -> None:
        """Hand on what is left, once it is dead."""
        with contextlib.suppress(OSError):  # it was killed for that, maybe
            self.listen()
        for reader in self.output:
            self._written(reader, reader.rest(), "")

    def _written(self, reader: PipeReader, lines: str, begun: str) -> None:
        number, attempt = self.at_hand()
        job = self.inflight.get(number)
        if job is not None and (lines or begun):
            job.resolve()
        reporter = self.reporter
        for event in reader.told(lines, begun, task=(number, attempt), worker=self.name, at=reporter.now()):
            reporter.send(event)

    def _travelling(self, value: Any) -> Any:
        if isinstance(value, RawQueue):
            make, args = self.stand_in(value)
            return make(*args)
        return value

    def stand_in(self, thing: Any) -> tuple[Any, ...]:
        """Return what a raw queue is pickled as for this worker."""
        self.queues[thing.task] = thing
        return DistantQueue, (thing.task, thing.description)

    def ended_some(self) -> None:
        """Called when it has ended pieces of work."""
        self.done += 1
        self.asked_back = False
        self.progress = monotonic()

    def say(self, data: bytes) -> None:
        """Send a frame as soon as there is room."""
        self.end.write(data)

    def ask(self, task: int, reason: str) -> None:
        """Ask the task to stop."""
        self.say(frames.pack_frame(frames.CANCEL, reason.encode("utf-8", "surrogatepass"), task=task))

    def request(self, task: int, reason: str) -> None:
        """Ask the task to stop, if it is still in hand. Any thread."""
        self._post(lambda: self.ask(task, reason) if task in self.inflight else None)

    def stop(self) -> None:
        """End it once it has done what it was given."""
        if not self.stopping:
            self.stopping = True
            self.say(frames.pack_frame(frames.STOP))

    def kill_for(self, trouble: BaseException) -> None:
        """Kill it, since its messages or its output cannot be taken any more."""
        self.garbled = self.garbled or explain(trouble)
        self.signal(signal.SIGKILL)

    def signal(self, signum: int) -> None:
        """Signal it and all that it started."""
        try:
            os.killpg(self.pid, signum)
        except OSError:
            with contextlib.suppress(OSError):  # not yet its own group, or gone
                os.kill(self.pid, signum)

    def outlives_server(self) -> bool:
        """Return whether its sentinel ended with the fork server, and not with the process: its pipe is open."""
        self.orphaned = self._served and self.process.exitcode == LOST_STATUS and not _ended_in(self.pid, 0)
        return self.orphaned

    def reap(self) -> int | None:
        """Return how it ended, once its pipe has ended: an exit code, or minus a signal; None: it cannot be told."""
        if self.orphaned or (self._served and self.process.exitcode == LOST_STATUS and _server_ended(FEW_TURNS)):
            _ended_in(self.pid, REAPED)
            self.signal(signal.SIGKILL)
            return None
        with server_kept_going() if self._served else contextlib.nullcontext():
            self.process.join(REAPED)
            if self.process.exitcode is None:
                self.signal(signal.SIGKILL)
                self.process.join(REAPED)
        if not self.stopping:
            with contextlib.suppress(OSError):  # what it started does not outlive it
                os.killpg(self.pid, signal.SIGKILL)
        return self.process.exitcode

    def close(self) -> None:
        """Release what is kept of it: pipes, streams, the process object."""
        unguard(self.end.fd)
        self.end.close()
        for reader in self.output:
            unguard(reader.fd)
            os.close(reader.fd)
        with contextlib.suppress(ValueError):  # it lives on, and nobody can help that
            self.process.close()


def _have_a_tracker() -> None:
    """Start the resource tracker of `multiprocessing`, which is started with a warning where it was killed."""
    from multiprocessing import resource_tracker  # noqa: PLC0415  # forked workers need none

    with contextlib.suppress(UserWarning):  # the program makes errors of warnings: the next call starts it
        resource_tracker.ensure_running()


def _ended_in(pid: int, seconds: float) -> bool:
    """Wait until a process that may be no child of this one has ended; return whether it has, by then."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # no such thing here: it is as good as gone, and killed to be sure
        return seconds > 0
    try:
        waiting = select.poll()
        waiting.register(fd, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    finally:
        os.close(fd)


@contextlib.contextmanager
def server_kept_going() -> Iterator[None]:
    """Continue a stopped fork server while the block waits for it."""
    over = threading.Event()

    def keep_going() -> None:
        while not over.wait(STANDS_STILL):
            pid = _server_pid()
            with contextlib.suppress(OSError):
                if pid is not None:
                    os.kill(pid, signal.SIGCONT)

    watch = threading.Thread(target=keep_going, name="mainstage-fork-server", daemon=True)
    retried(watch.start)
    try:
        yield
    finally:
        over.set()
        watch.join()


def _server_pid() -> int | None:
    """Return the fork server's process; None: there is none."""
    from multiprocessing import forkserver  # noqa: PLC0415  # a worker was to be started by it, so it is there

    return getattr(forkserver._forkserver, "_forkserver_pid", None)  # noqa: SLF001  # nobody else can say


class ServerEnd(NamedTuple):
    """How the fork server ended."""

    pid: int
    exitcode: int
    """Negative: the signal that killed it."""


def _server_ended(turns: int = TURNS) -> ServerEnd | None:
    """Return how the fork server has just ended; None: it runs, or there is none."""
    pid = _server_pid()
    if pid is None:
        return None
    moment = threading.Event()
    for _ in range(turns):
        try:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # `multiprocessing` waits for it too
        except ChildProcessError:  # the program waits for any child, and knows how it ended
            return ServerEnd(pid, -signal.SIGKILL)
        if ended is not None:
            return ServerEnd(pid, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
        moment.wait(0.01)
    return None


def server_killed(error: Exception) -> ServerEnd | None:
    """Return how the fork server was killed, if `error` came of that as a worker was to be started.

    The next start starts a new one. A server that exited by itself did so as it imported the main program: it would
    again.
    """
    if not isinstance(error, ConnectionError | EOFError | ChildProcessError):
        return None
    ended = _server_ended()
    if ended is None or ended.exitcode >= 0:
        return None
    if isinstance(error, ChildProcessError):
        _forget_server()
    return ended


def _forget_server() -> None:
    """Make `multiprocessing` start a new fork server: the old one is no child of this process, and is waited for."""
    from multiprocessing import forkserver  # noqa: PLC0415  # as above

    server: Any = forkserver._forkserver  # noqa: SLF001  # nobody else can
    with contextlib.suppress(OSError, TypeError):
        os.close(server._forkserver_alive_fd)  # noqa: SLF001  # as above
    server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None  # noqa: SLF001  # as above


def told_death(pid: int, name: str, exitcode: int | None, garbled: str = "") -> str:
    """Say how a process ended; `garbled`: what was wrong with its messages, for which it was killed."""
    if garbled:
        how = f"was killed: {garbled}"
    elif exitcode is None:
        how = "is gone; the fork server, which alone knew how, was killed before"
    else:
        how = _told_end(exitcode)
    return f"worker {name} (pid {pid}) {how}"


def _told_end(exitcode: int) -> str:
    if exitcode >= 0:
        return f"exited with status {exitcode}"
    try:
        how = f"was killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        how = f"was killed by signal {-exitcode}"
    return f"{how} (out of memory?)" if -exitcode == signal.SIGKILL else how


def why_none(error: Exception) -> PoolBroken:
    """Say why no worker process can be started. Newer fork servers import the main program, and end where that does."""
    server = _server_ended() if isinstance(error, ConnectionError | EOFError) else None
    if server is not None and server.exitcode == NO_GUARD:
        return PoolBroken(UNGUARDED)
    if server is not None and server.exitcode >= 0:
        return PoolBroken(
            f"worker processes do not come up: the fork server {_told_end(server.exitcode)} as it imported the main "
            "program; see its output"
        )
    if server is not None:
        return PoolBroken(
            f"worker processes do not come up: the fork server (pid {server.pid}) {_told_end(server.exitcode)}, again "
            "and again before a worker was ready"
        )
    return PoolBroken(f"no worker process can be started: {explain(error)}")
