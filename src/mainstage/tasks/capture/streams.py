"""What programs write while a run is live, made into events: whole lines, each attributed to the task that wrote it.

Only streams that the display owns are replaced: a stream that leads into a pipe or a file is not touched, and gets what
was written and nothing else. Text of a task, of another thread and of the main program takes the same way, so that it
comes out in order. Nothing here writes to a terminal; once capture has stopped every router hands on to its original.
"""

from __future__ import annotations

import contextlib
import os
import sys
from io import TextIOWrapper
from threading import RLock, current_thread, main_thread
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from mainstage.core import unpatched
from mainstage.core.unpatched import get_ident
from mainstage.errors import RenderingViolation
from mainstage.events import TextWritten
from mainstage.tasks.capture.fds import DescriptorCapture
from mainstage.tasks.capture.lines import Key, Lines, PartialLines
from mainstage.tasks.integrations.base import Takeover
from mainstage.tasks.reporter import live
from mainstage.tasks.task import Task, ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    from mainstage.tasks.blocks import OpenBlocks
    from mainstage.tasks.integrations.base import Bridge
    from mainstage.tasks.reporter import Reporter, Writer

STREAMS = ("stdout", "stderr")
STATUS_INTERVAL = 0.1
"""Seconds between two looks at a line that its writer overwrites again and again."""


class StreamProxy:
    """A text stream in the place of `original`: it gathers lines while capture is live, and hands on when it is not."""

    def __init__(self, capture: Capture, name: str, original: TextIO) -> None:
        self._capture = capture
        self._name = name
        self._original = original
        self._lines = Lines()
        self._bytes: BinaryProxy | None = None
        self._unbuffered = bool(getattr(original, "write_through", False))
        self._statuses: dict[int, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __enter__(self) -> Self:
        self._original.__enter__()
        return self

    def __exit__(self, *trouble: object) -> None:
        cast("Any", self._original).__exit__(*trouble)

    def __iter__(self) -> Any:
        return iter(self._original)

    def __repr__(self) -> str:
        return f"<{self._name} of a live run, for {self._original!r}>"

    def __reduce_ex__(self, _protocol: object) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return where to find the stream of that name, as cloudpickle does for the real one; plain pickle refuses."""
        return getattr, (sys, self._name)

    @property
    def original(self) -> TextIO:
        """The stream that it stands for."""
        return self._original

    @property
    def buffer(self) -> Any:
        """The same for bytes."""
        if self._bytes is None:
            self._bytes = BinaryProxy(self, self._original.buffer)
        return self._bytes

    def writelines(self, lines: Iterable[str]) -> None:
        """As `TextIO.writelines`."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Return whether it stands for a terminal: also where the descriptor leads into a file for now."""
        descriptors = self._capture.descriptors
        return (descriptors is not None and descriptors.has(self._name)) or self._original.isatty()

    def flush(self) -> None:
        """Flush the original, and show what this thread has begun, outside of any task, and not ended."""
        self._original.flush()
        if self._lines and self._capture.live and ambient.get() is None:
            self._show_begun((0, get_ident()))

    def write(self, text: Any) -> int:  # any: callers are not all typed
        """As `TextIO.write`: take a piece of text. Raises `RenderingViolation` in a strict run."""
        capture = self._capture
        if not capture.live or not isinstance(text, str):
            return self._original.write(text)
        task: Any = ambient.get()
        if task is not None:
            task = capture.task()
        if task is None and ("\r" in text or "\x1b" in text):
            capture.look(self._name, text)
        if capture.slow_path and self._refused(task, text):
            return capture.hand_on(task, self._name, text, self._original.write)
        key = (0 if task is None else task.id, get_ident())
        whole = self._lines.add(key, text)
        if whole is not None:
            if capture.partials:
                capture.partials.drop((self._name, key[1]))
                capture.redrawn.discard((self._name, key[1]))
            self._send(task, whole, key)
        else:
            if capture.slow_path:
                self._give_back(key)
            if "\r" in text and task is not None:
                self._show_status(task, self._lines.begun(key))
        if self._unbuffered and task is None:
            self._show_begun(key)
        return len(text)

    def _refused(self, task: Task | None, text: str) -> bool:
        """Return whether `text` is for the original."""
        capture = self._capture
        if not capture.live or capture.bypasses(task):
            return True
        if capture.strict and text:
            raise RenderingViolation(_violation(self._name, text))
        return False

    def _show_begun(self, key: Key) -> None:
        begun = self._lines.begun(key)
        if begun:
            self._capture.partials.put((self._name, key[1]), begun)

    def begun(self, key: Key) -> str:
        """Return the line that was begun."""
        return self._lines.begun(key)

    def forget(self, thread: int) -> None:
        """Drop what `thread` has begun: the next writer has overwritten it."""
        self._lines.take((0, thread))
        self._capture.partials.drop((self._name, thread))

    def flush_partial(self, key: Key, *, shown: bool) -> None:
        """Hand on the line that was begun, unless it is `shown`."""
        begun = self._lines.take(key)
        self._capture.partials.drop((self._name, key[1]))
        if begun and not shown:
            self._original.write(begun)
            self._original.flush()

    def _give_back(self, key: Key) -> None:
        """Hand on what was gathered while capture stopped, if `stop` has not taken it."""
        if not self._capture.live:
            self._original.write(self._lines.take(key))

    def _send(self, task: Task | None, text: str, key: Key) -> None:
        capture = self._capture
        if self._bytes is not None and not text.isascii():
            text = self._bytes.mend(text)
        if self._statuses and task is not None and self._statuses.pop(task.id, None) is not None:
            task.set(status="")
        with capture.lock:  # what passes it before `stop` is an event, what comes after is the original's
            if capture.live:
                capture.send(task, self._name, text)
            else:
                self._original.write(f"{text}\n{self._lines.take(key)}")

    def _show_status(self, task: Task, line: str) -> None:
        now = task.reporter.now()
        shown = self._statuses.get(task.id)
        if shown is None or now - shown >= STATUS_INTERVAL:
            self._statuses[task.id] = now
            task.set(status=line.strip())

    def flush_lines(self, task: Writer | None = None) -> None:
        """Send the lines that `task`, or anybody, has begun and not ended."""
        if self._lines:
            for (number, thread), text in self._lines.flush(None if task is None else task.id):
                if not number:
                    self._capture.partials.drop((self._name, thread))
                mended = text if self._bytes is None else self._bytes.mend(text)
                self._capture.send_late(task, number, self._name, mended)
        if task is not None:
            self._statuses.pop(task.id, None)


class EarlyStreamProxy(StreamProxy):
    """One that stands there before anything captures: it hands on, and keeps the line that the program has begun."""

    def __init__(self, name: str, original: TextIO) -> None:
        super().__init__(_NOTHING, name, original)
        self.first_line = ""
        """What the program has begun before, and not ended."""

    def write(self, text: Any) -> int:
        """As `Router.write`."""
        if not self._capture.live and isinstance(text, str):
            self.first_line = (self.first_line + text).rpartition("\n")[2][-LONGEST:]
        return super().write(text)


class _Nothing:
    """A capture that is not live, for routers that wait for one."""

    live = False
    descriptors = None


_NOTHING: Any = _Nothing()
LONGEST = 4096
"""Characters that are kept of a line that was begun."""


_early: dict[str, EarlyStreamProxy] = {}


def stand_by() -> None:
    """Put routers in the place of the streams that lead to terminals: the next capture of the streams takes them."""
    for name in STREAMS:
        stream = getattr(sys, name)
        with contextlib.suppress(AttributeError, OSError, ValueError):
            if stream.isatty():
                _early[name] = EarlyStreamProxy(name, stream)
                setattr(sys, name, _early[name])


class BinaryProxy:
    """The binary side of a router."""

    def __init__(self, router: StreamProxy, original: Any) -> None:
        self._router = router
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __reduce_ex__(self, _protocol: object) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return getattr, (self._router, "buffer")

    def write(self, data: Any) -> int:
        """As `BinaryIO.write`: the bytes are text in the encoding of the stream."""
        capture = self._router._capture  # noqa: SLF001  # its other half
        if not capture.live:
            return int(self._original.write(data))
        if capture.slow_path or b"\x1b" in data:
            task = capture.task()
            if task is None and b"\x1b" in data:
                capture.look(self._router._name, bytes(data).decode(self._encoding(), "replace"))  # noqa: SLF001  # as above
            if capture.bypasses(task):
                text = bytes(data).decode(self._encoding(), "replace")
                return int(capture.hand_on(task, self._router._name, text, lambda _: self._original.write(data)))  # noqa: SLF001  # as above
        view = bytes(data)
        self._router.write(view.decode(self._encoding(), "surrogateescape"))
        return len(view)

    def writelines(self, lines: Iterable[Any]) -> None:
        """As `BinaryIO.writelines`."""
        for line in lines:
            self.write(line)

    def mend(self, text: str) -> str:
        """Put characters together whose bytes came in pieces."""
        try:
            return text.encode(self._encoding(), "surrogateescape").decode(self._encoding(), "replace")
        except UnicodeError:
            return text

    def _encoding(self) -> str:
        return getattr(self._router.original, "encoding", None) or "utf-8"


class Passage(Protocol):
    """The way of the main thread's own words to the terminal."""

    def enter(self, text: str) -> bool:
        """Make way for `text`, which is about to be written; False: just now there is nothing to be made of it."""
        ...

    def leave(self, name: str, text: str) -> None:
        """Take it that `text` was written to the stream `name`."""
        ...

    def overwritten(self) -> None:
        """Take it that another thread overwrites the line that was begun so."""
        ...


class Capture:
    """Captures the streams named in `owned` ("stdout", "stderr") for `reporter`, from `start` to `stop`.

    `bars` names the streams on which progress bars of other libraries would draw and become tasks instead; the owned
    ones unless told. `descriptors`: what C code and children write to them too. `strict`: writing raises
    `RenderingViolation` instead. `partials` takes what is to be shown of lines that have not ended. `bridges` makes
    the integrations of other libraries, which start and stop with it: `registry.bridges_for`.
    """

    def __init__(
        self,
        reporter: Reporter,
        *,
        owned: Collection[str],
        bars: Collection[str] | None = None,
        strict: bool = False,
        descriptors: bool = False,
        partials: PartialLines | None = None,
        bridges: Callable[[Capture], Sequence[Bridge]] = lambda _: (),
    ) -> None:
        self.reporter = reporter
        self.partials = PartialLines() if partials is None else partials
        """The lines that the main thread and bare threads have begun, flushed and not ended."""
        self.strict = strict
        self.live = False
        """True between `start` and `stop`."""
        self.lent: list[int] = []
        """The threads that have the terminal for themselves, each as often as it was lent."""
        self.lent_to_all = 0
        """Above 0 while it is lent to a display of the program's own, which all threads may write through."""
        self.pause: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        """What a prompt is to be asked within."""
        self.passage: Passage | None = None
        """What the main thread writes outside any task goes straight to the original, by this: the program's own words,
        where it has the terminal as ever. None: it becomes events as all else.
        """
        self.all_pass = False
        """Whether other threads' words that are no task's pass too, in whole lines; there is a passage then."""
        self.redrawn: set[tuple[str, int]] = set()
        """The streams and threads, without a task, whose line was begun anew by a carriage return."""
        self.on_escape: Callable[[str], None] | None = None
        """Called with text of no task that has escape sequences, before it is taken."""
        self.lends = False
        """Whether `pause` has a terminal to give, for displays of the program's own too."""
        self.passed = False
        """Whether what went straight to the original so has left the beginning of a line there."""
        self.tasks_only = False
        """Whether what belongs to no task goes straight to the original: in a process that is not ours alone."""
        self.blocks: OpenBlocks | None = None
        """What stands above the rows of a display that draws; None: it draws nothing there."""
        self.displays: dict[int, Callable[[], None]] = {}
        """What ends each display of another library that the run shows and that is open when it ends."""
        self.slow_path = True
        """False while text simply becomes events: live, not lent, not strict, none passes."""
        self.lock = RLock()
        self.routers: dict[str, StreamProxy] = {}
        self._owned = [name for name in STREAMS if name in owned]
        self.descriptors = DescriptorCapture(reporter, self._owned) if descriptors else None
        self._bars = [name for name in STREAMS if name in (owned if bars is None else bars)]
        self._found: dict[str, tuple[Any, object]] = {}
        """The streams as they were at the start, and where each led."""
        self._bridges = bridges(self)
        self._resolving: set[int] = set()
        self._main = unpatched.main_ident

    @property
    def taken(self) -> list[str]:
        """The names of the streams that are captured."""
        return self._owned

    # --- life ---

    def start(self) -> None:
        """Take the streams; once is enough."""
        if self.live:
            return
        for bridge in self._bridges:
            if isinstance(bridge, Takeover):
                with contextlib.suppress(Exception):  # another library's insides: it then draws on as it did
                    bridge.prepare()
        self._find_streams()
        self.live = True
        self.slow_path = self.strict or self.passage is not None or self.tasks_only
        live.capture = self
        for name, router in self.routers.items():
            setattr(sys, name, router)
        if self.descriptors is not None:
            self.descriptors.start()
        _give_back_in_children(self)
        for bridge in self._bridges:
            with contextlib.suppress(Exception):  # another library's insides: it then writes as ever
                bridge.start()

    def _find_streams(self) -> None:
        """Keep the streams as they are, and make those that stand for the ones to be taken."""
        for name in STREAMS:
            stream = getattr(sys, name)
            if isinstance(stream, StreamProxy) and not stream._capture.live:  # noqa: SLF001  # one that an earlier run left
                stream = stream.original
            if stream is not None:
                self._found[name] = stream, _place(stream)
                if name in self._owned:
                    early = _early.pop(name, None)
                    router = (
                        early if early is not None and early.original is stream else StreamProxy(self, name, stream)
                    )
                    router._capture = self  # noqa: SLF001  # its own module
                    self.routers[name] = router

    def stop(self) -> None:
        """Send what was begun and restore everything but what others have replaced meanwhile."""
        if not self.live:
            return
        if self.descriptors is not None:
            self.descriptors.stop()
        while self.displays:
            with contextlib.suppress(Exception):  # a renderable of the user's
                self.displays.popitem()[1]()
        for bridge in reversed(self._bridges):
            try:
                bridge.stop()
            except Exception:  # noqa: BLE001  # a user's renderable or stream: the rest is given back all the same
                bridge.reset_after_fork()
        with self.lock:
            self._give_back()
            for router in self.routers.values():
                router.flush_lines()

    def resume(self) -> None:
        """Resume the displays that were there before: the terminal is given back."""
        for bridge in self._bridges:
            if isinstance(bridge, Takeover):
                with contextlib.suppress(Exception):  # as in `stop`
                    bridge.resume()

    def _give_back(self) -> None:
        self.live = False
        self.slow_path = True
        if live.capture is self:
            live.capture = None
        for name, router in self.routers.items():
            if getattr(sys, name) is router:
                setattr(sys, name, router.original)

    def release_terminal(self, *, on: bool, shown: bool = False, thread: int | None = None) -> None:
        """This thread, or `thread`, has the terminal, or no more: what it writes, or no task, goes there meanwhile.

        So does the line that it has begun, the question, unless it is `shown` there.
        """
        thread = thread or get_ident()
        with self.lock:
            if on:
                self._lead(to_terminal=True)
                self.lent.append(thread)
                self._hand_over(thread, shown=shown)
            else:
                self.lent.remove(thread)
                self._lead(to_terminal=bool(self.lent))
            self.slow_path = (
                bool(self.lent) or self.strict or not self.live or self.passage is not None or self.tasks_only
            )

    def _lead(self, *, to_terminal: bool) -> None:
        if self.descriptors is not None:
            self.descriptors.release_terminal(on=to_terminal)

    def sets_bypass(self, task: Task | None) -> bool:
        """Return whether the terminal is lent, and to the code that runs now: that of this thread, or of no task."""
        if self.tasks_only and task is None:
            return True
        return bool(self.lent) and (task is None or self.lent_to_all > 0 or get_ident() in self.lent)

    def bypasses(self, task: Task | None) -> bool:
        """Return whether what the code that runs now writes is for the original."""
        return self.sets_bypass(task) or (self.passage is not None and task is None and get_ident() == self._main)

    def hand_on(self, task: Task | None, name: str, text: str, write: Callable[[str], int]) -> int:
        """Write to the original what passes."""
        passage = self.passage
        if passage is None or not self.live or self.sets_bypass(task) or not passage.enter(text):
            return write(text)
        try:
            return write(text)
        finally:
            passage.leave(name, text)
            if text.endswith("\n"):
                self.redrawn.discard((name, self._main))

    def _hand_over(self, thread: int, *, shown: bool) -> None:
        key = self._key(thread)
        for router in self.routers.values():
            router.flush_partial(key, shown=shown)

    def question(self) -> str:
        """Return the line that the code running now has begun; "" for none, or for one on each stream."""
        key = self._key(get_ident())
        begun = [line for line in (router.begun(key) for router in self.routers.values()) if line]
        return begun[0] if len(begun) == 1 else ""

    def look(self, name: str, text: str) -> None:
        """Look at text of no task that has escape sequences or carriage returns, before it is taken.

        On a terminal a carriage return overwrites the last line, of any thread. So a line that was drawn again and
        again, a spinner's, is gone when another thread writes a carriage return.
        """
        if self.on_escape is not None and "\x1b" in text:
            self.on_escape(text)
        if "\r" not in text:
            return
        mine = (name, get_ident())
        for stream, thread in self.redrawn - {mine} if text.startswith("\r") else ():
            self.redrawn.discard((stream, thread))
            if self.passage is not None and thread == self._main:
                self.passage.overwritten()
            else:
                self.routers[stream].forget(thread)
        self.redrawn.add(mine)

    def _key(self, thread: int) -> Key:
        task = self.task()
        return 0 if task is None else task.id, thread

    def asks(self) -> bool:
        """Return whether the code that runs now has begun a line: what it reads then is the answer to a question."""
        key = self._key(get_ident())
        return any(router.begun(key) for router in self.routers.values()) or (self.passed and key[1] == self._main)

    def reset_after_fork(self) -> None:
        """Give everything back in a forked child, where no other thread is left and any lock may be held for ever."""
        self.lock = RLock()
        self._give_back()
        for bridge in reversed(self._bridges):
            bridge.reset_after_fork()

    # --- text ---

    def sending(self) -> bool:
        """Return whether this thread is sending a line: a signal handler that asks has interrupted it."""
        return bool(self.lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001  # as threading.Condition asks

    def task(self) -> Task | None:
        """Return the task of the code running now; None: it has none of ours."""
        task = ambient.get()
        if task is None:
            return None
        if isinstance(task, Task):
            return task.resolve()
        thread = get_ident()  # making one may run code that prints
        if thread in self._resolving:
            return None
        self._resolving.add(thread)
        try:
            return task.resolve()
        except Exception:  # noqa: BLE001  # whatever it is, it is not the business of a print
            return None
        finally:
            self._resolving.discard(thread)

    def send(self, task: Writer | None, stream: str, text: str) -> None:
        """Send whole lines."""
        if task is not None:
            reporter = task.reporter
            reporter.send(TextWritten(reporter.now(), task.id, task.attempt, task.worker, stream, text))
        elif self.all_pass and stream in self.routers:
            self.routers[stream].original.write(f"{text}\n")
        else:
            reporter, thread = self.reporter, current_thread()
            worker = "" if thread is main_thread() else thread.name
            reporter.send(TextWritten(reporter.now(), None, 0, worker, stream, text))

    def send_late(self, task: Writer | None, number: int, stream: str, text: str) -> None:
        """Send a line that has no end, of a task that ends or ended."""
        if task is not None or not number:
            self.send(task, stream, text)
        else:
            self.reporter.send(TextWritten(self.reporter.now(), number, 1, "", stream, text))

    def task_ended(self, task: Writer) -> None:
        """Send the lines that `task` has begun and not ended; called before its last event is sent."""
        for router in self.routers.values():
            router.flush_lines(task)

    # --- for bridges ---

    def lends_to_display(self) -> bool:
        """Return whether a display of another library has the terminal while it lives: where the program has it."""
        return self.lends and (self.passage is not None or ambient.get() is None)

    def router_of(self, stream: object) -> StreamProxy | None:
        """Return the router that stands for `stream`, be it the original or itself."""
        for router in self.routers.values():
            if stream is router or stream is router.original:
                return router
        return None

    def takes_bars(self, stream: object) -> bool:
        """Return whether a progress bar that draws on `stream` is to be a task instead.

        It is not where the program has led its output elsewhere: the bar is then text that the program wants.
        """
        return any(name in self._found and self._stands_for(stream, name) for name in self._bars)

    def _stands_for(self, stream: object, name: str) -> bool:
        """Return whether what is written to `stream` would be shown where the stream of that name was at the start."""
        found, place = self._found[name]
        router = self.routers.get(name)
        if self.descriptors is None and _place(found) != place:
            return False
        if type(stream) is TextIOWrapper and stream is not found:  # the program's own, with another encoding maybe
            return _buffer(stream) in (_buffer(found), None if router is None else router._bytes)  # noqa: SLF001  # its own module
        return stream is found or stream is router


def _buffer(stream: TextIO) -> object:
    """Return the binary side of a stream; of one that has none, itself."""
    try:
        return stream.buffer
    except (AttributeError, OSError, ValueError):
        return stream


def _place(stream: TextIO) -> object:
    """Return what tells where a stream leads from all other places; None: it has no descriptor."""
    try:
        found = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, getattr(found, "st_rdev", 0)  # Windows has none


def _violation(name: str, text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004  # enough to find it by
    return f"{shown!r} written to {name} while a strict run is live; use task.log(), or a run that is not strict"


# --- fork ---

_latest: list[Capture] = []


def _give_back_in_children(capture: Capture) -> None:
    if not _latest and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_in_child)
    _latest[:] = [capture]


def _after_in_child() -> None:
    for capture in _latest:
        if capture.live:
            capture.reset_after_fork()
