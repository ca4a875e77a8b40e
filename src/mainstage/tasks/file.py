"""A file whose reads advance a task."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, AnyStr, Generic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self


class CountedFile(Generic[AnyStr]):
    """The file, each read counted as it comes; all else is the file's own."""

    def __init__(self, file: IO[AnyStr], advance: Callable[[int], None]) -> None:
        self._file: Any = file  # it may have more, or less, than IO says
        self._advance = advance

    def read(self, size: int | None = -1, /) -> AnyStr:
        """Read as the file does, and count it."""
        return self._count(self._file.read(-1 if size is None else size))

    def read1(self, size: int = -1, /) -> AnyStr:
        """Read with at most one system call."""
        return self._count(self._file.read1(size))

    def readline(self, size: int | None = -1, /) -> AnyStr:
        """Read one line."""
        return self._count(self._file.readline(-1 if size is None else size))

    def readlines(self, hint: int | None = -1, /) -> list[AnyStr]:
        """Read lines."""
        lines: list[AnyStr] = self._file.readlines(-1 if hint is None else hint)
        self._advance(sum(map(len, lines)))
        return lines

    def readinto(self, buffer: Any, /) -> int | None:
        """Read into the buffer."""
        return self._count_size(self._file.readinto(buffer))

    def readinto1(self, buffer: Any, /) -> int | None:
        """Read into the buffer with at most one system call."""
        return self._count_size(self._file.readinto1(buffer))

    def _count(self, data: AnyStr) -> AnyStr:
        if data:  # None: a file that does not block has nothing yet
            self._advance(len(data))
        return data

    def _count_size(self, size: int | None) -> int | None:
        if size:
            self._advance(size)
        return size

    def __iter__(self) -> Iterator[AnyStr]:
        return self

    def __next__(self) -> AnyStr:
        return self._count(next(self._file))

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, traceback)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
