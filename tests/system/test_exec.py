"""Programs that know nothing of us, as plain Python runs them and as `mainstage exec` does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.system.terminals import ROOT, ROW_MARKS, Pty, Tmux, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAMS = ROOT / "tests/system/exec_programs"
EXEC = [sys.executable, "-m", "mainstage", "exec"]
FOREIGN = re.compile(r"%\||it/s|s/it|\?it|━ ?\d+%|\x1b")
"""What tqdm and Rich would draw."""
ANSWERS = "Ann\nBonn\nand more\n"


class Ended(NamedTuple):
    """What a program left."""

    stdout: bytes
    stderr: bytes
    status: int


def run(*commands: Sequence[str], stdin: str = "") -> list[Ended]:
    """Run all of them at the same time, with pipes for streams."""
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=PROGRAMS, env=environment())
        for argv in commands
    ]
    ended = []
    for program in running:
        stdout, stderr = program.communicate(stdin.encode(), timeout=30)
        ended.append(Ended(stdout, stderr, program.returncode))
    return ended


@pytest.mark.parametrize(
    "words",
    [
        "tqdm_loops.py 0",
        "rich_progress.py 0",
        "rich_live.py 0",
        "pool_threads.py 0",
        "pool_processes.py 0 spawn",
        "pool_processes.py 0 fork",
        "coroutines.py 0",
        "children.py",
        "logs.py 0",
        "./arguments.py -v --view x a -- -b",
        "../exec_programs/arguments.py",
        "questions.py",
        "failing.py 0",
        "pool_processes.py 0 forkserver",
        "../../../examples/plain_python.py",
        "-m rich.progress_bar",
        "-m rich.columns",
        "-m rich.tree",
        "-m tqdm --unit line",
        "-m tqdm --bytes --tee",
        "-m json.tool --help",
        "-m package.tool",
        "-m package -m --view",
        "-m package.nothing",
    ],
)
def test_piped_stdout_and_the_exit_status_are_those_of_python(words: str) -> None:
    python, ours = run([sys.executable, *words.split()], [*EXEC, *words.split()], stdin=ANSWERS)
    assert ours.stdout == python.stdout
    assert ours.status == python.status
    assert b"\x1b" not in ours.stderr


@pytest.mark.parametrize("words", ["arguments.py a", "failing.py 0", "-m package.nothing", "broken.py", "pack.py"])
def test_what_python_says_at_the_end_is_said_in_the_same_words(words: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("print(1)\nx = = 2\n")
    (tmp_path / "pack.py").write_text(
        "import concurrent.futures\n"
        "def f(n):\n    raise ExceptionGroup('both', [ValueError(n), OSError(n)])\n"
        "with concurrent.futures.ThreadPoolExecutor() as pool:\n    pool.submit(f, 1).result()\n"
    )
    words = (
        words if (PROGRAMS / words.split(maxsplit=1)[0]).exists() or words.startswith("-") else str(tmp_path / words)
    )
    python, ours = run([sys.executable, *words.split()], [*EXEC, "--view", "silent", *words.split()])
    assert ours == python
    assert python.status == 1


APART = """
import asyncio, sys, time
async def fail():
    raise ValueError("none")
def slowly(kind, error, traceback):
    for piece in ("one", " ", "line"):
        sys.stderr.write(piece)
        sys.stderr.flush()
        time.sleep(0.7)
    sys.stderr.write("\\n")
sys.excepthook = slowly
async def main():
    await asyncio.create_task(fail())
asyncio.run(main())
"""


def test_in_a_pipe_no_line_of_ours_comes_into_what_ends_the_program(tmp_path: Path) -> None:
    script = tmp_path / "apart.py"
    script.write_text(APART)
    (ours,) = run([*EXEC, str(script)])
    lines = ours.stderr.decode().splitlines()
    assert "one line" in lines
    assert any("ValueError: none" in line for line in lines)


def test_a_folder_and_an_archive_are_run_by_their_main_module(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    text = "import sys\nprint(__file__, sys.argv, sys.path[0], __package__, __spec__.name)"
    (tmp_path / "app/__main__.py").write_text(text)
    subprocess.run([sys.executable, "-m", "zipapp", str(tmp_path / "app")], check=True)
    for place in (str(tmp_path / "app"), str(tmp_path / "app.pyz")):
        python, ours = run([sys.executable, place, "x"], [*EXEC, place, "x"])
        assert ours == python
        assert ours.stdout


def test_a_script_that_is_not_there_is_told_and_has_the_status_of_python() -> None:
    (ours,) = run([*EXEC, "nothing.py"])
    assert ours.status == 2
    assert b"can't open file" in ours.stderr
    assert b"nothing.py': [Errno 2] No such file" in ours.stderr


# --- on a terminal ---


class Shown(NamedTuple):
    """What is to be seen of a program: a row while it runs, and lines that remain, in this order."""

    words: str
    row: str
    remains: Sequence[str]
    status: int = 0


SHOWN = [
    Shown("tqdm_loops.py 0.05", "▸ epochs", ["epoch 0 is over", "epoch 2 is over", "total 84",
          "✓ tqdm_loops.py: 3 in"]),
    Shown("rich_progress.py 0.06", "▸ part b", ["all parts are there", "30", "✓ rich_progress.py: 4 loops in"]),
    Shown("rich_live.py 0.05", " thinking it over", ["│ 3    │ ready │", "half of it", "─── results ───",
          "{'rows': 4}"]),
    Shown("pool_threads.py 0.06", " blog  ", ["✗ gone: LookupError: no page 'gone'", "gone no page", "jobs 55",
          "✓ pool_threads.py: 7 done, 1 failed"]),
    Shown("pool_processes.py 0.05 fork", " is_prime(", ["97 is prime", "81 is not", "6 done"]),
    Shown("coroutines.py 0.06", " Lima  ", ["Rome was visited", "it has sunk", "Cairo was",
          "6 done, 1 failed"]),
    Shown("children.py", "", ["first the parent", "then the child", "then the system", "é among", "line: two",
          "shell last"], 7),
    Shown("logs.py 0.2", "loading 25 %", ["INFO:app:starting", "FutureWarning: this", "loading 100 %", "ERROR:app"]),
    Shown("./arguments.py -v a", "", ["True none ['a']", "at the exit"], 3),
    Shown("failing.py 0.1", "", ["by zero", "no way to divide", "the thread ends", "at the exit"], 1),
]  # fmt: skip


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.words.split()[0])
def test_the_screen_is_clean_while_it_runs_and_afterwards(shown: Shown) -> None:
    first, *more = shown.words.split()
    with Pty([*EXEC, str(PROGRAMS / first), *more]) as program:
        if shown.row:
            program.expect(shown.row)
        assert program.wait() == shown.status, program.screen.text
        text = program.screen.text
        assert not program.screen.cursor_hidden
    assert not FOREIGN.search(text), text
    assert "▸" not in text
    assert "mainstage" not in text.replace(str(ROOT), "")
    at = -1
    for line in shown.remains:
        found = text.find(line, at + 1)
        assert found > at, f"{line!r} is not where it belongs:\n{text}"
        at = found


def test_questions_are_seen_and_answered() -> None:
    with Pty([*EXEC, str(PROGRAMS / "questions.py")]) as program:
        program.expect("Your name?")
        program.send(b"Ann\n")
        asked = len("Hello Ann. And your town? ")
        program.until(lambda: program.screen.cursor[0] == asked, what="all of the question")
        program.send(b"Bonn\n")
        assert program.wait() == 0
        lines = [line for line in program.screen.lines() if line]
    assert lines == [
        "Your name? Ann",
        "Hello Ann. And your town? Bonn",
        "Bonn is far away.",
        "left over: nothing",
    ]


@pytest.mark.tmux
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (20, 5)])
def test_a_small_and_a_large_screen_that_changes_are_clean_in_tmux(tmp_path: Path, columns: int, rows: int) -> None:
    argv = [*EXEC, str(PROGRAMS / "pool_threads.py"), "0.08"]
    with Tmux(argv, tmp_path, columns=columns, rows=rows) as program:
        program.until(lambda lines: any(line.startswith(ROW_MARKS) for line in lines))
        program.resize(columns + 10, rows + 2)
        assert program.wait() == 0
        lines = program.everything(joined=True)
        assert program.cursor_shown()
    pages = [line for line in lines if re.match(r"(home|news|gone|about|help|shop|blog|jobs) ", line)]
    assert len(pages) == 8
    assert not [line for line in lines if line.startswith(ROW_MARKS)]


# --- signals and other ways out ---

ENDING = """
import os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from tqdm import tqdm
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
pool = ThreadPoolExecutor(1)
for step in tqdm(range(1000), desc="steps"):
    pool.submit(lambda: print("number", step)).result()
    time.sleep(0.05)
    if step < 14:
        continue
    print("leaving")
    WAY
"""


def ended_by(way: str, tmp_path: Path, *, until: str = "") -> tuple[int, str]:
    script = tmp_path / "ending.py"
    script.write_text(ENDING.replace("WAY", way))
    with Pty([*EXEC, str(script)]) as program:
        program.expect("▸ steps")
        if until:
            program.expect(until)
            program.send(b"\x03")
        status = program.wait()
        assert not program.screen.cursor_hidden
        text = program.screen.text
    assert "▸" not in text
    assert text.count("number ") == 15
    assert "/src/mainstage" not in text, "a line of ours"
    return status, text


@pytest.mark.parametrize(
    ("way", "status", "end"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, "✗ ending.py: stopped by SIGTERM"),
        ("os._exit(7)", 7, "✗ ending.py: 15 done"),
        ("threading.Thread(target=os._exit, args=[8]).start(); time.sleep(9)", 8, "✗ ending.py: 15 done"),
        ("os.execv('/bin/echo', ['echo', 'another program'])", 0, "another program"),
        ("sys.exit(9)", 9, "✗ ending.py: 15 done"),
        ("sys.exit(0)", 0, "✓ ending.py: 15 done"),
        ("sys.exit('in words')", 1, "in words"),
    ],
)
def test_each_way_out_gives_the_terminal_back_and_has_its_status(
    way: str, status: int, end: str, tmp_path: Path
) -> None:
    found, text = ended_by(way, tmp_path)
    assert found == status
    assert end in text


def test_ctrl_c_ends_it_as_it_ends_python(tmp_path: Path) -> None:
    status, text = ended_by("time.sleep(30)", tmp_path, until="leaving")
    assert status == -2
    shown = text[text.index("Traceback") :].replace("\n", "")  # the name of the file wraps
    where = r'ending.py", line 1[23], in <module>.*KeyboardInterrupt✗ ending.py: stopped by Ctrl-C'
    assert re.search(where, shown)
    assert shown.count("File ") == 1


def test_ctrl_c_is_what_asyncio_makes_of_it(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text("""
import asyncio
async def wait(n):
    try:
        await asyncio.sleep(30)
    finally:
        print("cleaned", n)
async def main():
    try:
        await asyncio.gather(*map(wait, range(3)))
    except asyncio.CancelledError:
        print("main was cancelled")
        raise
asyncio.run(main())
""")
    with Pty([*EXEC, str(script)]) as program:
        program.expect(" wait(2)")
        program.send(b"\x03")
        assert program.wait() == -2
        text = program.screen.text
    assert [text.count(f"cleaned {n}") for n in range(3)] == [1, 1, 1]
    assert "main was cancelled" in text
    assert "KeyboardInterrupt\n✗ waits.py: stopped by Ctrl-C: 0 done, 3 cancelled" in text


FORKING = """
import os, signal, sys, time
from tqdm import tqdm
tqdm.monitor_interval = 0  # its thread is not ours: newer interpreters warn of forks beside one
for step in tqdm(range(15), desc="steps"):
    time.sleep(0.05)
child = os.fork()
if not child:
    print("the child speaks", flush=True)
    if HOW == 0:
        sys.exit(4)
    if HOW == 1:
        signal.raise_signal(signal.SIGTERM)
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        os._exit(5)
print("it ended by", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(("how", "status"), [(0, 4), (1, -15), (2, 5)])
def test_a_forked_child_has_the_signals_of_python_and_no_display(how: int, status: int, tmp_path: Path) -> None:
    script = tmp_path / "forking.py"
    script.write_text(FORKING.replace("HOW", str(how)))
    with Pty([*EXEC, str(script)]) as program:
        assert program.wait() == 0
        lines = [line for line in program.screen.lines() if line]
    assert lines[:2] == ["the child speaks", f"it ended by {status}"]
    assert len(lines) == 3


SIGNS = """
import sys
import concurrent.futures, concurrent.futures.thread
futures = concurrent.futures
print("SUBMODULE", vars(futures)["thread"] is sys.modules["concurrent.futures.thread"], futures.__spec__.loader)
"""


def test_a_module_that_the_display_imports_too_is_loaded_once(tmp_path: Path) -> None:
    script = tmp_path / "signs.py"
    script.write_text(SIGNS)
    with Pty([*EXEC, str(script)], columns=200) as program:
        assert program.wait() == 0, program.screen.text
        assert "SUBMODULE True <_frozen_importlib_external.SourceFileLoader" in program.screen.text


OWN = """
import mainstage, time
from mainstage.futures import ThreadPoolExecutor
def work(n):
    time.sleep(0.1)
    return n
with mainstage.Run("inner", max_workers=2) as run:
    print([run.submit(work, n).result() for n in range(3)])
print(sorted(mainstage.map(work, range(3))))
with ThreadPoolExecutor(2) as pool:
    print(list(pool.map(work, range(3))))
print([n for n in mainstage.track(range(3), "tracked")])
"""


def test_a_program_with_runs_of_its_own_is_one_display(tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(OWN)
    with Pty([*EXEC, str(script)]) as program:
        assert program.wait() == 0
        lines = [line for line in program.screen.lines() if line]
    assert lines[:-1] == ["[0, 1, 2]"] * 4
    assert lines[-1].startswith("✓ own.py: 9 done")  # a loop of the main thread is no task that a run counts


def test_the_log_has_the_words_of_the_program_and_of_its_tasks_in_order(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    with Pty([*EXEC, "--log", str(log), str(PROGRAMS / "pool_threads.py"), "0"]) as program:
        assert program.wait() == 0
    text = log.read_text(encoding="utf-8")
    assert text.index("failed") < text.index(" home 3\n") < text.index(" jobs 55\n") < text.index("run ended")


@pytest.mark.parametrize(("words", "kept"), [([], False), (["--capture", "text"], True)])
def test_the_environment_says_what_is_captured_where_no_option_does(
    words: list[str], kept: bool, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    argv = [*EXEC, "--log", str(log), *words, str(PROGRAMS / "pool_threads.py"), "0"]
    with Pty(argv, env={"MAINSTAGE_CAPTURE": "none"}) as program:
        assert program.wait() == 0
    assert (" jobs 55\n" in log.read_text(encoding="utf-8")) is kept


def test_as_json_its_text_is_events_and_every_line_is_json() -> None:
    (ours,) = run([*EXEC, "--view", "json", "tqdm_loops.py", "0"])
    events = [json.loads(line) for line in ours.stdout.splitlines()]
    assert [event["text"] for event in events if event.get("event") == "TextWritten"][-1] == "total 84"
    assert [event["description"] for event in events if event.get("event") == "TaskStarted"][:1] == ["epochs"]
    assert ours.stderr == b""


def test_plain_lines_on_a_terminal_keep_to_the_order_of_children() -> None:
    with Pty([*EXEC, "--view", "plain", str(PROGRAMS / "children.py")]) as program:
        assert program.wait() == 7
        lines = [line for line in program.screen.lines() if line]
    assert lines[:3] == ["first the parent", "then the child", "then the system call"]


def test_a_program_without_tasks_is_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text(
        "import time\nfor i in range(3):\n    print('line', i, end='\\r', flush=True)\n    time.sleep(0.3)\nprint()\n"
    )
    with Pty([*EXEC, str(script)]) as program:
        assert program.wait() == 0
        assert bytes(program.output) == b"line 0\rline 1\rline 2\r\r\n"
    (ours,) = run([*EXEC, str(script)])
    assert ours.stderr == b""


FLOOD = """
from concurrent.futures import ThreadPoolExecutor
from tqdm import tqdm
def write(n):
    for line in range(40):
        print(f"<{n}.{line}>")
with ThreadPoolExecutor(8) as pool:
    for n, _ in enumerate(tqdm(pool.map(write, range(80)), total=80)):
        print("<after", n, end=" ", flush=True)
        print("it>")
"""


def test_floods_of_threads_and_of_the_program_itself_come_out_in_whole_lines(tmp_path: Path) -> None:
    script = tmp_path / "flood.py"
    script.write_text(FLOOD)
    with Pty([*EXEC, str(script)], columns=60, rows=20) as program:
        assert program.wait() == 0
        lines = program.screen.text.split("\n")
    told = [line.rpartition("│ ")[2] for line in lines if "<" in line]
    assert sorted(told) == sorted(
        [f"<{n}.{line}>" for n in range(80) for line in range(40)] + [f"<after {n} it>" for n in range(80)]
    )
