"""The main job on real input: a folder of over 5,000 files, hashed by `mainstage map`, agrees with `sha256sum`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.system.terminals import ROW_MARKS, Pty, Tmux, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

HASHING = str(Path(__file__).parent / "programs" / "hashing.py")
MAINSTAGE = [sys.executable, "-m", "mainstage"]
MANY = 5_200
DEADLINE = 40.0
ODD_NAMES = (
    b"caf\xe9",  # Latin-1
    b"\xff\xfe\x80",
    b"two words",
    b"two\nlines",
    b"tab\tand\x1b[31mred",
    "日本語".encode(),
    b"-n",
    b"'quoted' \"twice\" \\",
    b"x" * 200,
)
SPARSE = 2 << 30
SPARSE_DIGEST = "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51"
"""What sha256sum says of 2 GiB of zeros; it takes as long as the run itself."""


class Folder(NamedTuple):
    """The input: what `find -print0` would say of it, and what is to come of each name."""

    path: Path
    names: list[bytes]
    digests: dict[str, str]
    bad: frozenset[str]

    @property
    def listing(self) -> bytes:
        return b"".join(name + b"\0" for name in self.names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("files")
    names = []
    for number in range(MANY):
        name = b"%04d" % number
        (path / os.fsdecode(name)).write_bytes(b"" if number % 100 == 0 else b"%d\n" % number * (number % 50))
        names.append(name)
    for name in ODD_NAMES:
        (path / os.fsdecode(name)).write_bytes(name)
        names.append(name)
    said = subprocess.run(
        ["xargs", "-0", "sha256sum", "-z", "--"],
        input=b"".join(name + b"\0" for name in names),
        cwd=path,
        capture_output=True,
        check=True,
        timeout=DEADLINE,
    )
    digests = {os.fsdecode(line[66:]): line[:64].decode() for line in said.stdout.split(b"\0") if line}
    assert len(digests) == len(names)
    (path / "a folder").mkdir()  # root reads a file of mode 000: what nobody can read is what is no file
    (path / "dangling").symlink_to("nowhere")
    bad = [b"a folder", b"dangling", b"removed", b"removed \xff"]
    names[100:100] = bad
    return Folder(path, names, digests, frozenset(map(os.fsdecode, bad)))


def results(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def check(lines: Sequence[dict[str, Any]], folder: Folder) -> None:
    """Fail unless `lines` have each input once, with the digest that sha256sum has."""
    counts = Counter(line["input"] for line in lines)
    assert counts == Counter(map(os.fsdecode, folder.names))
    good = {line["input"]: line["result"] for line in lines if line["status"] == "ok"}
    assert good == folder.digests
    failed = {line["input"]: line["error"]["type"] for line in lines if line["status"] == "failed"}
    assert failed.keys() == folder.bad
    assert set(failed.values()) == {"FileNotFoundError", "IsADirectoryError"}


def command(*words: str, function: str = "digest") -> list[str]:
    return [*MAINSTAGE, "map", f"{HASHING}:{function}", "--inputs", "-", "-0", *words]


def test_a_folder_is_hashed_into_a_file_as_sha256sum_does(folder: Folder, tmp_path: Path) -> None:
    out, log = tmp_path / "results.jsonl", tmp_path / "said"
    with log.open("wb") as said:
        done = subprocess.run(
            command("--out", str(out)),
            input=folder.listing,
            cwd=folder.path,
            stdout=said,
            stderr=said,
            timeout=DEADLINE,
            env=environment(),
            check=False,
        )
    text = log.read_text(encoding="utf-8")
    assert done.returncode == 1, text
    check(results(out), folder)
    assert "\x1b" not in text
    assert f"{len(folder.digests):,} done, 4 failed" in text
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize("keep_order", [False, True])
def test_without_a_file_the_lines_go_to_a_pipe(folder: Folder, *, keep_order: bool) -> None:
    done = subprocess.run(
        command(*(["-k"] if keep_order else [])),
        input=folder.listing,
        cwd=folder.path,
        capture_output=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    check(lines, folder)
    if keep_order:
        assert [line["input"] for line in lines] == list(map(os.fsdecode, folder.names))
    assert b"4 failed" in done.stderr


@pytest.mark.tmux
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (20, 5)])
def test_in_a_terminal_the_summary_is_all_that_is_left(folder: Folder, tmp_path: Path, columns: int, rows: int) -> None:
    out, listing = tmp_path / "results.jsonl", tmp_path / "listing"
    listing.write_bytes(folder.listing)
    words = shlex.join(command("-j8", "--out", str(out), function="unhurried"))
    script = f"cd {shlex.quote(str(folder.path))}; echo BEFORE; exec {words} < {shlex.quote(str(listing))}"
    with Tmux(["sh", "-c", script], tmp_path, columns=columns, rows=rows) as tmux:
        live = tmux.until(lambda lines: any(line.startswith(ROW_MARKS) for line in lines))
        assert len(live) == rows
        assert sum(line.startswith(ROW_MARKS) for line in live) == 1
        assert tmux.wait(seconds=DEADLINE) == 1
        everything, rows_of_text = tmux.everything(joined=True), tmux.everything()
        assert tmux.cursor_shown()
    check(results(out), folder)
    assert everything[0] == "BEFORE"
    assert shape_of(everything[1:]) == "F" * 4 + "S", everything
    assert rows_of_text[-1] == everything[-1]
    if columns > 40:
        assert f": {len(folder.digests):,} done, 4 failed in " in everything[-1]


SHAPES = {
    "F": r"✗ (a folder|dangling|removed( \\udcff)?): \w+Error: .* \(at hashing\.py:\d+ in \w+\)",
    "S": r"✗ /\S*: 5,2.*",
}
"""What may stand: a failure as it came, and the one line of the end."""


def shape_of(lines: Sequence[str]) -> str:
    """Return a letter for each line, ? for one that has no business here: a stray row, a blank one."""
    return "".join(next((name for name, how in SHAPES.items() if re.fullmatch(how, line)), "?") for line in lines)


@pytest.mark.parametrize("times", [1, 3])
def test_after_kill_9_resume_has_each_input_exactly_once(folder: Folder, tmp_path: Path, times: int) -> None:
    out = tmp_path / "results.jsonl"
    listing = tmp_path / "listing"
    listing.write_bytes(folder.listing)
    words = command("-j4", "--out", str(out), function="unhurried")
    for turn in range(times):
        with (
            listing.open("rb") as stdin,
            subprocess.Popen(
                words if turn == 0 else [*words, "--resume"],
                cwd=folder.path,
                stdin=stdin,
                stderr=subprocess.DEVNULL,
                env=environment(),
            ) as process,
        ):
            until_lines(out, 1000 * (turn + 1), process)
            process.kill()
    before = out.read_bytes()
    assert 1000 * times <= before.count(b"\n") < len(folder.names)
    out.write_bytes(before + b'{"target": "hash')  # as a full disk tears a line
    done = subprocess.run(
        [*words, "--resume"],
        cwd=folder.path,
        input=folder.listing,
        capture_output=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )
    assert out.read_bytes().startswith(before)
    check(results(out), folder)
    assert done.returncode in (0, 1)


def until_lines(out: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the results file has as many lines."""
    deadline = time.monotonic() + DEADLINE
    while not out.exists() or out.read_bytes().count(b"\n") < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_after_ctrl_c_the_command_that_it_names_goes_on(folder: Folder, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    listing = tmp_path / "list of names"
    listing.write_bytes(folder.listing)
    words = [*MAINSTAGE, "map", f"{HASHING}:unhurried", "--inputs", str(listing), "-0", "-j4", "--out", str(out)]
    script = f"cd {shlex.quote(str(folder.path))}; exec {shlex.join(words)}"
    with Pty(["sh", "-c", script], columns=1000) as program:
        program.until(lambda: b"\x1b[?25l" in program.output)
        program.send(b"\x03")
        assert program.wait(10) == -signal.SIGINT, program.screen.text
        text = program.screen.text
        assert not program.screen.cursor_hidden
    assert "Traceback" not in text
    named = re.findall(r"^interrupted: (\d+) of \d+ done, \d failed; resume with: (.*)$", text, re.MULTILINE)
    assert len(named) == 1, text
    done, again = named[0]
    written = len(results(out))
    assert written - int(done) in {0, 1}  # Ctrl-C may fall between a line in the file and its count
    assert 0 < int(done) <= written < len(folder.names)
    finished = subprocess.run(
        ["bash", "-c", again], cwd=folder.path, capture_output=True, timeout=DEADLINE, env=environment(), check=False
    )
    assert finished.returncode in (0, 1), finished.stderr
    check(results(out), folder)


@pytest.mark.slow
@pytest.mark.timeout(180)  # two gigabytes are hashed, and the machine may be busy
def test_a_sparse_file_of_2_gb_among_others_is_hashed(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse \udcff"
    sparse.touch()
    os.truncate(sparse, SPARSE)
    (tmp_path / "small").write_bytes(b"abc")
    out = tmp_path / "results.jsonl"
    done = subprocess.run(
        command("--out", str(out)),
        input=b"sparse \xff\0small\0gone\0",
        cwd=tmp_path,
        capture_output=True,
        timeout=170,
        env=environment(),
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = {line["input"]: line.get("result") for line in results(out)}
    assert lines.pop("sparse \udcff") == SPARSE_DIGEST
    assert lines.pop("gone") is None
    assert lines == {"small": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
