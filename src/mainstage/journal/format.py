"""The bytes of a journal: a line that names the format, then frames.

The line is `{"mainstage": "journal", "schema": 2}`. A frame is its length and its CRC-32, four bytes each, little
endian, and so many bytes: a batch of events in the compact form of `core.codec`, or, if they begin with "{", an object
of JSON for what is no event: the first one describes the run, the last one may say why the journal ends before the run.

A writer appends whole frames and changes none, so whatever has been written can be read at any time; the last frame of
a writer that was killed may be torn.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, NamedTuple

from mainstage.errors import DisplayError
from mainstage.events import SCHEMA

FRAME = struct.Struct("<II")
"""Length and CRC-32 of what follows."""
LARGEST = 1 << 30
"""Bytes of a frame; one that says it is longer is damaged."""
FIRST_LINE = 200
"""Bytes in which the first line ends."""
SMALLEST = 10_000
"""Bytes that a limit leaves at the least."""
SUFFIX = ".msj"


class JournalError(DisplayError):
    """A file is no journal, or cannot be taken as one; the message says why and what to do."""


class JournalHeader(NamedTuple):
    """What a journal says of its run before all events; times are seconds.

    `monotonic` and `wall` were read together when the run began, on the clock of its events and of the day; all
    processes of one `boot` have the same monotonic clock. `inputs`: whether inputs, and names made
    of them were kept.
    """

    schema: int
    pid: int
    title: str
    argv: tuple[str, ...]
    monotonic: float
    wall: float
    boot: str
    inputs: bool = True


def check_limit(limit: int | None) -> int | None:
    """Return `limit`; `ValueError` for one that has no room for what every journal begins with."""
    if limit is not None and limit < SMALLEST:
        raise ValueError(f"journal_limit={limit!r}: a journal needs {SMALLEST:,} bytes at least")
    return limit


def first_line() -> bytes:
    """Return what a journal begins with."""
    return json.dumps({"mainstage": "journal", "schema": SCHEMA}).encode() + b"\n"


def is_journal(beginning: bytes) -> bool:
    """Return whether a file that begins so is a journal, of whatever version."""
    return beginning.startswith(b'{"mainstage": "journal"')


def read_first_line(line: bytes, path: str) -> int:
    """Return the schema that the first line names. Raises `JournalError`: it is another file's, or too new."""
    try:
        members = json.loads(line)
    except ValueError:
        members = None
    if not isinstance(members, dict) or members.get("mainstage") != "journal":
        raise JournalError(f"{path} is no journal: `Run(journal=...)` and `mainstage map --journal` write one")
    schema = members.get("schema")
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        raise JournalError(
            f"{path} has schema {schema}, this version of mainstage reads 1 to {SCHEMA}: read it with the version that"
            " wrote it, or a later one"
        )
    return schema


def make_frame(data: bytes) -> bytes:
    """Return `data` as one frame."""
    return FRAME.pack(len(data), zlib.crc32(data)) + data


def header_note(header: JournalHeader) -> bytes:
    """Return the frame that describes the run."""
    return make_note({"run": header._asdict()})


def make_note(members: dict[str, Any]) -> bytes:
    """Return a frame of JSON."""
    return make_frame(json.dumps(members).encode())


def read_header(members: dict[str, Any], schema: int, path: str) -> JournalHeader:
    """Return the description of the run. Raises `JournalError`: the note holds another thing."""
    found: Any = members.get("run")
    try:
        known = {name: found[name] for name in JournalHeader._fields if name in found}
        return JournalHeader(**{**known, "schema": schema, "argv": tuple(map(str, found["argv"]))})
    except (TypeError, KeyError, ValueError) as error:
        raise JournalError(f"{path} does not describe its run: another program wrote it ({error})") from error
