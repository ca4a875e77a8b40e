"""Plain places: lines appended to a stream or a descriptor, and the place that shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from mainstage.core.descriptors import is_cell_stream
from mainstage.ui.display import ansi
from mainstage.ui.display.fd_writer import FdWriter
from mainstage.ui.views import Size
from mainstage.ui.views.runner import Command, defused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_WAITING = 1000
"""Lines that wait for the end of somebody else's line."""
PLAIN_SIZE = Size(80, 24)
"""What a view without a terminal lays out for."""


class TextOutlet:
    """A text stream without a descriptor, written to as an `FdWriter` is: it never blocks, and breaks silently.

    Unless it `flushes`, its owner does so by itself: a notebook's kernel, for which a flush waits, in a signal handler
    for what the handler has interrupted.
    """

    shows_colors = True

    def __init__(self, stream: TextIO, *, flushes: bool = True) -> None:
        self.broken: OSError | None = None
        self._stream = stream
        self._flushes = flushes

    def write(self, data: bytes) -> bool:
        """Write UTF-8 `data`, and flush it."""
        if self.broken is None:
            try:
                self._stream.write(data.decode())
                if self._flushes:
                    self._stream.flush()
            except (
                OSError,
                ValueError,
                AttributeError,
            ) as trouble:  # closed, its own encoding says no, or no stream at all
                self.broken = trouble if isinstance(trouble, OSError) else OSError(str(trouble))
        return True

    def flush(self) -> bool:
        """Nothing is ever left."""
        return True

    def drain(self) -> bool:
        """Nothing is ever left."""
        return True

    def close(self) -> None:
        """Leave the stream open: it was given."""


def open_outlet(place: TextIO | int) -> tuple[FdWriter | TextOutlet, str]:
    """Return how to write to `place`, by its descriptor where it has one, and the encoding to use."""
    if isinstance(place, int):
        return FdWriter(place), "utf-8"
    if is_cell_stream(place):
        return TextOutlet(place, flushes=False), "utf-8"
    try:
        place.flush()  # what the program wrote before comes before
        fd = place.fileno()
    except (OSError, ValueError, AttributeError):
        return TextOutlet(place), "utf-8"
    return FdWriter(fd), getattr(place, "encoding", None) or "utf-8"


class StreamDisplay:
    """Appends lines to `place`, a text stream or a descriptor; nothing is ever drawn over.

    Lines that the place does not take at once are kept, in order. What its encoding cannot say is escaped. `runner`:
    a CI service reads commands out of the lines, and takes none but ours.
    """

    def __init__(
        self, place: TextIO | int, *, size: Size = PLAIN_SIZE, encoding: str | None = None, runner: bool = False
    ) -> None:
        self._runner = runner
        self._outlet, found = open_outlet(place)
        self._encoding = encoding or found
        self._size = size
        self._closed = False
        self._begun = ""
        self._standing = False
        self._waiting: list[str] = []

    @property
    def broken(self) -> OSError | None:
        """Why the place is out of reach; None: it is not."""
        return self._outlet.broken

    def size(self) -> Size:
        """Return the size to lay out for."""
        return self._size

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Append `above`, then `rows`, then what `begun` has become; False: the place is blocked and took nothing.

        A line that has not ended is continued where nothing came after it, else it is ended and said again below. While
        a line of other code stands, all waits for its end.
        """
        if self._closed:
            return True
        if not self._outlet.flush():
            return False
        lines = [*self._waiting, *above, *rows]
        if self._standing and not begun and len(lines) < MOST_WAITING:
            self._waiting = lines
            return True
        self._waiting = []
        self._append(lines, begun)
        return True

    def stand(self, begun: str, *, stays: bool = True) -> bool:
        """Called when other code has written `begun` here and not ended the line; True: lines wait to be shown.

        Any thread.
        """
        self._standing = bool(begun) and stays
        return bool(self._waiting) and not begun

    def resized(self) -> None:
        """Do nothing: lines once written stay as they are."""

    def suspend(self, question: str = "") -> bool:
        """Show `question`; a line of ours that has not ended ends, and its writer says it again."""
        self._standing = False
        if self._closed:
            return False
        self._append([], question)
        self._begun = ""
        return bool(question)

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Append what is left, waiting for a place that makes progress."""
        if self._closed:
            return
        self._append([*self._waiting, *above, *rows])
        self._outlet.drain()
        self._outlet.close()
        self._closed = True

    def _append(self, texts: Iterable[str], begun: str = "") -> None:
        begun = next(iter(self._lines(begun)), "")
        whole = "".join(f"{line}\n" for text in texts for line in self._lines(text)) + begun
        if not self._outlet.shows_colors:
            whole, begun = ansi.plain(whole), ansi.plain(begun)
        before, self._begun = self._begun, begun
        if self._standing and whole:
            before, self._standing = "\0", False  # the line of somebody else ends here
        text = whole[len(before) :] if whole.startswith(before) else f"\n{whole}"
        if text:
            self._outlet.write(ansi.encode_text(text, self._encoding, "backslashreplace"))

    def _lines(self, text: str) -> Iterable[str]:
        lines = ansi.lines([text])
        if not self._runner or isinstance(text, Command):
            return lines[:1] if isinstance(text, Command) else lines
        return map(defused, lines)


class NullDisplay:
    """The place for a silent run."""

    broken: OSError | None = None

    def size(self) -> Size:
        """Return some size."""
        return PLAIN_SIZE

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:  # noqa: ARG002  # the port's signature
        """Show nothing."""
        return True

    def resized(self) -> None:
        """Do nothing."""

    def suspend(self, question: str = "") -> bool:  # noqa: ARG002  # the port's signature
        """Do nothing."""
        return False

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Do nothing."""
