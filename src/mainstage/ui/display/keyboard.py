"""The keyboard of a terminal: a thread that waits for keys and sends them on, and does nothing else.

It reads through a description of its own, which never blocks, and only while the terminal's modes are ours. Whatever is
typed while they are not stays where it is, for the next reader.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import threading
from typing import TYPE_CHECKING, TextIO

from mainstage.core import unpatched
from mainstage.core.refusals import retried
from mainstage.core.unpatched import NativeThread, in_main_thread
from mainstage.ui.display.keys import KeyDecoder
from mainstage.ui.display.terminal import TerminalDisplay
from mainstage.ui.display.tty import reopen
from mainstage.ui.display.tty_modes import Modes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstage.ui.display import Display
    from mainstage.ui.views import Size

ESCAPE_MS = 50
"""How long an escape waits for the rest of its sequence, in milliseconds: after it, it was the key of that name."""
MOST = 1024
"""Bytes that are read at once."""
LAST = 1.0
"""Seconds that the thread may take to end."""


class Keyboard:
    """The keys of the terminal behind `fd`. `OSError`: it cannot be opened.

    `take` and `give_back` may be called by any thread, in a signal handler too, as often as they like.
    """

    def __init__(self, fd: int) -> None:
        own = reopen(fd, reading=True)
        if own is None:
            raise OSError("the terminal cannot be opened for reading")
        self.on_key: Callable[[str], None] = _nobody
        """Called on the thread that reads, with each key."""
        self.on_lost: Callable[[], None] = _nobody_either
        """Called on that thread when no key will come any more: the terminal is gone."""
        self.refused = False
        """Whether what was typed earlier stands in the way: it is not ours to read."""
        self._fd = own
        self._modes = Modes(own)
        self._lock = threading.RLock()
        self._closed = self._leaving = False
        self._unsure = False
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)
        self._thread = NativeThread(self._run)

    def start(self) -> None:
        """Take the terminal, and wait for keys from now on."""
        self.grab()
        retried(self._thread.start)

    def grab(self) -> None:
        """Read keys, if this process is in the terminal's foreground; else the next call may find it there."""
        if (self._modes.taken and not self._unsure) or self.refused or self._leaving or self._closed:
            return
        with self._lock:
            known, self._unsure = self._modes.taken, False
            if not self._modes.take():
                return
            if not known:
                if self._modes.waiting():
                    self._modes.give_back()
                    self.refused = True
                    return
                atexit.register(self.emergency)
        self._ring()

    def take_over(self, modes: Modes) -> None:
        """Read keys with the `modes` that the display has taken, unless there is a reason to read none."""
        with self._lock:
            if self.refused or self._leaving or self._closed:
                return
            known, self._unsure = self._modes.taken, False
            self._modes.take_over(modes)
            if not known:
                atexit.register(self.emergency)
        self._ring()

    def lend(self, modes: Modes) -> bool:
        """Give `modes` what was taken of the terminal, and read nothing until `take_over`; False: it was not taken."""
        with self._lock:
            if self._leaving or self._closed or not self._modes.taken or not self._modes.foreground():
                return False
            if self._unsure and not self._modes.take():
                return False
            self._unsure = False
            modes.take_over(self._modes)
            atexit.unregister(self.emergency)
        self._ring()
        return True

    def recheck(self) -> None:
        """Make the next `grab` check whether the modes are still ours: this process was stopped, maybe."""
        self._unsure = True

    def release(self) -> None:
        """Restore the terminal as it was found, and read nothing until the next `grab`."""
        if self._closed:
            return
        with self._lock:
            self.refused = False
            if self._modes.taken:
                self._modes.give_back()
                atexit.unregister(self.emergency)
        self._ring()

    def typed(self, data: bytes) -> None:
        """Take keys that the display has read while it asked the terminal."""
        decoder = KeyDecoder()
        self._tell([*decoder.feed(data), *decoder.flush()])

    def emergency(self) -> None:
        """Restore the modes at once, without the lock; for a process about to die."""
        self._modes.give_back()

    def close(self) -> None:
        """Give the terminal back, and end."""
        self._leaving = True  # first: a picture that a signal has drawn in the middle of this takes nothing again
        self.release()
        if self._closed:
            return
        self._closed = True
        self._ring()
        if self._thread.ident and not self._thread.is_current():
            self._thread.join(LAST)
        if not self._thread.is_alive():
            for fd in (self._fd, self._woken, self._wake):
                os.close(fd)

    # --- the thread ---

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it will wake anyway
            unpatched.write(self._wake, b"\0")

    def _run(self) -> None:
        # Signals are the main thread's; and one that the background gets for reading is an error then, and no stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            retried(self._wait_for_keys)
        except OSError:  # no key can be read any more
            self._modes.give_back()
            self.on_lost()

    def _wait_for_keys(self) -> None:
        decoder = KeyDecoder()
        waiter = unpatched.poll()
        waiter.register(self._woken, select.POLLIN)
        while not self._closed:
            if self._modes.taken:
                waiter.register(self._fd, select.POLLIN)
            else:
                with contextlib.suppress(KeyError):
                    waiter.unregister(self._fd)
            ready = waiter.poll(ESCAPE_MS if decoder.pending else None)
            if any(fd == self._woken for fd, _ in ready):
                with contextlib.suppress(BlockingIOError):
                    unpatched.read(self._woken, MOST)
            elif ready:
                self._read(decoder)
            else:
                self._tell(decoder.flush())

    def _read(self, decoder: KeyDecoder) -> None:
        with self._lock:
            if not self._modes.taken:
                return
            try:
                data = unpatched.read(self._fd, MOST)
            except BlockingIOError:
                return  # somebody else has read it
            except OSError:
                data = b""
            if not data:  # gone, or we are in the background: `take` will tell
                self._modes.give_back()
        if data:
            self._tell(decoder.feed(data))
        elif os.isatty(self._fd):
            return
        else:
            self.on_lost()

    def _tell(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.on_key(key)


def _nobody(_: str) -> None:
    """Do nothing: there is no listener yet."""


def _nobody_either() -> None:
    """Do nothing, as above."""


def open_keyboard(stdin: TextIO | None) -> Keyboard | str:
    """Return the keyboard of the terminal that `stdin` is, or why there is none."""
    if not Modes.possible():
        return "this platform has no terminal modes"
    if not in_main_thread():
        return "the run is not on the main thread"
    try:
        if stdin is None or not stdin.isatty():
            return "stdin is no terminal"
        return Keyboard(stdin.fileno())
    except (OSError, ValueError, AttributeError) as error:
        return f"the terminal cannot be read: {error}"


class KeyedDisplay:
    """A terminal with its keyboard: both are taken, lent and given back as one."""

    def __init__(self, display: Display, keyboard: Keyboard) -> None:
        self._display = display
        self._keyboard = keyboard
        if isinstance(display, TerminalDisplay):
            display.share_keys(keyboard)

    @property
    def broken(self) -> OSError | None:
        """Why the terminal is out of reach; None: it is not."""
        return self._display.broken

    def size(self) -> Size:
        """Return the size of the terminal."""
        return self._display.size()

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Show, and have keys come again if they were given back."""
        shown = self._display.show(above, rows, begun)
        if shown and not (isinstance(self._display, TerminalDisplay) and self._display.asking):
            self._keyboard.grab()
        return shown

    def resized(self) -> None:
        """Called when the size may have changed, or this process continues after a stop."""
        self._keyboard.recheck()
        self._display.resized()

    def suspend(self, question: str = "") -> bool:
        """Give both back until the next `show`."""
        self._keyboard.release()
        return self._display.suspend(question)

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Give both back for good."""
        self._keyboard.close()
        self._display.close(above, rows)

    def emergency(self) -> None:
        """Give both back, waiting for nothing."""
        self._keyboard.emergency()
        emergency = getattr(self._display, "emergency", None)
        if emergency is not None:
            emergency()
