"""What is promised on every platform, from import to exit status: run on Linux, and on Windows by `.ci/windows`."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import tqdm

import mainstage
import mainstage.aio
from mainstage.cli.resumable_results import ResultsError, ResultsFile, outcome_line
from mainstage.futures import ThreadPoolExecutor, as_completed
from mainstage.pool.results import ItemOutcome

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 60
"""Seconds for one command: an emulated Windows takes a few to start anything."""
FOREIGN = ("dask", "ray")
"""Modules that need what a platform may not have."""


def square(n: int) -> int:
    with mainstage.task(f"task {n}", total=10) as task:
        for _ in range(10):
            task.advance(1)
    return n * n


def picky(n: int) -> int:
    if n == 3:
        raise ValueError("three")
    return sum(1 for _ in mainstage.track(range(n), "inner"))


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in `folder`; its texts are pipes, and stdin is empty."""
    return subprocess.run(
        [sys.executable, "-m", "mainstage", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a module of functions to map."""
    (tmp_path / "job.py").write_text(
        "import os\n"
        "def double(text):\n    print('working on', text)\n    return int(text) * 2\n"
        "def odd_fails(text):\n"
        "    if int(text) % 2 and not os.path.exists('mended'):\n        raise ValueError('odd')\n"
        "    return int(text)\n",
        encoding="utf-8",
    )
    return tmp_path


# --- the library ---


def test_every_module_imports() -> None:
    for module in pkgutil.walk_packages(mainstage.__path__, "mainstage."):
        if not module.name.endswith("__main__") and not any(name in module.name for name in FOREIGN):
            importlib.import_module(module.name)


def test_a_map_a_run_and_a_track_return_what_the_bare_code_does(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(mainstage.map(square, range(20), max_workers=4)) == [n * n for n in range(20)]
    with mainstage.Run("job", max_workers=3, on_error="collect", retries=1, timeout=30, view="plain") as run:
        future = run.submit(square, 5)
        got = list(run.map(picky, range(5)))
        assert future.result() == 25
    assert [type(value).__name__ for value in got] == ["int", "int", "int", "ValueError", "int"]
    assert sum(mainstage.track(range(1000), "Reading")) == 499_500
    assert "job: 5 done, 1 failed" in capfd.readouterr().err


def test_what_workers_write_is_shown_once(capfd: pytest.CaptureFixture[str]) -> None:
    def shout(n: int) -> None:
        sys.stdout.write(f"out {n}\n")
        sys.stderr.write(f"err {n}\n")
        os.write(2, f"raw {n}\n".encode())

    with mainstage.Run("job", view="plain") as run:
        list(run.map(shout, range(3)))
    text = "".join(capfd.readouterr())
    for n in range(3):
        assert [text.count(f"{kind} {n}") for kind in ("out", "err", "raw")] == [1, 1, 1]


def test_futures_queues_coroutines_and_bars_of_others() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert sorted(f.result() for f in as_completed([pool.submit(square, n) for n in range(5)])) == [0, 1, 4, 9, 16]

    async def one(n: int) -> int:
        with mainstage.task(f"coroutine {n}", total=1) as task:
            await asyncio.sleep(0)
            task.advance()
        return n

    async def everything() -> list[int]:
        async with mainstage.Run("aio", view="silent"):
            return await mainstage.aio.gather(*(one(n) for n in range(5)))

    assert asyncio.run(everything()) == list(range(5))
    with mainstage.Run("guests", view="silent") as run:
        queue = run.queue(total=10)
        thread = threading.Thread(target=lambda: [queue.put(1) for _ in range(10)])
        thread.start()
        thread.join()
        assert list(run.map(lambda n: len(list(tqdm.tqdm(range(n)))), range(3))) == [0, 1, 2]


# --- the command ---


def test_map_writes_results_and_logs_and_resumes(folder: Path) -> None:
    words = ("map", "job.py:odd_fails", "0", "1", "2", "3", "--out", "out.jsonl", "--joblog", "job.log")
    first = command(folder, *words)
    assert first.returncode == 1, first.stderr.decode()
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]
    assert sorted((line["input"], line["status"]) for line in lines) == [
        ("0", "ok"), ("1", "failed"), ("2", "ok"), ("3", "failed"),
    ]  # fmt: skip
    refused = command(folder, *words)
    assert refused.returncode == 2
    assert b"--resume goes on with it" in refused.stderr
    (folder / "mended").touch()
    again = command(folder, *words, "--resume-failed")
    assert again.returncode == 0, again.stderr.decode()
    data = (folder / "out.jsonl").read_bytes()
    assert b"\r" not in data
    assert sorted((line["input"], line["status"]) for line in map(json.loads, data.splitlines())) == [
        ("0", "ok"), ("1", "ok"), ("2", "ok"), ("3", "ok"),
    ]  # fmt: skip
    assert len((folder / "job.log").read_bytes().splitlines()) == 7


def test_map_writes_json_lines_on_stdout_and_tags_what_inputs_write(folder: Path) -> None:
    done = command(folder, "map", "job.py:double", "-k", "--tag", "1", "20")
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(line)["result"] for line in done.stdout.splitlines()] == [2, 40]
    assert {b"1\tworking on 1", b"20\tworking on 20"} < set(done.stderr.splitlines())


def test_a_results_file_has_one_run_at_a_time_and_can_be_read_meanwhile(folder: Path) -> None:
    path = folder / "out.jsonl"
    first = ResultsFile(str(path))
    line = outcome_line("job.py:double", ItemOutcome(0, "1", 2, None, 0.5, 1, 0.0))
    first.append(line)
    with pytest.raises(ResultsError, match="another run is writing to it"):
        ResultsFile(str(path))
    assert json.loads(path.read_bytes()) == line
    first.close()
    second = ResultsFile(str(path))
    assert len(second) == 1
    second.close()


def test_demo_hashes_a_folder(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "file").write_bytes(b"text")
    done = command(folder, "demo", "data")
    assert done.returncode == 0, done.stderr.decode()
    assert b"hashing: 4 B" in done.stderr


def test_exec_runs_a_program_that_knows_nothing_of_it(folder: Path) -> None:
    (folder / "program.py").write_text(
        "import concurrent.futures, sys, tqdm\n"
        "with concurrent.futures.ThreadPoolExecutor(2) as pool:\n"
        "    print(sum(pool.map(abs, tqdm.tqdm(range(10)))), sys.argv[1:])\n"
        "sys.exit(7)\n",
        encoding="utf-8",
    )
    done = command(folder, "exec", "program.py", "word")
    assert done.stdout.split() == [b"45", b"['word']"]
    assert done.returncode == 7
