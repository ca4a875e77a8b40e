"""When the display of `mainstage exec` is loaded: as soon as the program may have something to show, and not before.

A program that imports nothing that makes bars, tasks or runs starts as quickly as without us, and has its signals and
threads to itself. What leads to the terminal goes through us from the start, so that no part of the program keeps a
stream that the display knows nothing of.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mainstage.core.unpatched import in_main_thread
from mainstage.tasks.capture.streams import STREAMS, stand_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import ModuleType

    from mainstage.cli.exec_display import ExecDisplay

SIGNS = frozenset(("asyncio", "concurrent.futures", "mainstage.run.display_session", "rich", "tqdm", "uvloop"))
"""What a program imports before it can have anything to show."""
DEFERRED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that wait until the display is open, or not: within an import of the program's."""


class ExecOptions(NamedTuple):
    """What the command line says of the display."""

    view: str = "auto"
    layout: str = ""
    log: str | None = None
    capture: bool | Literal["fd"] | None = None
    journal: str | None = None
    no_inputs: bool = False

    def wait(self) -> bool:
        """Return whether the display may be loaded later: nothing says how it is to be, so nothing can be wrong."""
        return self == ExecOptions() and not any(name.startswith("MAINSTAGE_") for name in os.environ)


class _Loaded:
    """Loads a module that is loaded: a second one would have the same submodules, and not know of them."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def spec(self, name: str) -> importlib.machinery.ModuleSpec:
        """Return what has it loaded so; the import system takes the module's own where there is one."""
        self._module.__spec__ = None
        return importlib.machinery.ModuleSpec(name, self)  # type: ignore[arg-type]  # by its methods, not by its class

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:  # noqa: ARG002  # the protocol's
        """Return it."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it was."""
        module.__spec__ = self._spec


class ExecHost:
    """The display of a program, from the moment on in which there may be something to show."""

    def __init__(self, title: str, options: ExecOptions) -> None:
        self._title = title
        self._options = options
        self._display: ExecDisplay | None = None
        self._pid = os.getpid()
        self._path: list[str] = []
        self._streams: list[Any] = []
        self._early: list[Any] = []

    def start(self) -> None:
        """Load the display, or wait for a sign. Errors in the options are reported, and end the process."""
        if not self._options.wait():
            self._display = _opened_as_asked(self._title, self._options)
            return
        self._path = list(sys.path)
        self._streams = [getattr(sys, name) for name in STREAMS]
        stand_by()
        self._early = [getattr(sys, name) for name in STREAMS]
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See what the program imports. It is found by others, or is there when the display has imported it too."""
        if name in SIGNS and self in sys.meta_path and in_main_thread() and os.getpid() == self._pid:
            sys.meta_path.remove(self)
            with _signals_deferred(), self._as_at_the_start():
                self._open()
            loaded = sys.modules.get(name)
            if loaded is not None:
                return _Loaded(loaded).spec(name)
        return None

    def _open(self) -> None:
        try:
            from mainstage.cli.exec_display import open_exec_display  # noqa: PLC0415  # that is what this module is for

            self._display = open_exec_display(self._title, *self._options)
        except Exception as error:  # noqa: BLE001  # a module of the program's in the place of one of Python's, maybe
            kind = type(error).__name__
            with contextlib.suppress(Exception):  # as above
                from mainstage.cli.shell import say  # noqa: PLC0415  # only where something is wrong

                say(f"mainstage exec: {self._title} runs without a display: {kind}: {error}", err=True)

    @contextlib.contextmanager
    def _as_at_the_start(self) -> Iterator[None]:
        """Restore, within the block, the import path and the streams that the program was started with."""
        path, streams = sys.path, [getattr(sys, name) for name in STREAMS]
        sys.path = list(self._path)
        for name, stream in zip(STREAMS, self._streams, strict=True):
            setattr(sys, name, stream)
        try:
            yield
        finally:
            sys.path = path
            for name, stream, early in zip(STREAMS, streams, self._early, strict=True):
                if stream is not early or self._display is None:  # the program has set another
                    setattr(sys, name, stream)

    @contextlib.contextmanager
    def broken_off(self, cause: str) -> Iterator[None]:
        """Show that the program was ended by `cause`, and add nothing to what is said of it in the block."""
        hushed: AbstractContextManager[None] = contextlib.nullcontext()
        if self._display is not None:
            self._display.session.announce_end(cause)
            hushed = self._display.session.silenced()
        with hushed:
            yield

    def ended(self, status: int) -> None:
        """Take the exit status of the program: the last line says how it ended."""
        if self._display is not None:
            self._display.session.loop.exit_status = status

    def close(self) -> None:
        """Show the end, if there was anything to show."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._display is not None:
            self._display.close()


def _opened_as_asked(title: str, options: ExecOptions) -> ExecDisplay:
    from mainstage.cli.exec_display import open_exec_display  # noqa: PLC0415  # only where it is wanted at once
    from mainstage.errors import DisplayError  # noqa: PLC0415  # as above

    try:
        return open_exec_display(title, *options)
    except (DisplayError, OSError) as error:
        from mainstage.cli.shell import say  # noqa: PLC0415  # as above

        say(f"mainstage exec: {error}", err=True)
        raise SystemExit(2) from error


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEFERRED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
