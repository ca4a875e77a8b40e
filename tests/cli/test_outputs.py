"""`mainstage map --results` and `--tag`: what each input wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.cli.conftest import Shop, results
from tests.system.terminals import Pty

from mainstage.cli.outputs import folder_names

if TYPE_CHECKING:
    from pathlib import Path

LONG = "x" * 100_000
OUT = "out {0} 1\npart {0}\n" + LONG + "\nout {0} end\n"


def kept(shop: Shop, name: str, file: str) -> str:
    return (shop.folder / "kept" / "1" / name / file).read_text()


def test_each_input_has_its_output_and_its_status_in_files(shop: Shop) -> None:
    names = [f"n{n}" for n in range(20)]
    done = shop.run("map", "-j", "8", "jobs:noisy", *names, "bad", "--results", "kept")
    assert done.returncode == 1
    for seq, name in enumerate([*names, "bad"], 1):
        assert kept(shop, name, "stdout") == OUT.format(name)
        err = kept(shop, name, "stderr")
        assert err.startswith(f"err {name} 1\nlog {name}\n")
        assert f"UserWarning: warned {name}\n" in err
        assert err.endswith(f"said {name}\n")
        assert kept(shop, name, "seq") == f"{seq}\n"
        assert json.loads(kept(shop, name, "status"))["status"] == ("failed" if name == "bad" else "ok")
    assert Counter(line["input"] for line in map(json.loads, done.stdout.splitlines())) == Counter([*names, "bad"])
    assert b"out " not in done.stdout + done.stderr


def test_tagged_lines_carry_their_input_and_go_where_they_would(shop: Shop) -> None:
    done = shop.run("map", "-j", "8", "jobs:noisy", "a", b"b\xff", "c\nd", "--tag", "--out", "r.jsonl")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split(b"\n")[:-1]
    for tag, name in ((b"a", b"a"), (b"b\xff", b"b\xff")):
        mine = [line.removeprefix(tag + b"\t") for line in lines if line.startswith(tag + b"\t")]
        assert mine == [b"out %s 1" % name, b"part " + name, LONG.encode(), b"out %s end" % name]
    assert sum(line.startswith(b"c\\nd\t") for line in lines) == 7  # the name's own line end makes two of one
    assert len(lines) == 15
    assert b"a\terr a 1\n" in done.stderr
    assert b"a\tlog a\n" in done.stderr
    assert b"out " not in done.stderr


def test_with_results_and_tag_it_is_kept_and_passed_on(shop: Shop) -> None:
    done = shop.run("map", "jobs:noisy", "a", "--results", "kept", "--tag", "--out", "r.jsonl")
    assert kept(shop, "a", "stdout") == OUT.format("a")
    assert done.stdout.decode() == "".join(f"a\t{line}\n" for line in OUT.format("a").splitlines())


def test_a_task_that_is_retried_keeps_what_each_attempt_wrote(shop: Shop) -> None:
    done = shop.run("map", "jobs:twice", "a", "--retries", "1", "--results", "kept")
    assert done.returncode == 0, done.stderr
    assert kept(shop, "a", "stdout") == "attempt 1\nattempt 2\n"


def test_a_second_run_begins_anew_and_leaves_what_it_skips_alone(shop: Shop) -> None:
    shop.run("map", "jobs:noisy", "bad", "a", "--results", "kept", "--out", "r.jsonl")
    (shop.folder / "kept/1/a/stdout").write_text("as it was")
    shop.run("map", "jobs:noisy", "bad", "a", "--results", "kept", "--out", "r.jsonl", "--resume-failed")
    assert kept(shop, "bad", "stdout") == OUT.format("bad")
    assert kept(shop, "a", "stdout") == "as it was"


def test_inputs_given_twice_and_names_with_slashes_have_folders_of_their_own(shop: Shop) -> None:
    names = ["a", "a", "x/y", "..", "", "back\\slash", "ü" * 300]
    done = shop.run("map", "-k", "jobs:noisy", *names, "--results", "kept")
    assert results(done) == names, done.stderr
    for folder, name in zip(folder_names(names), names, strict=True):
        assert (shop.folder / "kept" / folder / "stdout").read_text() == OUT.format(name)
    assert {"a", "a\\2", "x\\_y", "\\..", "\\e"} < {path.name for path in (shop.folder / "kept/1").iterdir()}
    assert not (shop.folder / "stdout").exists()


@example(["/", "\\_"])
@example(["a", "a", "a\\2"])
@settings(max_examples=300)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("/\\.2e_\0\t\udcff"), max_size=6), max_size=8))
def test_no_two_inputs_share_a_folder_and_none_leaves_the_root(inputs: list[str]) -> None:
    names = folder_names(inputs)
    assert len(set(names)) == len(names)
    for name in names:
        root, _, part = name.partition("/")
        assert "/" not in part
        assert root == "1"
        assert part not in ("", ".", "..")


@pytest.mark.parametrize(
    "inputs",
    [
        ["a" * 254 + "..", "b" * 254 + ".."],
        ["stdout", "a" * 254 + "stdout"],
        ["x" * 5000, "y" + "x" * 4999, "x" * 4999],
        ["ü" * 200, "ü" * 201, "a" + "ü" * 200],
        ["\udcff" * 255, "\udcff" * 256],
    ],
)
def test_long_inputs_have_folders_of_their_own_whose_names_fit(inputs: list[str]) -> None:
    names = folder_names(inputs)
    assert len(set(names)) == len(names)
    for name, text in zip(names, inputs, strict=True):
        data = os.fsencode(name.removeprefix("1/"))
        assert len(data) <= 255
        assert b"/" not in data
        if not any("\ud800" <= char <= "\udfff" for char in text):
            data.decode()


def test_a_long_input_is_kept_and_gives_up_nothing(shop: Shop) -> None:
    long = "x" * 5000
    done = shop.run("map", "jobs:noisy", long, "stdout", "--results", "kept")
    assert done.returncode == 0, done.stderr
    for folder, name in zip(folder_names([long, "stdout"]), (long, "stdout"), strict=True):
        assert (shop.folder / "kept" / folder / "stdout").read_text() == OUT.format(name)


@pytest.mark.parametrize("words", [["--results", "jobs.py/in"], ["--results", "jobs.py"]])
def test_a_folder_that_cannot_be_is_a_usage_error(shop: Shop, words: list[str]) -> None:
    done = shop.run("map", "jobs:double", "1", *words)
    assert done.returncode == 2
    assert f"--results {words[1]}: " in done.stderr.decode()


def test_output_that_cannot_be_kept_ends_the_run_and_is_told(shop: Shop) -> None:
    (shop.folder / "kept/1").mkdir(parents=True)
    (shop.folder / "kept/1/a").write_text("in the way")
    done = shop.run("map", "jobs:noisy", "a", "--results", "kept")
    assert done.returncode == 1
    assert "the results cannot be written: " in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_tagged_lines_that_nobody_takes_end_the_run_and_are_told(shop: Shop) -> None:
    command = f"{sys.executable} -m mainstage map jobs:noisy a b c --tag --out r.jsonl --view silent"
    full = subprocess.run(
        ["bash", "-c", f"{command} > /dev/full"],
        cwd=shop.folder,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert full.returncode == 1, full.stderr
    assert "the results cannot be written: [Errno 28]" in full.stderr
    assert "Traceback" not in full.stderr
    (shop.folder / "r.jsonl").unlink()
    gone = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=shop.folder,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert gone.stdout == "141\n"  # as any filter's
    assert "Traceback" not in gone.stderr


def test_on_a_terminal_what_is_kept_is_shown_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    command = [sys.executable, "-m", "mainstage", "map", f"{shop.folder / 'jobs.py'}:noisy", "one"]
    with Pty([*command, "--results", str(shop.folder / "kept"), "--tag"], columns=100, rows=24) as pty:
        assert pty.wait() == 0, pty.screen.text
        assert pty.screen.text.count("out one 1") == 1
    assert kept(shop, "one", "stdout") == OUT.format("one")
