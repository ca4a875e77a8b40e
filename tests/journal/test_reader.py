"""A journal that is cut off or damaged: a prefix of what was written is read, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.journal.records import record

from mainstage.cli.main import main
from mainstage.core.codec import read
from mainstage.events import SCHEMA, KeyPressed, RunEnded
from mainstage.journal.format import FRAME, JournalError, first_line
from mainstage.journal.reader import JournalReader
from mainstage.journal.writer import JournalWriter

if TYPE_CHECKING:
    from mainstage.events import Event

MANY = 300
GOLDEN = Path(__file__).parent / "golden"
EVENTS_GOLDEN = Path(__file__).parents[1] / "contract" / "golden"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Event]]:
    """A journal of many frames, and its events."""
    path = tmp_path_factory.mktemp("written") / "run.msj"
    record(path, items=30)
    with JournalReader(path) as journal:
        events = list(journal.events())
    small = path.with_name("small.msj")
    writer = JournalWriter(small)
    for number, event in enumerate(events):
        writer.record(event)
        if number % 7 == 0:
            writer.flush()
    return small.read_bytes(), events


def read_all(path: Path) -> tuple[list[Event], str]:
    """Return the events of a journal, and what is wrong with it; "torn": it is, or a length is damaged."""
    try:
        with JournalReader(path) as journal:
            return list(journal.events()), journal.damage or ("torn" if journal.torn() else "")
    except JournalError as error:
        return [], str(error)


def test_a_journal_cut_anywhere_is_read_up_to_there(tmp_path: Path, written: tuple[bytes, list[Event]]) -> None:
    data, events = written
    path = tmp_path / "cut.msj"
    chosen = random.Random(19)
    longest = 0
    for cut in sorted(chosen.sample(range(len(data)), MANY)):
        path.write_bytes(data[:cut])
        found, damage = read_all(path)
        assert found == events[: len(found)]
        assert longest <= len(found) < len(events)
        assert damage in ("", "torn") or damage.startswith(str(path)), damage  # its beginning is not there
        longest = len(found)
    assert longest > len(events) / 2


def test_a_journal_with_a_bit_flipped_gives_no_wrong_event(tmp_path: Path, written: tuple[bytes, list[Event]]) -> None:
    data, events = written
    path = tmp_path / "flipped.msj"
    chosen = random.Random(19)
    for _ in range(MANY):
        flipped = bytearray(data)
        flipped[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
        path.write_bytes(flipped)
        found, damage = read_all(path)
        assert found == events[: len(found)]
        assert damage or len(found) == len(events)


def test_what_was_not_written_yet_is_read_later(tmp_path: Path, written: tuple[bytes, list[Event]]) -> None:
    data, events = written
    path = tmp_path / "grows.msj"
    at = 1000
    path.write_bytes(data[:at])
    found: list[Event] = []
    with JournalReader(path) as journal, path.open("ab") as file:
        while not journal.ended:
            found += journal.events()
            file.write(data[at : at + 97])
            file.flush()
            at += 97
        found += journal.events()
    assert found == events


def test_a_file_whose_end_is_zeros_as_after_a_power_cut_is_read_up_to_there(
    tmp_path: Path, written: tuple[bytes, list[Event]]
) -> None:
    data, events = written
    path = tmp_path / "zeros.msj"
    path.write_bytes(data + bytes(4096))
    found, damage = read_all(path)
    assert found == events
    assert "a frame of 0 bytes" in damage


def test_the_command_says_what_is_wrong(tmp_path: Path, written: tuple[bytes, list[Event]]) -> None:
    data, events = written
    path = tmp_path / "run.msj"
    path.write_bytes(data)
    ran = CliRunner().invoke(main, ["journal", str(path), "--json"])
    assert list(read(ran.stdout.splitlines())) == events
    assert (ran.exit_code, ran.stderr) == (0, "")
    path.write_bytes(data[:-10])
    ran = CliRunner().invoke(main, ["journal", str(path), "--json"])
    assert "ends before its run, its last " in ran.stderr
    assert ran.exit_code == 0
    path.write_bytes(data[:2000] + b"XX" + data[2002:])
    ran = CliRunner().invoke(main, ["journal", str(path)])
    assert "is damaged at byte " in ran.stderr
    assert ran.exit_code == 1
    path.write_bytes(b"not one")
    ran = CliRunner().invoke(main, ["journal", str(path)], standalone_mode=False)
    assert "is no journal" in str(ran.exception)
    path.write_bytes(data.replace(b'"schema": 2', b'"schema": 9', 1))
    ran = CliRunner().invoke(main, ["journal", str(path)], standalone_mode=False)
    assert "has schema 9, this version of mainstage reads 1 to 2" in str(ran.exception)


# --- golden files: what a journal of each schema is, for ever ---


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_the_golden_journal_of_every_schema_so_far_is_read(schema: int) -> None:
    lines = (EVENTS_GOLDEN / f"schema-{schema}.jsonl").read_bytes().splitlines()
    expected = [event for event in read(lines) if not isinstance(event, KeyPressed | RunEnded)]
    with JournalReader(GOLDEN / f"schema-{schema}.msj") as journal:
        *events, last = journal.events()
        assert (journal.header.schema, journal.header.pid, journal.header.title) == (schema, 4711, "Reading")
        assert (journal.header.argv, journal.header.boot) == (("read.py", "a.csv"), "5f2b")
        assert (journal.ended, journal.damage, journal.torn()) == (True, "", 0)
    assert list(map(repr, events)) == list(map(repr, expected))  # a NaN among them
    assert isinstance(last, RunEnded)


def test_the_golden_journal_of_this_schema_is_what_is_written_today(tmp_path: Path) -> None:
    golden = (GOLDEN / f"schema-{SCHEMA}.msj").read_bytes()
    with JournalReader(GOLDEN / f"schema-{SCHEMA}.msj") as journal:
        batches = list(journal.batches())
    writer = JournalWriter(tmp_path / "run.msj")
    for batch in batches:
        for event in batch:
            writer.record(event)
        writer.flush()
    data = (tmp_path / "run.msj").read_bytes()
    assert data.startswith(first_line())
    assert golden.startswith(first_line())
    assert frames(data)[1:] == frames(golden)[1:]  # the first describes the run


def frames(data: bytes) -> list[bytes]:
    """Return the frames of a journal."""
    rest, found = data.partition(b"\n")[2], []
    while rest:
        end = FRAME.size + FRAME.unpack_from(rest)[0]
        found.append(rest[:end])
        rest = rest[end:]
    return found
