"""What the display needs of the standard library, as Python has it, whatever the program puts in its place.

gevent and eventlet replace locks, threads and `select` by ones that switch between green threads. The display is none
of their business: it draws in signal handlers and on threads of the operating system, where a switch would be an error.
Names are taken from here when this module is loaded, so a program that is patched later changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _original(module: str, name: str) -> Any:
    """Return the attribute as it was before a library that is loaded already has replaced it; None: there is none."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched(module):
        return gevent.get_original(module, name)
    eventlet = sys.modules.get("eventlet.patcher")
    found = __import__(module) if eventlet is None else eventlet.original(module)
    return getattr(found, name, None)


allocate_lock = _original("_thread", "allocate_lock")
get_ident: Callable[[], int] = _original("_thread", "get_ident")
get_native_id: Callable[[], int] | None = _original("_thread", "get_native_id")
poll: Any = _original("select", "poll")
"""None where the platform has none."""
read: Callable[[int, int], bytes] = _original("os", "read")
write: Callable[[int, Any], int] = _original("os", "write")
_start_new_thread = _original("_thread", "start_new_thread")
main_ident = (threading.main_thread().ident or 0) if get_ident is threading.get_ident else get_ident()
"""The thread that Python calls signal handlers on."""


def green_library() -> str:
    """Return the name of the library that has replaced parts of the standard one in this process; "": none has."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_anything_patched():
        return "gevent"
    return "eventlet" if eventlet is not None and eventlet.already_patched else ""


def in_main_thread() -> bool:
    """Return whether this thread of the operating system is the main one: green threads of its are on it too."""
    return get_ident() == main_ident


def _in_child() -> None:
    global main_ident  # noqa: PLW0603  # the thread that has forked is all that is left
    main_ident = get_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class Flag:
    """An event that one thread waits for, once."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the one that waits."""
        with contextlib.suppress(RuntimeError):  # it is set already
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Return whether it was set within as many seconds."""
        return bool(self._lock.acquire(timeout=seconds))


class NativeThread:
    """A thread of the operating system that does not keep the process from ending, and that `threading` does not list.

    The program sees the threads that it has begun and no other, and no hook of it is called for this one.
    """

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._ending = allocate_lock()
        self.ident = 0
        """0 until it has begun."""
        self.native_id = 0

    def start(self) -> None:
        """Begin; once."""
        begun = Flag()
        self._ending.acquire()
        try:
            _start_new_thread(self._bootstrap, (begun,))
        except RuntimeError:  # the system has none left: to join what has not begun waits for nothing
            self._ending.release()
            raise
        begun.wait(threading.TIMEOUT_MAX)

    def _bootstrap(self, begun: Flag) -> None:
        self.ident = get_ident()
        self.native_id = get_native_id() if get_native_id is not None else 0
        begun.set()
        try:
            self._run()
        finally:
            self._ending.release()

    def is_current(self) -> bool:
        """Return whether it is the one that asks."""
        return get_ident() == self.ident

    def is_alive(self) -> bool:
        """Return whether it has begun and not ended."""
        return bool(self.ident) and bool(self._ending.locked())

    def join(self, seconds: float = threading.TIMEOUT_MAX) -> None:
        """Wait until it has ended, or as many seconds."""
        if self._ending.acquire(timeout=seconds):
            self._ending.release()
