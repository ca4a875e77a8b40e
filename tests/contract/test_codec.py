from __future__ import annotations

import decimal
import json
import math
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.examples import ONE_OF_EACH, any_event

from mainstage.core.codec import CodecError, check_header, from_compact, from_json, header, read, to_compact, to_json
from mainstage.errors import MainstageError
from mainstage.events import (
    EVENTS,
    SCHEMA,
    ErrorReport,
    Event,
    ItemsEnded,
    TaskEnded,
    TaskMoved,
    TaskQueued,
    TaskStarted,
    TextWritten,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal to the type, NaN being equal to itself."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def as_json_can_say(value: Any, *, field: bool = False) -> Any:
    """Return what JSON makes of `value`: see the module's docstring."""
    if isinstance(value, tuple):
        if value and type(value[0]) is str and field:
            return (as_json_can_say(value[0]), as_json_can_say(value[1], field=True))
        return tuple(as_json_can_say(item, field=field) for item in value)
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if field and isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


# --- the golden file: what a schema version means, for ever ---


def test_the_golden_file_of_this_schema_is_what_is_written_today() -> None:
    golden = (GOLDEN / f"schema-{SCHEMA}.jsonl").read_bytes()
    lines = [header(), *map(to_json, ONE_OF_EACH)][: golden.count(b"\n")]  # kinds that came later are not in it
    assert golden == "".join(f"{line}\n" for line in lines).encode()


def test_the_golden_file_of_every_schema_so_far_can_be_read() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"schema-{number}.jsonl" for number in range(1, SCHEMA + 1)}
    for number, length in ((1, 18), (2, 22)):
        lines = (GOLDEN / f"schema-{number}.jsonl").read_bytes().splitlines()
        assert len(lines) == length
        assert all(map(same, read(lines), ONE_OF_EACH))


def test_the_golden_batch_of_this_schema_is_what_is_written_today() -> None:
    assert to_compact(ONE_OF_EACH[:3]).hex() == (
        "9402"
        "9400cb0000000000000000a752656164696e67cb41d954fc40100000"
        "9201cb4023000000000000"
        "9402cb4008000000000000a64374726c2d4301"
    )


# --- round trips ---


@given(any_event)
def test_any_event_survives_json(event: Event) -> None:
    line = to_json(event)
    assert line.encode().decode() == line
    assert len(line.splitlines()) == 1
    json.loads(line, parse_constant=pytest.fail)
    expected = as_json_can_say(event)
    members = [
        as_json_can_say(v, field=True) if n == "fields" else v for n, v in zip(event._fields, expected, strict=True)
    ]
    members = [ErrorReport(*w) if isinstance(v, ErrorReport) else w for v, w in zip(event, members, strict=True)]
    assert same(from_json(line), type(event)(*members))


@given(st.lists(any_event, max_size=5))
def test_any_batch_of_events_survives_the_compact_form_exactly(events: list[Event]) -> None:
    back = from_compact(to_compact(events))
    assert len(back) == len(events)
    assert all(map(same, back, events))


def test_a_file_name_that_is_not_utf8_survives_both_forms() -> None:
    event = TaskQueued(0.0, 1, b"caf\xe9\xff.txt".decode("utf-8", "surrogateescape"))
    assert from_json(to_json(event)) == event
    assert from_compact(to_compact([event])) == [event]
    assert to_json(event).isascii()


def test_readable_text_stays_readable_in_json() -> None:
    assert "Größe 大" in to_json(TaskQueued(0.0, 1, "Größe 大"))


def test_infinity_and_nan_are_texts_in_json_and_numbers_again_when_read() -> None:
    line = to_json(TaskStarted(math.inf, 1, 1, "nan", "inf", math.nan, fields=(("x", -math.inf),)))
    assert json.loads(line)["total"] == "nan"
    event = from_json(line)
    assert isinstance(event, TaskStarted)
    assert event.at == math.inf
    assert event.total is not None
    assert math.isnan(event.total)
    assert (event.worker, event.description, event.fields) == ("nan", "inf", (("x", "-inf"),))


def test_infinity_is_a_number_again_within_a_report_of_items() -> None:
    event = ItemsEnded(0.0, 1, "w", ((1, 0.0, math.inf),))
    assert from_json(to_json(event)) == event


class Whole:
    """As numpy's integers."""

    def __index__(self) -> int:
        return 7


class Fraction:
    """As numpy's float32."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Half(float):
    """As numpy's float64."""

    def __repr__(self) -> str:
        return "Half(0.5)"


class Number(int):
    """As an IntEnum."""

    def __str__(self) -> str:
        return "Number.SIX"


class Colour(str):
    """As a StrEnum's members before they were."""

    __slots__ = ()

    def __str__(self) -> str:
        return "Colour.RED"


class Mute:
    def __str__(self) -> str:
        raise OSError("no words")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Whole(), 7),
        (Fraction(0.25), 0.25),
        (Half(0.5), 0.5),
        (Number(6), 6),
        (Number(2**70), 2**70),
        (Colour("red"), "red"),
        (PurePosixPath("a/b"), "a/b"),
        ([1, 2], "[1, 2]"),
        (Mute(), "<Mute: OSError>"),
        (decimal.Decimal("1.5"), 1.5),
        (True, True),
    ],
)
def test_a_value_that_the_contract_does_not_know_goes_as_its_number_or_text(value: Any, plain: object) -> None:
    event = TaskStarted(0.0, 1, 1, "w", "d", fields=(("x", value),))
    for back in (from_json(to_json(event)), *from_compact(to_compact([event]))):
        assert isinstance(back, TaskStarted)
        assert same(back.fields, (("x", plain),))


def test_numbers_of_other_libraries_are_positions_too() -> None:
    whole: Any = Whole()
    fraction: Any = Fraction(math.inf)
    events: list[Event] = [TaskMoved(Half(0.5), 1, 1, whole), TaskEnded(1.0, 1, 1, fraction)]
    expected = [TaskMoved(0.5, 1, 1, 7), TaskEnded(1.0, 1, 1, math.inf)]
    assert [from_json(to_json(event)) for event in events] == expected
    assert from_compact(to_compact(events)) == expected


def test_a_number_with_more_digits_than_python_prints_does_not_stop_the_writer() -> None:
    event = TaskEnded(1.0, 1, 1, 10**5000)
    assert json.loads(to_json(event))["completed"] == hex(10**5000)
    assert from_compact(to_compact([event])) == [event]


# --- what cannot be read says why, and what to do ---


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"event": "TaskTeleported", "at": 1}',
            "the event 'TaskTeleported' is not in schema 2: a newer mainstage .* update",
        ),
        ('{"at": 1}', "the event None is not in schema 2"),
        ('{"event": ["x"]}', "the event .* is not in schema 2"),
        (header(), "a header in the place of an event; read whole streams with"),
        ('{"event": "RunEnded"}', "RunEnded without 'at': the line is damaged"),
        ('{"event": "RunEnded", "at": 1, "why": 2}', "'why' of RunEnded is not in schema 2"),
        (
            '{"event": "RunEnded", "at": "soon"}',
            r"RunEnded.at: Expected `int \| float`, got `str`; the data is damaged",
        ),
        ('{"event": "RunEnded", "at": true}', r"RunEnded.at: Expected `int \| float`, got `bool`"),
        ('{"event": "RunEnded", "at": NaN}', "NaN is not in JSON"),
        ('{"event": "RunEnded", "at": 1', "no line of JSON: .* killed in the middle"),
        ("[" * 100_000, "no line of JSON"),
        ("[1]", "a JSON object belongs here, not list"),
        (
            '{"event": "TaskFailed", "at": 1, "task": 1, "attempt": 1, "completed": 1, "error": {"type": "X"}}',
            r"TaskFailed.error: Expected `array`, got `object`",
        ),
        (
            '{"event": "TaskChanged", "at": 1, "task": 1, "attempt": 1, "fields": {"a": [1]}}',
            r"TaskChanged.fields: Expected .* got `array`",
        ),
    ],
)
def test_a_line_that_is_no_event_is_named(line: str, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        from_json(line)


def pack(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no batch of events: .* killed in the middle"),
        (b"\x93\x01", "no batch of events: .* killed in the middle"),
        (pack({}), "another program wrote this"),
        (pack([]), "another program wrote this"),
        (pack(["x"]), "no header"),
        (pack([SCHEMA + 1]), f"schema {SCHEMA + 1} is not known, this version reads 1 to {SCHEMA}: use the version"),
        (pack([SCHEMA, 5]), "another program wrote this"),
        (pack([SCHEMA, []]), "another program wrote this"),
        (pack([SCHEMA, ["x"]]), "another program wrote this"),
        (pack([SCHEMA, [len(EVENTS), 0.0]]), f"the event of number {len(EVENTS)} is not in schema"),
        (pack([SCHEMA, [-1, 0.0]]), "the event of number -1 is not in schema"),
        (pack([SCHEMA, [1, 0.0, 5]]), "RunEnded with 2 members is not in schema"),
        (pack([SCHEMA, [1]]), "RunEnded with 0 members is not in schema"),
        (pack([SCHEMA, [1, "x"]]), r"RunEnded.at: Expected `int \| float`, got `str`"),
        (pack([SCHEMA, [1, msgspec.msgpack.Ext(9, b"")]]), "extension 9 is not in schema"),
    ],
)
def test_a_batch_that_is_none_is_named(data: bytes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        from_compact(data)


def test_members_with_defaults_may_be_missing_in_both_forms() -> None:
    started = TaskStarted(1.0, 2, 1, "w", "d")
    assert (
        from_json('{"event": "TaskStarted", "at": 1.0, "task": 2, "attempt": 1, "worker": "w", "description": "d"}')
        == started
    )
    assert from_compact(pack([SCHEMA, [6, 1.0, 2, 1, "w", "d"]])) == [started]


def test_a_stream_of_a_newer_schema_says_what_to_do() -> None:
    with pytest.raises(
        CodecError, match=r"line 1: schema 99 is not known, .*: use the version of mainstage that wrote it"
    ):
        list(read(['{"schema": 99}', "x"]))


def test_a_stream_without_a_header_is_told_from_one_with() -> None:
    with pytest.raises(CodecError, match=r"line 2: no header: .* cut off"):
        list(read(["", to_json(ONE_OF_EACH[0])]))
    check_header(header())


def test_a_torn_last_line_is_named_by_its_number_after_the_whole_ones_were_given() -> None:
    stream = read([header(), to_json(ONE_OF_EACH[0]), "", to_json(ONE_OF_EACH[1])[:-3]])
    assert next(stream) == ONE_OF_EACH[0]
    with pytest.raises(CodecError, match="line 4: no line of JSON"):
        next(stream)


def test_the_error_is_one_of_ours_and_a_value_error() -> None:
    assert issubclass(CodecError, MainstageError)
    assert issubclass(CodecError, ValueError)


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for decode in (from_compact, from_json):
        try:
            decode(data)
        except CodecError:
            continue


@given(st.text(max_size=40))
def test_a_text_survives_between_marks_that_end_lines(text: str) -> None:
    event = TextWritten(0.0, None, 0, "", "stdout", f"a\u2028{text}\x85b")
    assert len(to_json(event).splitlines()) == 1


@pytest.mark.parametrize(
    "use", [lambda: to_compact([]), lambda: from_compact(b""), lambda: from_json(to_json(TaskEnded(1.0, 1, 1, 1)))]
)
def test_without_msgspec_reading_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[], object]
) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(CodecError, match=r"msgspec, which is not installed: pip install msgspec .*needs Python 3\.14"):
        use()


def test_writing_json_does_not_load_msgspec() -> None:
    code = "import sys; from mainstage import events; from mainstage.core import codec\n"
    code += "codec.to_json(events.RunEnded(1.0)); "
    code += "print('msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
