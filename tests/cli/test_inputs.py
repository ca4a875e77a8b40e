from __future__ import annotations

import io
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
import pytest

from mainstage.cli.inputs import JobInput, gather, select

if TYPE_CHECKING:
    from pathlib import Path


def test_arguments_come_first_then_the_lines_of_each_file(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("c\n\nd e\n")
    assert gather(["a", "b"], [str(lines)]) == ["a", "b", "c", "d e"]


def test_names_that_are_not_text_come_as_surrogates(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_bytes(b"a\xff\nb")
    assert gather([], [str(lines)]) == ["a\udcff", "b"]


def test_a_name_with_a_newline_or_a_carriage_return_survives_between_nuls(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_bytes(b"a\nb\r\0c\0")
    assert gather([], [str(lines)], null=True) == ["a\nb\r", "c"]


def test_a_dash_reads_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x\ny\n")))
    assert gather(["w"], ["-"]) == ["w", "x", "y"]


def test_a_glob_gives_files_in_order_at_any_depth(tmp_path: Path) -> None:
    for name in ("b", "a", "deep/c"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert gather([f"{tmp_path}/**"], []) == [f"{tmp_path}/{name}" for name in ("a", "b", "deep/c")]


def test_a_file_with_a_name_like_a_glob_and_an_address_stand_for_themselves(tmp_path: Path) -> None:
    (tmp_path / "a[1]").touch()
    (tmp_path / "a1").touch()
    given = [f"{tmp_path}/a[1]", "https://example.org/?page=[1]", "file:///none/*"]
    assert gather(given, []) == given


def test_a_glob_that_matches_no_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for pattern in ("none*", "none/**", "fold*", "2 * 3"):
        with pytest.raises(click.UsageError, match=r"no file matches .*--no-glob"):
            gather([f"{tmp_path}/{pattern}"], [])


def test_without_globs_every_argument_stands_for_itself(tmp_path: Path) -> None:
    (tmp_path / "a1").touch()
    given = [f"{tmp_path}/a*", "2 * 3"]
    assert gather(given, [], expand_globs=False) == given


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\rand\r\nthree")
    assert gather([], [str(tmp_path / "list")]) == ["one", "two\rand", "three"]


def test_lines_of_a_file_are_never_globs(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text(f"{tmp_path}/*\n")
    assert gather([], [str(lines)]) == [f"{tmp_path}/*"]


def test_a_file_that_is_not_there_is_a_usage_error_that_names_it(tmp_path: Path) -> None:
    missing = os.fspath(tmp_path / "none")
    with pytest.raises(click.UsageError, match=f"--inputs {missing}: No such file"):
        gather([], [missing])


def test_as_many_of_a_duplicate_are_skipped_as_have_been_done() -> None:
    left = select(["a", "b", "a", "a"], Counter({"a": 2}))
    assert left == [JobInput(2, "b"), JobInput(4, "a")]
