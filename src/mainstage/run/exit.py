"""How a program ends that a signal stopped: without pages of traceback, and of the signal."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from mainstage.errors import (
    Terminated,
    cause_of,
    context_of,
    inner_errors,
    is_instance,
    set_traceback,
    traceback_of,
)
from mainstage.run.signals import die_by_signal
from mainstage.ui.display.detect import ipython_shell
from mainstage.ui.views.foreign import clean

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # as code objects have it
HIDDEN = os.path.join(_FOLDER, "")  # noqa: PTH118  # as above
"""What the names of our files begin with."""
EXIT_GRACE_S = 0.3
"""Seconds that a stopped program may take to exit before what it waits for is named."""
_quiet: list[BaseException] = []
_ending = threading.Event()
"""Set when the interpreter begins to end."""
_deadly: list[int] = []


def suppress_traceback(error: BaseException) -> None:
    """Suppress the traceback of `error` if it ends the process: the screen has said it.

    A `Terminated` that ends it then does so by its signal; for a `KeyboardInterrupt` Python itself sees to that.
    """
    if not _quiet:
        previous = sys.excepthook

        def hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
            if not _is_quiet(value):
                previous(kind, value, traceback)
            elif isinstance(value, Terminated):
                _deadly.append(value.signum)

        sys.excepthook = hook
        with contextlib.suppress(RuntimeError):  # newer interpreters start no thread once they end
            threading.Thread(target=_name_what_holds, name="mainstage-exit", daemon=True).start()
    _quiet.append(error)


def hide_frames() -> None:
    """Leave our frames out of the traceback of an error that ends the program, unless another hook is set."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _show_without_ours
    shell = ipython_shell()
    if shell is not None and "showtraceback" not in vars(shell):
        shell.showtraceback = partial(_show_in_shell, shell.showtraceback)


def _show_in_shell(show: Callable[..., object], error: Any = None, *args: Any, **options: Any) -> None:
    """As IPython's `showtraceback`, by its own `show`."""
    kind, value, traceback = error or sys.exc_info()
    if isinstance(value, BaseException):
        error = kind, value, without_ours(value) or traceback
    show(error, *args, **options)


def _show_without_ours(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
    sys.__excepthook__(kind, value, without_ours(value) or traceback)


def without_ours(error: BaseException, seen: set[int] | None = None) -> TracebackType | None:
    """Take our frames out of the tracebacks of `error`, and of all that it came of; return its own."""
    seen = set() if seen is None else seen
    if id(error) not in seen:
        seen.add(id(error))
        set_traceback(error, _trimmed(traceback_of(error)))
        for other in (cause_of(error), context_of(error), *inner_errors(error)):
            if other is not None:
                without_ours(other, seen)
    return traceback_of(error)


def _trimmed(where: TracebackType | None) -> TracebackType | None:
    first = last = None
    while where is not None:
        if not where.tb_frame.f_code.co_filename.startswith(HIDDEN):
            if last is None:
                first = where
            else:
                last.tb_next = where
            last = where
        where = where.tb_next
    if last is not None:
        last.tb_next = None
    return first


def _is_quiet(error: BaseException | None) -> bool:
    """Return whether `error` was quietened, or is one more interrupt while such a one was handled."""
    while is_instance(error, KeyboardInterrupt):
        if any(error is quiet for quiet in _quiet):
            return True
        error = context_of(error)
    return any(error is quiet for quiet in _quiet)  # the cancellation that asyncio makes an interrupt of


def exit_now(error: KeyboardInterrupt) -> None:
    """Run the exit hooks and die of the signal behind `error`, waiting for no thread."""
    die_at_exit(error)
    atexit.unregister(_die_as_asked)  # after the others, the older ones too
    atexit._run_exitfuncs()  # noqa: SLF001  # as the interpreter would, once it had waited
    _die_as_asked()


def die_at_exit(error: KeyboardInterrupt) -> None:
    """Make the process die of the signal behind `error` once its exit hooks have run."""
    _deadly.append(error.signum if isinstance(error, Terminated) else signal.SIGINT)


def _die_as_asked() -> None:
    if _deadly:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        die_by_signal(_deadly[0])


atexit.register(_die_as_asked)  # registered early, so that it runs after nearly everybody else's


def _watch_the_exit() -> None:
    """Name the user's threads that hold the exit of a stopped program; one more Ctrl-C leaves them behind."""
    if not _quiet:
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave_them)
    _ending.set()


def _leave_them(signum: int, _frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_DFL)  # once more, and no hook of anybody's is waited for
    exit_now(KeyboardInterrupt())


def _name_what_holds() -> None:
    _ending.wait()
    threading.Event().wait(EXIT_GRACE_S)
    main = threading.main_thread()
    names = [thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main]
    if names:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            text = clean(f"waiting for thread {', '.join(names)}; Ctrl-C again leaves it behind", sgr=False)
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


threading._register_atexit(_watch_the_exit)  # type: ignore[attr-defined]  # noqa: SLF001  # before threads are joined
