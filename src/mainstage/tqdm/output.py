"""Streams as bars use them: which is the program's own, and what takes the text of a bar on any other."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import ref

from mainstage.core.descriptors import is_cell_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

STDERR = 2


def is_own_stream(stream: Any) -> bool:
    """Return whether the stream is the program's own: descriptor 2, or 1 where that is a terminal, or a notebook's.

    What a program has put in the place of `sys.stderr` and has no descriptor is not: what comes there is text.
    """
    if is_cell_stream(stream):
        return True
    try:
        number = stream.fileno()
        return bool(number == STDERR or (number == 1 and stream.isatty()))
    except (AttributeError, OSError, ValueError):
        return False


def takes_blocks(stream: Any) -> bool:
    """Return whether the stream's encoding has the blocks of a smooth bar."""
    encoding = str(getattr(stream, "encoding", None) or "").lower()
    return encoding.startswith(("utf", "u8", "cp65001"))


def unwrapped(stream: Any) -> Any:
    """Return the stream that others stand for."""
    while "_wrapped" in getattr(stream, "__dict__", ()):
        stream = vars(stream)["_wrapped"]
    return stream


def terminal_size(stream: Any) -> tuple[int, int] | None:
    """Return columns and rows of the terminal that the stream leads to; None: it leads to none."""
    try:
        if not stream.isatty():
            return None
        size = os.get_terminal_size(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return (size.columns, size.lines) if size.columns > 0 else None


class BarOutput:
    """The stream of a bar of text: a closed or broken one switches the bar off, and raises nothing."""

    def __init__(self, stream: Any, *, as_bytes: bool, on_gone: Callable[[], None]) -> None:
        self._wrapped = stream
        self._as_bytes = as_bytes
        self._on_gone = on_gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._wrapped == unwrapped(other))

    __hash__ = None  # type: ignore[assignment]  # as any stream that is compared by what it stands for

    def write(self, text: str) -> Any:
        """Write it, as UTF-8 where bytes are wanted."""
        try:
            return self._wrapped.write(text.encode() if self._as_bytes else text)
        except OSError as trouble:
            if trouble.errno != errno.EIO:
                raise
        except ValueError as trouble:
            if "closed" not in str(trouble):
                raise
        self._on_gone()
        return 0

    def flush(self) -> None:
        """Flush it, where it can."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._wrapped.flush()


def switch_off(bar: Any) -> Callable[[], None]:
    """Return what switches the bar off, and does not keep it alive."""
    found = ref(bar)

    def gone() -> None:
        known = found()
        if known is not None:
            known.disable = True

    return gone


class CountedStream:
    """A stream one of whose methods moves a bar: by what `read` returns, or by what `write` is given."""

    def __init__(self, stream: Any, method: str, update: Callable[[int], object]) -> None:
        call = getattr(stream, method)

        def counted(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            update(len(result if method == "read" else args[0]))
            return result

        self._wrapped = stream
        setattr(self, method, counted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._wrapped)

    def __enter__(self) -> Self:
        self._wrapped.__enter__()
        return self

    def __exit__(self, *trouble: object) -> Any:
        return self._wrapped.__exit__(*trouble)


class WriteLock:
    """A lock of the process for lines of text; pickled to another process, it is a lock of that one's own."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *_trouble: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Callable[[], WriteLock], tuple[()]]:
        return WriteLock, ()
