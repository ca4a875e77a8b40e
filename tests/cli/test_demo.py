from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.system.terminals import ROOT, Pty

from mainstage.cli import demo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shop


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_bytes(b"x" * 1_000_000)
    (root / "empty").touch()
    (root / "sub" / "b").write_bytes(b"b")
    (root / os.fsdecode(b"z\xff")).write_bytes(b"latin")
    (root / "link").symlink_to("a")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe")
    return root


def test_the_digest_of_the_tree_is_what_sha256sum_makes_of_it(shop: Shop, tree: Path) -> None:
    done = shop.run("demo", os.fspath(tree))
    assert done.returncode == 0, done.stderr
    summary, digest = done.stdout.splitlines()
    assert summary.startswith(b"4 files, 1,000,006 bytes in ")
    assert summary.endswith(b"0 failed, 3 skipped (links, devices)")
    lines = b"".join(
        hashlib.sha256((tree / os.fsdecode(name)).read_bytes()).hexdigest().encode() + b"  " + name + b"\0"
        for name in (b"a", b"empty", b"sub/b", b"z\xff")
    )
    assert digest == hashlib.sha256(lines).hexdigest().encode() + b"  " + os.fsencode(tree)
    if shutil.which("sha256sum"):
        command = r"find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum -z | sha256sum"
        theirs = subprocess.run(["bash", "-c", command], cwd=tree, capture_output=True, check=True).stdout
        assert theirs.split()[0] == digest.split()[0]


def test_what_cannot_be_read_is_a_failure_in_the_summary(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = demo.survey(os.fspath(tree))
    gone = listed._replace(files=[*listed.files, "gone"], unlisted=[("locked", "Permission denied")])  # root reads all
    monkeypatch.setattr(demo, "survey", lambda _root: gone)
    done = CliRunner().invoke(demo.demo_command, [os.fspath(tree)])
    assert done.exit_code == 1, done.output
    lines = done.stdout.splitlines()
    assert lines[:2] == ["failed: locked: Permission denied", "failed: gone: No such file or directory"]
    assert "4 files" in lines[2]
    assert "; 2 failed, 3 skipped" in lines[2]


def test_one_file_may_be_hashed_and_a_folder_that_is_not_there_is_a_usage_error(shop: Shop, tree: Path) -> None:
    done = shop.run("demo", os.fspath(tree / "a"))
    assert done.stdout.startswith(b"1 files, 1,000,000 bytes")
    assert shop.run("demo", "nowhere").returncode == 2


def test_it_is_shown_as_asked_and_a_layout_that_is_none_is_told(shop: Shop, tree: Path) -> None:
    done = shop.run("demo", os.fspath(tree), "--view", "json", "--layout", "lanes")
    assert done.returncode == 0, done.stderr
    assert b'"RunStarted"' in done.stdout
    done = shop.run("demo", os.fspath(tree), "--layout", "rows")
    assert done.returncode == 2
    assert b"'rows' is no layout; take one of bars, lanes, tree" in done.stderr


def test_without_a_path_made_up_files_show_a_second_attempt_and_a_failure_and_the_status_is_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "BYTES_PER_S", 1e12)
    done = CliRunner().invoke(demo.demo_command, ["--view", "plain"])
    assert done.exit_code == 0, done.output
    hashed = sum(size for name, size in demo.ARCHIVE.items() if name != demo.DAMAGED)
    assert done.stdout.splitlines()[-1].startswith(f"23 files, {hashed:,} bytes in ")
    assert done.stdout.endswith("; 1 failed\n")


def test_it_is_worth_looking_at_on_a_terminal() -> None:
    code = "from mainstage.cli import demo, main; demo.BYTES_PER_S = 5e7; main.main(['demo'])"
    with Pty([sys.executable, "-c", code], columns=80, rows=24) as pty:
        pty.expect("58.0 MB")
        row = next(line for line in pty.screen.lines() if "video/biscay.mp4" in line)
        assert "%" in row
        assert "ETA" in row
        assert "MB/s" in row
        assert pty.wait() == 0
    shown = pty.screen.text
    assert "maps/adria.tif" in shown
    assert "↻ sound/chapel.flac: ConnectionResetError: connection reset by peer" in shown
    assert "✗ data/depths.csv: ValueError: checksum is a4d313c9, not 9b1d03c7" in shown
    assert "23 done, 1 failed" in shown


def test_make_demo_installs_nothing_of_development() -> None:
    env = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # this may be a `make test`
    plan = subprocess.run(
        ["make", "-n", "-B", "demo"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout
    assert "--editable .\n" in plan
    assert "[dev]" not in plan
    assert plan.endswith("mainstage demo\n")
