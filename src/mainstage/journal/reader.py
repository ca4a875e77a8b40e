"""The reader of a journal: whatever was written, in order, of a run that is live, over or killed."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Self

from mainstage.core.codec import CodecError, from_compact
from mainstage.core.file_lock import lock_file, unlock_file
from mainstage.events import RunEnded
from mainstage.journal.format import (
    FIRST_LINE,
    FRAME,
    LARGEST,
    JournalError,
    JournalHeader,
    read_first_line,
    read_header,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from mainstage.events import Event

CHUNK = 1 << 20


class JournalReader:
    """Reads the journal at `path`, a context manager. Raises `JournalError`: it is none, or `OSError`.

    `batches` may be called again and again: it goes on where it has ended.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self.ended = False
        """Whether the run was told to be over."""
        self.status: int | None = None
        """The exit status of the program, as it was told; None: it was not."""
        self.unretrieved: int | None = None
        """How many failures the program had not taken from what holds them, as it was told."""
        self.cut = ""
        """Why the journal ends before the run, as its writer says: "limit"."""
        self.damage = ""
        """What is wrong with the bytes behind all that was read; "": nothing is known to be."""
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123  # closed by `close`
        self._rest = bytearray()
        self._offset = 0
        """Where the rest begins in the file."""
        self._frames: Iterator[bytes] = iter(())
        try:
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def _read_header(self) -> JournalHeader:
        line = b""
        while not line.endswith(b"\n") and len(line) < FIRST_LINE:
            byte = self._file.read(1)
            if not byte:
                break
            line += byte
        schema = read_first_line(line, self.path)
        self._offset = len(line)
        for data in self._read_frames():
            return read_header(_note(data), schema, self.path)
        raise JournalError(
            f"{self.path} ends before it describes its run: the run was killed as it began, or has just begun"
        )

    def batches(self) -> Iterator[list[Event]]:
        """Yield the batches of events that have been written and not been read."""
        for data in self._read_frames():
            if data.startswith(b"{"):
                self._take_note(_note(data))
                continue
            try:
                events = from_compact(data)
            except CodecError as error:
                self.damage = f"at byte {self._offset:,}: {error}"
                return
            self.ended = self.ended or any(type(event) is RunEnded for event in events)
            yield events

    def _take_note(self, note: dict[str, Any]) -> None:
        self.cut = str(note.get("cut", self.cut))
        end = note.get("end")
        if isinstance(end, dict):
            self.status, self.unretrieved = (
                found if isinstance(found, int) else None for found in (end.get("status"), end.get("unretrieved"))
            )

    def events(self) -> Iterator[Event]:
        """Yield the events of `batches`, one by one."""
        for batch in self.batches():
            yield from batch

    def torn(self) -> int:
        """Return how many bytes were read that are no whole frame."""
        return len(self._rest)

    def writer_lives(self) -> bool:
        """Return whether the process that writes it is alive."""
        try:
            lock_file(self._file.fileno(), shared=True)
        except BlockingIOError:
            return True
        unlock_file(self._file.fileno())
        return False

    def _read_frames(self) -> Iterator[bytes]:
        """Yield what whole frames hold, and stop before one that is damaged."""
        rest = self._rest
        while not self.damage:
            while len(rest) >= FRAME.size:
                size, crc = FRAME.unpack_from(rest)
                end = FRAME.size + size
                if not 0 < size <= LARGEST:
                    self.damage = f"at byte {self._offset:,}: a frame of {size:,} bytes"
                    return
                if len(rest) < end:
                    break
                data = bytes(rest[FRAME.size : end])
                if zlib.crc32(data) != crc:
                    self.damage = f"at byte {self._offset:,}: a frame whose checksum is another"
                    return
                del rest[:end]
                self._offset += end
                yield data
            chunk = self._file.read(CHUNK)
            if not chunk:
                return
            rest += chunk


def _note(data: bytes) -> dict[str, Any]:
    try:
        members = json.loads(data)
    except ValueError:
        members = None
    return members if isinstance(members, dict) else {}
