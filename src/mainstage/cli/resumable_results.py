"""The results: a JSON line per input, written as it comes, and the file of them that a run can be resumed from.

Rules of the file. A line is handed to the kernel whole, before the next result is looked at: a killed process loses no
line that was written. What is torn all the same (a full disk) is mended when the file is opened next. The key of a line
is its target and input; duplicates are counted. A failed input that is run again is *appended*, marked `"again"`, and
takes its old line's place when the file is closed or opened next, in a copy that replaces the file at once: at no
instant is a line neither in the old place nor in the new. The copy has a name that cannot be guessed; one that a
killed run left is removed by the next run that opens the file. What is no regular file is written to and never read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.cli.files import WINDOWS, open_file, sync_folder
from mainstage.core.codec import printable
from mainstage.core.file_lock import lock_file
from mainstage.errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.pool.results import ItemOutcome


STANDARD = re.compile(r"/dev/(?:(stdout|stderr)|fd/([0-9]+))")
NUMBERS = {"stdout": 1, "stderr": 2}


DEEPER = 50
"""Levels that a result is away from what cannot be nested further: it is written, and read, on other stacks."""


class ResultsError(Exception):
    """The results file cannot be used; the message says why and what to do."""


class Key(NamedTuple):
    """What a result is found by."""

    target: str
    input: str


def outcome_line(target: str, outcome: ItemOutcome) -> dict[str, Any]:
    """Return what a results file says of `outcome`. For a result that is no JSON: its repr and `"repr": true`."""
    line: dict[str, Any] = {"target": target, "input": outcome.input}
    if outcome.error is None:
        line |= {"status": "ok", **_result(outcome.value)}
    else:
        report = describe_error(outcome.error)
        error = {"type": report.type, "text": report.text, "traceback": report.traceback}
        line |= {"status": "failed", "error": error}
    return line | {"seconds": round(outcome.seconds, 6), "attempt": outcome.attempt}


def _result(value: object) -> dict[str, Any]:
    probe = value
    for _ in range(DEEPER):
        probe = [probe]
    try:
        json.dumps(probe, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {"result": _repr(value), "repr": True}
    return {"result": value}


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # a result's own __repr__ may raise anything
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


def encode_line(line: dict[str, Any]) -> bytes:
    """Return `line` as bytes, newline included: printable ASCII, in which surrogates survive."""
    return printable(json.dumps(line)).encode("ascii") + b"\n"


def write_fully(fd: int, data: bytes) -> None:
    """Write all of `data`: in one call, but for a pipe or disk that takes a part only."""
    while data:
        data = data[os.write(fd, data) :]


class ResultsFile:
    """A results file, open for appending and locked against a second run; `OSError` where the disk fails."""

    def __init__(self, path: str) -> None:
        """Open and mend `path`. Raises `ResultsError` if another run has it or it holds something else."""
        self.path = os.path.realpath(path)  # a link stays a link when the file is replaced
        self.ok: Counter[Key] = Counter()
        self.failed: Counter[Key] = Counter()
        self._again: Counter[Key] = Counter()
        self._replaced = False
        self.regular = _is_regular(path)
        self._fd = self._open_locked() if self.regular else _open_for_writing(path)
        if self.regular:
            try:
                self._load()
            except BaseException:
                os.close(self._fd)
                raise

    def __len__(self) -> int:
        """Return how many inputs it has a line for."""
        return self.ok.total() + self.failed.total()

    def is_terminal(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._fd)

    def is_descriptor(self, fd: int) -> bool:
        """Return whether `fd` leads to the same place."""
        return os.path.samestat(os.fstat(self._fd), os.fstat(fd))

    def skip(self, target: str, *, failed_again: bool) -> Counter[str]:
        """Return how many of each input of `target` need not be run; `failed_again`: failed ones are to be."""
        have = self.ok if failed_again else self.ok + self.failed
        if failed_again:
            self._again = self.failed.copy()
        return Counter({key.input: count for key, count in have.items() if key.target == target})

    def append(self, line: dict[str, Any]) -> bytes:
        """Write one line, at once; return its bytes."""
        key = Key(line["target"], line["input"])
        if self._again[key] > 0:
            self._again[key] -= 1
            self._replaced = True
            line = line | {"again": True}
        data = encode_line(line)
        write_fully(self._fd, data)
        return data

    def close(self) -> None:
        """Give lines that were run again their old place, and let go of the file."""
        try:
            if self._replaced:
                self._replace()
        finally:
            os.close(self._fd)

    # --- reading and mending ---

    def _open_locked(self) -> int:
        """Return the file open and locked: it, and not one that another run has replaced since it was opened."""
        while True:
            fd = open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            try:
                self._lock(fd)
                if self._is_named(fd):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _lock(self, fd: int) -> None:
        try:
            lock_file(fd)
        except BlockingIOError as error:
            raise ResultsError(f"{self.path}: another run is writing to it") from error

    def _is_named(self, fd: int) -> bool:
        if WINDOWS:  # nothing replaces a file there that is open
            return True
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))  # noqa: PTH116  # strings throughout
        except FileNotFoundError:
            return False

    def _load(self) -> None:
        if os.fstat(self._fd).st_size:
            self._remove_copies()
        again = unfinished = False
        for number, (data, line) in enumerate(self._lines(), 1):
            if line is None:
                if data.endswith(b"\n") or not (data.startswith(b"{") or not data.strip(b"\0")):
                    raise ResultsError(
                        f"{self.path}, line {number}: this is no result of mainstage map; name another file with --out"
                    )
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - len(data))
                break
            unfinished = not data.endswith(b"\n")
            again = again or "again" in line
            status = self.ok if line["status"] == "ok" else self.failed
            status[Key(line["target"], line["input"])] += 1
        if unfinished:
            write_fully(self._fd, b"\n")
        if again:
            self._replace()
            self.ok.clear()
            self.failed.clear()
            self._load()

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        with open(self.path, "rb") as file:  # noqa: PTH123  # a name that was opened already
            for data in file:
                yield data, _parse(data)

    def _replace(self) -> None:
        """Put each line marked "again" where the failed line of its key stands, in one step."""
        newer: defaultdict[Key, deque[bytes]] = defaultdict(deque)
        for _, line in self._lines():
            if line is not None and line.pop("again", False):
                newer[Key(line["target"], line["input"])].append(encode_line(line))
        fresh = f"{self.path}.{secrets.token_hex(8)}.new"
        fd = open_file(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            self._copy(fd, fresh, newer)
            self._take_place(fresh, fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh)  # noqa: PTH108  # strings throughout
            raise
        self._replaced = False
        sync_folder(self.path)

    def _copy(self, fd: int, fresh: str, newer: dict[Key, deque[bytes]]) -> None:
        """Lock the new file `fresh`, write the merged lines to it and on the disk; closed where that fails."""
        try:
            self._lock(fd)
            with open(fd, "wb", closefd=False) as copy:
                copy.writelines(self._merged(newer))
            os.fsync(fd)
            shutil.copymode(self.path, fresh)
        except BaseException:
            os.close(fd)
            raise

    def _take_place(self, fresh: str, fd: int) -> None:
        """Put the open file `fresh` in the place of this one, in one step."""
        if WINDOWS:  # replaces no file that is open, and none by one that is
            os.close(fd)
            os.close(self._fd)
            try:
                os.replace(fresh, self.path)  # noqa: PTH105  # strings throughout
            finally:
                self._fd = open_file(self.path, os.O_RDWR | os.O_APPEND)
                self._lock(self._fd)
            return
        try:
            os.replace(fresh, self.path)  # noqa: PTH105  # as above
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd = fd

    def _remove_copies(self) -> None:
        """Remove the unfinished copies that killed runs left; no other run can be at one, since the file is locked."""
        folder, name = os.path.split(self.path)
        form = re.compile(re.escape(name) + r"\.[0-9a-f]{16}\.new")
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if form.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108  # as above

    def _merged(self, newer: dict[Key, deque[bytes]]) -> Iterator[bytes]:
        for data, line in self._lines():
            if line is None or "again" in line:
                continue
            key = Key(line["target"], line["input"])
            yield newer[key].popleft() if line["status"] == "failed" and newer[key] else data
        for left in newer.values():
            yield from left


def _is_regular(path: str) -> bool:
    """Return whether `path` is a regular file, or there is none yet."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116  # as above
    except FileNotFoundError:
        return True


def _open_for_writing(path: str) -> int:
    """Open a pipe, device or standard stream: never for reading, so that a write fails once the reader has gone."""
    standard = STANDARD.fullmatch(path)
    if standard is not None:  # a socket cannot be opened by its name
        return os.dup(NUMBERS[standard[1]] if standard[1] else int(standard[2]))
    return open_file(path, os.O_WRONLY)


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or line.get("status") not in ("ok", "failed"):
        return None
    return line if isinstance(line.get("target"), str) and isinstance(line.get("input"), str) else None
