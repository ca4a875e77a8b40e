from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.cli import resumable_results as module
from mainstage.cli.resumable_results import ResultsError, ResultsFile, encode_line, outcome_line
from mainstage.core.file_lock import lock_file
from mainstage.pool.results import ItemOutcome

if TYPE_CHECKING:
    from pathlib import Path

T = "mod:f"


def outcome(text: str, value: object = None, error: BaseException | None = None) -> ItemOutcome:
    return ItemOutcome(0, text, value, error, 0.25, 1, 10.0)


def ok(text: str, value: object = 1) -> dict[str, Any]:
    return outcome_line(T, outcome(text, value))


def failed(text: str) -> dict[str, Any]:
    return outcome_line(T, outcome(text, error=ValueError("no")))


def write(path: Path, *lines: dict[str, Any], tail: bytes = b"") -> None:
    path.write_bytes(b"".join(map(encode_line, lines)) + tail)


def read(path: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert not any("again" in line for line in lines)
    return [(line["input"], line["status"]) for line in lines]


def test_a_line_tells_all_that_became_of_an_input() -> None:
    assert ok("a", {"n": [1, None]}) == {
        "target": T,
        "input": "a",
        "status": "ok",
        "result": {"n": [1, None]},
        "seconds": 0.25,
        "attempt": 1,
    }
    line = failed("a")
    assert (line["status"], line["error"]["type"], line["error"]["text"]) == ("failed", "ValueError", "no")


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError


LOOP: list[object] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({1, 2}, "{1, 2}"),
        (b"x", "b'x'"),
        (float("nan"), "nan"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (LOOP, "[[...]]"),
        (Unspeakable(), "<Unspeakable, whose repr raised ValueError>"),
    ],
)
def test_a_result_that_is_no_json_is_told_by_its_repr_and_a_flag(value: object, told: str) -> None:
    line = json.loads(encode_line(ok("a", value)))
    assert (line["result"], line["repr"]) == (told, True)


def test_names_that_are_not_text_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    name = os.fsdecode(b"caf\xe9 \xff")
    results = ResultsFile(str(path))
    results.append(ok(name, name))
    results.close()
    assert json.loads(path.read_text(encoding="ascii"))["result"] == name
    assert ResultsFile(str(path)).skip(T, failed_again=False) == {name: 1}


def test_a_line_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    results = ResultsFile(str(path))
    data = results.append(ok("a"))
    assert path.read_bytes() == data


def test_what_is_done_is_counted_by_target_and_input(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ok("a"), failed("b"), ok("a"), outcome_line("other:g", outcome("c")))
    results = ResultsFile(str(path))
    assert results.skip(T, failed_again=False) == {"a": 2, "b": 1}
    assert results.skip(T, failed_again=True) == {"a": 2}
    assert len(results) == 4


@pytest.mark.parametrize("cut", range(1, len(encode_line(ok("b"))) - 1))
def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ok("a"), tail=encode_line(ok("b"))[:cut])
    results = ResultsFile(str(path))
    results.append(ok("b"))
    results.close()
    assert read(path) == [("a", "ok"), ("b", "ok")]


def test_a_last_line_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ok("a"), tail=encode_line(ok("b"))[:-1])
    results = ResultsFile(str(path))
    assert results.skip(T, failed_again=False) == {"a": 1, "b": 1}
    results.append(ok("c"))
    assert read(path) == [("a", "ok"), ("b", "ok"), ("c", "ok")]


@pytest.mark.parametrize("text", [b"dear diary\n", b"dear diary", b'{"some": "json"}\n', b"[1]\n", b"\xff\n"])
def test_a_file_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(text)
    with pytest.raises(ResultsError, match="line 1: this is no result"):
        ResultsFile(str(path))
    assert path.read_bytes() == text


def test_a_second_run_on_the_same_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = ResultsFile(str(path))
    with pytest.raises(ResultsError, match="another run"):
        ResultsFile(str(path))
    first.close()
    ResultsFile(str(path)).close()


def test_a_failed_input_that_is_run_again_takes_its_old_place(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, failed("a"), ok("b"), failed("a"), failed("c"))
    results = ResultsFile(str(path))
    results.skip(T, failed_again=True)
    for line in (ok("a", "first"), ok("new"), ok("a", "second")):
        results.append(line)
    results.close()
    assert read(path) == [("a", "ok"), ("b", "ok"), ("a", "ok"), ("c", "failed"), ("new", "ok")]
    assert [json.loads(line).get("result") for line in path.read_bytes().splitlines()][::2] == ["first", "second", 1]
    assert [file.name for file in tmp_path.iterdir()] == ["r.jsonl"]


def test_a_run_killed_while_it_runs_failed_inputs_again_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, failed("a"), ok("b"), failed("a"))
    killed = ResultsFile(str(path))
    killed.skip(T, failed_again=True)
    killed.append(ok("a"))
    os.close(killed._fd)  # what a kill does
    assert len(path.read_bytes().splitlines()) == 4
    results = ResultsFile(str(path))
    assert read(path) == [("a", "ok"), ("b", "ok"), ("a", "failed")]
    assert results.skip(T, failed_again=True) == {"a": 1, "b": 1}


def test_an_input_that_fails_again_replaces_its_line_too(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, failed("a"))
    results = ResultsFile(str(path))
    results.skip(T, failed_again=True)
    results.append(outcome_line(T, outcome("a", error=KeyError("new"))))
    results.close()
    assert [json.loads(line)["error"]["type"] for line in path.read_bytes().splitlines()] == ["KeyError"]


def test_a_replaced_file_keeps_its_mode_its_link_and_its_lock(tmp_path: Path) -> None:
    path, link = tmp_path / "r.jsonl", tmp_path / "link"
    write(path, failed("a"))
    path.chmod(0o640)
    link.symlink_to(path)
    results = ResultsFile(str(link))
    results.skip(T, failed_again=True)
    results.append(ok("a"))
    results._replace()
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ResultsError, match="another run"):
        ResultsFile(str(path))
    results.close()


def test_a_pipe_takes_results_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    results = ResultsFile(str(path))
    data = results.append(ok("a"))
    assert os.read(reader, 1 << 16) == data
    results.close()
    os.close(reader)


def test_no_line_is_lost_to_a_file_that_was_replaced_between_open_and_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.jsonl"
    write(path, failed("a"))
    first = ResultsFile(str(path))
    first.skip(T, failed_again=True)
    first.append(ok("a"))
    lock = lock_file

    def replaced_meanwhile(fd: int) -> None:
        monkeypatch.setattr(module, "lock_file", lock)
        first.close()
        lock(fd)

    monkeypatch.setattr(module, "lock_file", replaced_meanwhile)
    second = ResultsFile(str(path))
    second.append(ok("b"))
    second.close()
    assert read(path) == [("a", "ok"), ("b", "ok")]


def test_the_copy_of_a_killed_run_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, ok("a"))
    left = tmp_path / "r.jsonl.0123456789abcdef.new"
    others = [tmp_path / "r.jsonl.new", tmp_path / "x.jsonl.0123456789abcdef.new"]
    for file in (left, *others):
        file.write_text("half")
    ResultsFile(str(path)).close()
    assert not left.exists()
    assert all(file.exists() for file in others)


def test_the_copy_follows_no_link_of_another_users_making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, victim = tmp_path / "r.jsonl", tmp_path / "victim"
    write(path, failed("a"))
    victim.write_text("as it was")
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0123456789abcdef")
    results = ResultsFile(str(path))
    (tmp_path / "r.jsonl.0123456789abcdef.new").symlink_to(victim)
    results.skip(T, failed_again=True)
    results.append(ok("a"))
    with pytest.raises(FileExistsError):
        results.close()
    assert victim.read_text() == "as it was"


def test_a_pipe_whose_reader_has_gone_is_an_error_and_no_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    results = ResultsFile(str(path))
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        results.append(ok("a", "x" * 200_000))
    results.close()


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_descriptor_that_is_a_pipe_can_be_named(tmp_path: Path, name: str) -> None:
    reader, writer = os.pipe()
    results = ResultsFile(name.format(writer))
    data = results.append(ok("a"))
    assert os.read(reader, 1 << 16) == data
    for fd in (reader, writer):
        os.close(fd)
    results.close()


def test_a_line_too_deep_to_read_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
    with pytest.raises(ResultsError, match="line 1: this is no result"):
        ResultsFile(str(path))


def test_a_line_is_printable_ascii_whatever_its_texts_are() -> None:
    text = "".join(map(chr, (*range(0xA1), 0x2028, 0x202E, 0xDC80, 0x1F600)))
    data = encode_line(outcome_line(T, outcome(text, text)))
    assert data.rstrip(b"\n").decode().isprintable()
    assert json.loads(data)["input"] == text
