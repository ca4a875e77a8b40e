r"""Events as text and as bytes: JSON lines for everybody, a compact form for batches of them.

A stream of JSON lines opens with `header()`; every other line is an object whose "event" names its kind and whose other
members are the event's own, all of them. A compact batch carries the version of the schema itself. What comes in is
validated, by msgspec; what goes out never fails: a value that the contract does not know goes out as its text.

Texts with lone surrogates, as file names that are not UTF-8 have, survive both forms, in JSON as the escape `\udcff`
(only a high one followed by a low one, which no file name has, comes back as the character that they stand for).
JSON has no infinity and no NaN: they travel as the texts "inf", "-inf" and "nan" and come back as numbers where a
number belongs, as texts in a task's own `fields`.
"""

from __future__ import annotations

import functools
import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, get_type_hints

from mainstage.errors import MainstageError
from mainstage.events import EVENTS, SCHEMA, ErrorReport, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mainstage.events import Event, Fields

NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
FRACTION = int | float
ITEMS = tuple[tuple[int, FRACTION, FRACTION], ...]
SIZES = tuple[tuple[int, FRACTION], ...]
LONGEST = 4096
"""Bits of a whole number that are written as digits: Python reads no more than some 14,000."""
_SCALARS = frozenset({str, int, float, bool, type(None)})
_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in EVENTS}
_TAGS: dict[type, int] = {kind: tag for tag, kind in enumerate(EVENTS)}
_WIDER: dict[Any, Any] = {
    float: FRACTION,
    float | None: FRACTION | None,
    tuple[tuple[int, float, float], ...]: ITEMS,
    tuple[tuple[int, float], ...]: SIZES,
}
_UNSAFE = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""What a terminal acts upon, what turns text round or is not seen, and where `splitlines` would cut."""
_TEXT, _WHOLE = 1, 2  # what msgpack cannot say by itself: a text with surrogates, a number of more than 64 bits


class CodecError(MainstageError, ValueError):
    """What was read is no event of a schema that this version knows; the message names it and what to do."""


# --- JSON lines ---


def header() -> str:
    """Return the first line of a stream: which schema the others follow."""
    return json.dumps({"schema": SCHEMA, "by": "mainstage"})


def to_json(event: Event) -> str:
    """Return one line, without a newline, that `from_json` turns back into `event`; never fails for an event."""
    members: dict[str, Any] = {"event": type(event).__name__, **event._asdict()}
    for name, value in members.items():
        if isinstance(value, ErrorReport):
            members[name] = value._asdict()
        elif name == "fields":
            members[name] = dict(_plain_fields(value))
    try:
        line = json.dumps(members, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        members = _finite(members)
        line = json.dumps(members, ensure_ascii=False)
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            line = json.dumps(members, default=_plain)
    return printable(line)


def printable(line: str) -> str:
    """Return a line of JSON with the same content, and nothing in it that a terminal or a CI runner acts upon."""
    if "\x7f" in line or not (line.isascii() or line.isprintable()):
        line = _UNSAFE.sub(_escaped, line)
    return line.replace("##", "#\\u0023") if "##" in line else line  # ##[name] is a command, wherever it stands


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def from_json(line: str | bytes) -> Event:
    """Return the event that `line` tells. Raises `CodecError`."""
    members = _object(line)
    name = members.pop("event", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        if "schema" in members:
            raise CodecError("a header in the place of an event; read whole streams with mainstage.core.codec.read")
        _unknown(f"the event {name!r}")
    for member, value in members.items():
        if isinstance(value, dict):
            members[member] = tuple(value.items()) if member == "fields" else _report(value)
        elif isinstance(value, (str, list)) and member in _shape(kind.__name__).numbers:
            members[member] = _numbers(value)
    strange = members.keys() - set(kind._fields)
    if strange:
        _unknown(f"{min(strange)!r} of {name}")
    values = []
    for member in kind._fields:
        if member not in members and member not in kind._field_defaults:
            raise CodecError(f"{name} without {member!r}: the line is damaged, or another program wrote it")
        values.append(members[member] if member in members else kind._field_defaults[member])
    return _valid(kind, values)


def check_header(line: str | bytes) -> None:
    """Raise `CodecError` unless `line` opens a stream that this version can read."""
    _check_schema(_object(line).get("schema"))


def read(lines: Iterable[str | bytes]) -> Iterator[Event]:
    """Yield the events of a whole stream, its header first; empty lines do not count. `CodecError` names the line."""
    opened = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if opened:
                yield from_json(line)
            else:
                check_header(line)
        except CodecError as error:
            raise CodecError(f"line {number}: {error}") from error
        opened = True


def _object(line: str | bytes) -> dict[str, Any]:
    try:
        members = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"no line of JSON: {error}; was the writer killed in the middle of it?") from error
    if not isinstance(members, dict):
        raise CodecError(f"a JSON object belongs here, not {type(members).__name__}: another program wrote this")
    return members


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return NUMBERS.get(value, value) if isinstance(value, str) else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not in JSON")


def _report(members: dict[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
    known = ErrorReport._fields
    return tuple(members[name] for name in known) if members.keys() == set(known) else members


# --- the compact form ---


def to_compact(events: Iterable[Event]) -> bytes:
    """Return a batch of events, exactly as they are; values that the contract does not know go as their text."""
    msgspec = load_msgspec()

    batch: list[Any] = [SCHEMA]
    batch += [_row(event) for event in events]
    data: bytes
    try:
        data = msgspec.msgpack.encode(batch, enc_hook=_plain)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):
        data = msgspec.msgpack.encode(_packable(batch))
    return data


def _row(event: Event) -> tuple[Any, ...]:
    tag = _TAGS[type(event)]
    fields = getattr(event, "fields", ())
    if not fields:
        return (tag, *event)
    place = type(event)._fields.index("fields")
    return (tag, *event[:place], _plain_fields(fields), *event[place + 1 :])


def from_compact(data: bytes) -> list[Event]:
    """Return the events of a batch. Raises `CodecError`."""
    msgspec = load_msgspec()

    try:
        batch = msgspec.msgpack.decode(data, ext_hook=_unpack)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CodecError(f"no batch of events: {error}; was the writer killed in the middle of it?") from error
    if not isinstance(batch, list) or not batch:
        raise CodecError("no batch of events: another program wrote this")
    _check_schema(batch[0])
    return [_from_row(row) for row in batch[1:]]


def _from_row(row: Any) -> Event:
    if not isinstance(row, list) or not row or not isinstance(row[0], int):
        raise CodecError("no batch of events: another program wrote this")
    tag, *values = row
    if not 0 <= tag < len(EVENTS):
        _unknown(f"the event of number {tag}")
    kind = EVENTS[tag]
    try:
        event = kind(*values)
    except TypeError:
        _unknown(f"{kind.__name__} with {len(values)} members")
    return _valid(kind, event)


def _packable(value: Any) -> Any:
    """Return `value` in what msgpack can say."""
    msgspec = load_msgspec()

    if isinstance(value, (tuple, list)):
        return [_packable(item) for item in value]
    value = _plain(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return msgspec.msgpack.Ext(_TEXT, value.encode(errors="surrogatepass"))
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(_WHOLE, hex(value).encode())  # hex: Python bounds the digits of a decimal
    return value


def _unpack(code: int, data: memoryview) -> str | int:
    if code == _TEXT:
        return bytes(data).decode(errors="surrogatepass")
    if code == _WHOLE:
        return int(bytes(data), 16)
    raise ValueError(f"extension {code} is not in schema {SCHEMA}")


# --- both ---


def load_msgspec() -> Any:
    """Return the module, loaded at the first call: it costs more than a bare interpreter's start."""
    try:
        import msgspec  # noqa: PLC0415  # at the first use alone
    except ImportError:
        raise CodecError(
            "events are read, and packed, by msgspec, which is not installed: pip install msgspec (without the GIL it"
            " needs Python 3.14)"
        ) from None
    return msgspec


class _Shape(NamedTuple):
    """What the values of one kind of event must be; `numbers` are its members that hold such."""

    type: Any
    numbers: frozenset[str]


@functools.cache
def _shape(kind: str) -> _Shape:
    hints = {name: _wider(hint) for name, hint in get_type_hints(_KINDS[kind]).items()}
    numbers = frozenset(name for name, hint in hints.items() if hint in (FRACTION, FRACTION | None, ITEMS, SIZES))
    return _Shape(tuple[tuple(hints.values())], numbers)  # type: ignore[misc]  # made at run time


def _wider(hint: Any) -> Any:
    """Return `hint` with whole numbers among its fractions: 3 stays 3, whatever its size."""
    return _WIDER.get(hint, hint)


def _valid(kind: type[Event], values: Iterable[Any]) -> Event:
    msgspec = load_msgspec()

    try:
        checked = msgspec.convert(tuple(values), _shape(kind.__name__).type)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        member = [kind._fields[int(index)] for index in re.findall(r"\$\[(\d+)\]", path)]
        name = ".".join([kind.__name__, *member])
        raise CodecError(f"{name}: {what}; the data is damaged, or another program wrote it") from error
    return kind._make(checked)


def _plain_fields(fields: Fields) -> Fields:
    return tuple((str(name), _plain(value)) for name, value in fields)


def _plain(value: Any) -> Field:
    """Return `value` as the contract knows it: its number (numpy's own), or its text. Never fails."""
    if type(value) in _SCALARS:
        return value  # type: ignore[no-any-return]  # as just checked
    try:
        for base in (str, int, float):
            if isinstance(value, base):
                return base.__add__(value, base())  # type: ignore[operator]  # the plain part of a subclass
        for convert in ("__index__", "__float__"):
            if hasattr(value, convert):
                return getattr(value, convert)()  # type: ignore[no-any-return]  # whole, else fractional
        return str(value)
    except Exception as trouble:  # noqa: BLE001  # a user's own object: anything may happen
        return f"<{type(value).__name__}: {type(trouble).__name__}>"


def _finite(value: Any) -> Any:
    """Return `value` with infinities and NaN as texts, and nothing that JSON cannot say."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_finite(item) for item in value]
    value = _plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > LONGEST:
        return hex(value)
    return value


def _check_schema(schema: object) -> None:
    if not isinstance(schema, int):
        raise CodecError("no header: a stream of events begins with its schema; was its beginning cut off?")
    if not 1 <= schema <= SCHEMA:
        raise CodecError(
            f"schema {schema} is not known, this version reads 1 to {SCHEMA}: use the version of mainstage that"
            " wrote it"
        )


def _unknown(what: str) -> NoReturn:
    raise CodecError(f"{what} is not in schema {SCHEMA}: a newer mainstage wrote it; update to read it")
