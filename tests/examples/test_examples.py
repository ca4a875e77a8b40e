"""Each program in examples/ runs, with its output in a pipe and some of them on a terminal, and says what it should."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.backends.clusters import ENGINES, need_for_own
from tests.system.terminals import ROOT, Pty, environment

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "examples"
SAYS = {
    "columns": "8 cakes\n",
    "crawl": "north=1289 south=1406 west=1394\n",
    "dashboard": "785 peaks\n",
    "downloads": "24 files, 3,637,248 bytes\n",
    "dropin": "10980 words\n",
    "failures": "18 converted; {'scan-07.tif': 'ValueError', 'scan-15.tif': 'TaskTimeout'}\n",
    "grid_search": "12 candidates, best score 0.827\n",
    "nightly": "killed: True\n24 files, 276 words\nreport: True\n",
    "one_import": "446 pages\n",
    "plain_python": "7 of 8 pages, 33649 bytes\n",
    "primes": "widest gap: 86 after 155921\n",
    "pipeline": "north=635 south=635 east=508 west=508 coast=635 hills=635\n",
    "recipe": "200 done\n",
    "rich_import": "284 kg\n",
}
"""What a program prints on stdout, and nothing else."""
SHOWN = {
    "columns": "gingerbread",
    "crawl": "north: 1 page lost",
    "failures": "scan-07.tif: ValueError: strip 4 is cut short",
    "one_import": "Carpathians: 107 pages",
    "pipeline": "coast: kept 13 of 20 rows",
    "rich_import": "the yew box is full",
}
"""What is seen of it on a terminal besides."""


pytestmark = pytest.mark.timeout(120)  # an example may start processes, and the machine may be busy


def example(name: str) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]


@pytest.mark.parametrize("name", SAYS)
def test_an_example_prints_its_data_and_nothing_else_into_a_pipe(name: str) -> None:
    done = subprocess.run(example(name), capture_output=True, text=True, timeout=100, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout == SAYS[name]
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_on_a_terminal_ends_with_its_data_on_a_whole_screen(name: str) -> None:
    with Pty(example(name), columns=110, rows=20) as pty:
        pty.expect(SHOWN[name])
        assert pty.wait() == 0, pty.screen.text
        assert pty.screen.text.endswith(SAYS[name].rstrip())
        assert not pty.screen.cursor_hidden


def test_the_function_for_the_command_line_agrees_with_hashlib(tmp_path: Path) -> None:
    names = [tmp_path / f"{n}.bin" for n in range(3)]
    for n, name in enumerate(names):
        name.write_bytes(bytes(n * 100_000))
    command = [sys.executable, "-m", "mainstage", "map", str(EXAMPLES / "hash_files.py:sha256"), str(tmp_path / "*")]
    done = subprocess.run([*command, "-k"], capture_output=True, text=True, timeout=100, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    results = [json.loads(line)["result"] for line in done.stdout.splitlines()]
    expected = [hashlib.sha256(name.read_bytes()).hexdigest() for name in names]
    assert [result["sha256"] for result in results] == expected
    assert [result["bytes"] for result in results] == [0, 100_000, 200_000]
    assert "0.bin is empty" in done.stderr


def test_what_an_example_prints_in_its_workers_goes_into_the_pipe_too() -> None:
    command = example("third_party_output")
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("rows: 240\n")
    printed = re.findall(r"(?:alpha|beta|gamma|delta): row \d0", done.stdout)  # threads share a pipe as ever
    assert len(printed) == len(set(printed)) == 12


@pytest.mark.timeout(180)  # Ray may take long to start on a busy machine
@pytest.mark.parametrize("engine", ["thread", "process", "dask", "ray"])
def test_words_are_counted_alike_on_threads_processes_dask_and_ray(engine: str, tmp_path: Path) -> None:
    if engine in ENGINES:
        need_for_own(engine)
    for n in range(4):
        (tmp_path / f"{n}.txt").write_text("north south\nNorth east\n" * n + "odd\n", encoding="utf-8")
    command = [sys.executable, str(EXAMPLES / "word_counts.py"), str(tmp_path), "--executor", engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "     12 north\n      6 east\n      6 south\n     24 words in 4 files\n"
    assert "0.txt has no words" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_example_is_run_by_a_test() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == {*SAYS, "hash_files", "third_party_output", "word_counts"}
