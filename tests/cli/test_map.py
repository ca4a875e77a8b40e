from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.backends.clusters import need_for_own
from tests.cli.conftest import DEADLINE, Shop, results
from tests.system.terminals import ROOT, Pty

if TYPE_CHECKING:
    from pathlib import Path

TEN = [str(n) for n in range(10)]


def test_every_input_has_a_line_on_stdout_and_nothing_else_is_there(shop: Shop) -> None:
    done = shop.run("map", "jobs:double", *TEN)
    assert done.returncode == 0, done.stderr
    assert sorted(results(done)) == [n * 2 for n in range(10)]


def test_a_target_may_be_a_file_in_another_folder(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "beside.py").write_text("FACTOR = 3")
    (other / "work.py").write_text("from beside import FACTOR\ndef f(text): return int(text) * FACTOR")
    done = shop.run("map", "other/work.py:f", "2")
    assert results(done) == [6], done.stderr


def test_lines_come_in_input_order_with_k(shop: Shop) -> None:
    done = shop.run("map", "-k", "-j", "4", "jobs:slow_for_small", *TEN)
    assert results(done) == TEN
    done = shop.run("map", "-j", "4", "jobs:slow_for_small", *TEN)
    assert results(done)[-1] == "1"


def test_exit_status_is_1_where_an_input_failed_and_every_line_is_there(shop: Shop) -> None:
    done = shop.run("map", "jobs:odd_fails", *TEN, "--out", "r.jsonl")
    assert done.returncode == 1
    assert done.stdout == b""
    lines = {line["input"]: line for line in shop.lines()}
    assert len(lines) == 10
    assert lines["3"]["status"] == "failed"
    assert lines["3"]["error"]["type"] == "ValueError"
    assert "3 is odd" in lines["3"]["error"]["traceback"]
    assert lines["4"] | {"seconds": 0} == {
        "target": "jobs:odd_fails",
        "input": "4",
        "status": "ok",
        "result": 4,
        "seconds": 0,
        "attempt": 1,
    }


def test_a_result_that_is_no_json_is_flagged(shop: Shop) -> None:
    shop.run("map", "jobs:thing", "a", "--out", "r.jsonl")
    assert [(line["result"], line["repr"]) for line in shop.lines()] == [("{'a'}", True)]


def test_names_that_are_not_text_reach_the_function_from_arguments_and_stdin(shop: Shop) -> None:
    done = shop.run("map", "-k", "jobs:name", b"a\xff", "--inputs", "-", stdin=b"b\xfe\nc")
    assert done.returncode == 0, done.stderr
    assert [os.fsencode(name) for name in results(done)] == [b"a\xff", b"b\xfe", b"c"]


def test_a_retried_input_tells_its_attempt(shop: Shop) -> None:
    done = shop.run("map", "jobs:at_second_try", "x", "--retries", "2", "--out", "r.jsonl")
    assert done.returncode == 0, done.stderr
    assert [(line["result"], line["attempt"]) for line in shop.lines()] == [("at last", 2)]


def test_a_generator_function_is_run_step_by_step(shop: Shop) -> None:
    assert results(shop.run("map", "jobs:steps", "a")) == ["a"]


def test_an_input_over_its_timeout_is_a_failure(shop: Shop) -> None:
    (shop.folder / "gate").write_text("")
    done = shop.run("map", "jobs:stuck", "5", "6", "--timeout", "0.2", "--out", "r.jsonl", "--joblog", "log")
    assert done.returncode == 1, done.stderr
    assert {line["input"]: line["status"] for line in shop.lines()} == {"5": "failed", "6": "ok"}
    log = [line.split("\t") for line in (shop.folder / "log").read_text().splitlines()]
    assert {(row[0], row[6]) for row in log[1:]} == {("1", "-1"), ("2", "0")}


def test_the_first_failure_stops_the_rest_with_on_error_raise(shop: Shop) -> None:
    done = shop.run(
        "map", "-j", "1", "jobs:odd_fails", *map(str, range(5000)), "--on-error", "raise", "--out", "r.jsonl"
    )
    assert done.returncode == 1
    lines = shop.lines()
    assert 2 <= len(lines) < 5000
    assert {line["input"]: line["status"] for line in lines}["1"] == "failed"


def test_failed_inputs_leave_no_line_with_on_error_skip(shop: Shop) -> None:
    done = shop.run("map", "jobs:odd_fails", *TEN, "--on-error", "skip", "--out", "r.jsonl")
    assert done.returncode == 1
    assert sorted(line["input"] for line in shop.lines()) == TEN[::2]


# --- resume ---


def test_resume_runs_what_is_missing_and_counts_duplicates(shop: Shop) -> None:
    shop.run("map", "jobs:double", "1", "2", "--out", "r.jsonl")
    done = shop.run("map", "jobs:double", "1", "2", "1", "3", "--out", "r.jsonl", "--resume")
    assert done.returncode == 0, done.stderr
    assert Counter(line["input"] for line in shop.lines()) == {"1": 2, "2": 1, "3": 1}


def test_resume_failed_runs_failed_inputs_again_in_their_place(shop: Shop) -> None:
    shop.run("map", "-j", "1", "jobs:at_second_try", "a", "b", "--out", "r.jsonl")
    assert [line["status"] for line in shop.lines()] == ["failed", "failed"]
    done = shop.run("map", "jobs:at_second_try", "b", "a", "--out", "r.jsonl", "--resume-failed")
    assert done.returncode == 0, done.stderr
    assert [(line["input"], line["status"]) for line in shop.lines()] == [("a", "ok"), ("b", "ok")]


def test_a_results_file_is_not_run_into_twice_by_mistake(shop: Shop) -> None:
    shop.run("map", "jobs:double", "1", "--out", "r.jsonl")
    before = (shop.folder / "r.jsonl").read_bytes()
    done = shop.run("map", "jobs:double", "1", "--out", "r.jsonl")
    assert done.returncode == 2
    assert b"--resume" in done.stderr
    assert (shop.folder / "r.jsonl").read_bytes() == before


def stop_in_the_middle(shop: Shop, signum: int, *args: str) -> tuple[int, str]:
    """Run inputs 0 to 9, signal the command when input 5 is being worked on; return its status and stderr."""
    gate = shop.folder / "gate"
    os.mkfifo(gate)
    with shop.start("map", "-j", "2", "jobs:stuck", *TEN, "--out", "r.jsonl", *args) as process:
        gate.read_text()  # returns when input 5 has begun
        os.kill(process.pid, signum)
        _, err = process.communicate(timeout=DEADLINE)
    (shop.folder / "go").touch()
    return process.returncode, err.decode()


def test_after_kill_9_a_resumed_run_has_each_input_exactly_once(shop: Shop) -> None:
    status, _ = stop_in_the_middle(shop, signal.SIGKILL)
    assert status == -signal.SIGKILL
    done_before = {line["input"] for line in shop.lines()}
    assert "5" not in done_before
    with (shop.folder / "r.jsonl").open("ab") as file:
        file.write(b'{"target": "jobs:stuck", "inp')
    done = shop.run("map", "jobs:stuck", *TEN, "--out", "r.jsonl", "--resume")
    assert done.returncode == 0, done.stderr
    assert sorted(line["input"] for line in shop.lines()) == TEN
    begun = Counter((shop.folder / "begun").read_text().split())
    assert all(begun[name] == 1 for name in done_before)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_dies_of_the_signal_and_names_the_command_that_resumes(shop: Shop, signum: int) -> None:
    status, err = stop_in_the_middle(shop, signum, "--view", "silent")
    assert status == -signum, err
    [line] = err.splitlines()
    assert line.startswith("interrupted: ")
    command = line.partition("resume with: ")[2]
    subprocess.run(["bash", "-c", command], cwd=shop.folder, check=True, timeout=DEADLINE, capture_output=True)
    assert sorted(item["input"] for item in shop.lines()) == TEN


def test_what_ends_well_after_the_interrupt_is_in_the_file(shop: Shop) -> None:
    os.mkfifo(shop.folder / "gate")
    with shop.start("map", "jobs:deaf", "a", "--out", "r.jsonl", "--view", "silent") as process:
        (shop.folder / "gate").read_text()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGINT
    assert [(line["input"], line["status"]) for line in shop.lines()] == [("a", "ok")], err


def test_without_a_results_file_no_command_is_promised(shop: Shop) -> None:
    os.mkfifo(shop.folder / "gate")
    with shop.start("map", "jobs:stuck", "5", "--view", "silent") as process:
        (shop.folder / "gate").read_text()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGINT
    assert err.decode().splitlines() == ["interrupted: 0 of 1 done, 0 failed"]


def test_a_reader_that_goes_away_ends_it_as_any_filter(shop: Shop) -> None:
    command = f"{shop_command()} map jobs:name {' '.join(TEN * 50)} --view silent | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=shop.folder, capture_output=True, timeout=DEADLINE, check=True)
    assert done.stdout.splitlines()[-1] in (b"141", b"0"), done  # 0: all of it fitted into the pipe
    assert done.stderr == b""


def shop_command() -> str:
    import sys  # noqa: PLC0415  # only here

    return f"{sys.executable} -m mainstage"


# --- usage ---


def test_a_dry_run_lists_what_would_run_and_runs_nothing(shop: Shop) -> None:
    shop.run("map", "jobs:double", "1", "--out", "r.jsonl")
    before = (shop.folder / "r.jsonl").read_bytes()
    done = shop.run("map", "jobs:double", "1", "2", b"\xff", "--out", "r.jsonl", "--resume", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"jobs:double '2'\njobs:double '\\udcff'\n"
    assert done.stderr == b"2 to run, 1 skipped\n"
    assert (shop.folder / "r.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["jobs"], "TARGET must be pkg.module:function or path/to/file.py:function, not 'jobs'"),
        (["nojobs:f"], "there is no module 'nojobs'"),
        (["no/jobs.py:f"], "there is no file 'no/jobs.py'"),
        (["jobs:dubble"], "has no 'dubble'; did you mean 'double'?"),
        (["jobs:NUMBER"], "it must be a function of one input"),
        (["jobs:later"], "is async; wrap it"),
        (["broken:f"], "'broken' could not be imported: ZeroDivisionError"),
        (["jobs:double", "--resume"], "need --out FILE"),
        (["jobs:double", "--out", "none/r.jsonl"], "--out none/r.jsonl: No such file or directory"),
        (["jobs:double", "--joblog", "none/log"], "--joblog none/log: No such file or directory"),
        (["jobs:double", "-j", "0"], "0 is not in the range"),
        (["jobs:double", "--timeout", "0"], "0 is not in the range"),
        (["jobs:double", "--view", "huge"], "'huge' is not one of"),
        (["jobs:double", "--view", "json"], "writes its events on stdout, as the results would: give them --out FILE"),
        (["jobs:double", "--out", "jobs.py"], "this is no result of mainstage map"),
    ],
)
def test_a_usage_error_has_status_2_and_names_what_is_wrong(shop: Shop, args: list[str], said: str) -> None:
    (shop.folder / "broken.py").write_text("1 / 0")
    done = shop.run("map", args[0], "1", *args[1:])
    assert done.returncode == 2
    assert said in " ".join(done.stderr.decode().split()), done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_events_on_stdout_by_the_environment_need_a_results_file_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAGE_VIEW", "json")
    assert b"give them --out FILE" in shop.run("map", "jobs:double", "1").stderr
    assert results(shop.run("map", "jobs:double", "1", "--view", "plain")) == [2]
    done = shop.run("map", "jobs:double", "1", "--out", "r.jsonl")
    assert done.returncode == 0, done.stderr
    assert b"RunEnded" in done.stdout.splitlines()[-1]
    assert [line["result"] for line in shop.lines()] == [2]


def test_no_inputs_is_a_usage_error(shop: Shop) -> None:
    done = shop.run("map", "jobs:double")
    assert done.returncode == 2
    assert b"there are no inputs" in done.stderr


def test_a_cluster_that_is_not_there_or_not_asked_for_is_told_in_a_line(shop: Shop) -> None:
    done = shop.run("map", "jobs:double", "1", "--cluster", "127.0.0.1:9")
    assert done.returncode == 2
    assert b"--cluster is for --executor dask and ray" in done.stderr
    done = shop.run("map", "jobs:double", "1", "--cluster", "127.0.0.1:9", "--executor", "dask")
    assert done.returncode == 1
    assert b"no Dask cluster answers at '127.0.0.1:9'" in done.stderr
    assert b"Traceback" not in done.stderr


# --- what goes where ---


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_results_on_stdout_have_nothing_between_them(shop: Shop, executor: str) -> None:
    (shop.folder / "loud.py").write_text(
        "import os, subprocess\n"
        "def f(text):\n"
        "    print('loading', text)\n"
        "    print('.', end='', flush=True)\n"
        "    os.write(1, b'from C\\n')\n"
        "    subprocess.run(['echo', 'from a child'])\n"
        "    return text\n"
    )
    done = shop.run("map", "loud.py:f", "a", "b", "-j", "1", "--executor", executor)  # two would share lines
    assert sorted(results(done)) == ["a", "b"]
    for text in (b"loading a", b"from C", b"from a child"):
        assert text in done.stderr


def test_with_a_results_file_stdout_is_the_functions_own(shop: Shop) -> None:
    done = shop.run("map", "jobs:noisy", "a", "--out", "r.jsonl")
    assert b"out a 1\n" in done.stdout


def test_results_go_to_stdout_by_its_name_too(shop: Shop) -> None:
    done = shop.run("map", "jobs:noisy", "a", "--out", "/dev/stdout")
    assert results(done) == ["a"], done.stderr
    assert b"out a 1\n" in done.stderr


@pytest.mark.parametrize("args", [["--inputs", "-"], ["--inputs", "/dev/null", "--out", "r.jsonl"]])
def test_an_empty_list_of_inputs_is_no_error(shop: Shop, args: list[str]) -> None:
    done = shop.run("map", "jobs:double", *args, stdin=b"")
    assert done.returncode == 0
    assert done.stdout == b""
    assert b"no inputs" in done.stderr


@pytest.mark.parametrize("executor", ["process", "dask"])
def test_what_workers_of_other_processes_write_is_kept_by_input(shop: Shop, executor: str) -> None:
    if executor == "dask":
        need_for_own("dask")
    done = shop.run("map", "jobs:noisy", "a", "b", "bad", "--results", "kept", "--executor", executor, "-j", "2")
    assert done.returncode == 1, done.stderr
    for name in ("a", "b", "bad"):
        assert (shop.folder / "kept/1" / name / "stdout").read_text().startswith(f"out {name} 1\n")
        assert f"err {name} 1\n" in (shop.folder / "kept/1" / name / "stderr").read_text()


def test_a_log_that_cannot_be_written_is_told_once_and_changes_nothing(shop: Shop) -> None:
    done = shop.run("map", "jobs:double", "1", "2", "--log", "/dev/full")
    assert done.returncode == 0
    assert sorted(results(done)) == [2, 4]
    assert done.stderr.count(b"the log /dev/full is not whole, it cannot be written: No space left on device\n") == 1


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("work.py:two", "'work.py:two' takes (a, b), and is called with one input: missing a required argument: 'b'"),
        ("work.py:none", "takes (), and is called with one input: too many positional arguments"),
        ("work.py:Thing", "takes (*, key), and is called with one input: too many positional arguments"),
    ],
)
def test_a_function_of_another_number_of_arguments_is_told_with_its_place(shop: Shop, target: str, said: str) -> None:
    code = "def two(a, b): pass\ndef none(): pass\nclass Thing:\n    def __init__(self, *, key): pass\n"
    (shop.folder / "work.py").write_text(code)
    done = shop.run("map", target, "a")
    assert done.returncode == 2
    assert said in done.stderr.decode()
    if target != "work.py:Thing":
        assert f"work.py, line {1 if 'two' in target else 2})" in done.stderr.decode()


@pytest.mark.parametrize("name", ["len", "str.upper", "int"])
def test_functions_of_the_standard_library_are_targets(shop: Shop, name: str) -> None:
    done = shop.run("map", f"builtins:{name}", "7")
    assert len(results(done)) == 1, done.stderr


def test_a_target_without_a_function_is_told_before_the_inputs_are_looked_at(shop: Shop) -> None:
    done = shop.run("map", "jobs.py")
    assert "TARGET must be pkg.module:function or path/to/file.py:function, not 'jobs.py'" in done.stderr.decode()


def test_the_summaries_of_the_commands_are_whole(shop: Shop) -> None:
    done = shop.run("--help")
    summaries = done.stdout.decode().partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in summaries] == [
        "demo",
        "exec",
        "journal",
        "map",
        "ps",
        "replay",
        "report",
        "watch",
    ]
    assert all(line.endswith(".") and not line.endswith("..") for line in summaries)


def test_jobs_is_j(shop: Shop) -> None:
    assert results(shop.run("map", "--jobs", "2", "jobs:double", "1")) == [2]


@pytest.mark.parametrize(("stream", "args"), [("<&-", "--inputs -"), (">&-", "1")])
def test_a_standard_stream_that_is_closed_is_a_usage_error(shop: Shop, stream: str, args: str) -> None:
    command = f"{sys.executable} -m mainstage map jobs:double {args} {stream}"
    done = subprocess.run(["bash", "-c", command], cwd=shop.folder, capture_output=True, timeout=40, check=False)
    assert done.returncode == 2
    assert b"is closed" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_failure_is_told_once_with_its_place_and_counted_at_the_end(shop: Shop) -> None:
    done = shop.run("map", "jobs:odd_fails", "1", "2", "3", "--out", "r.jsonl")
    said = done.stderr.decode()
    for number in (1, 3):
        assert said.count(f"ValueError: {number} is odd") == 1
    assert said.count("jobs.py:") == 2
    assert "1 done, 2 failed" in said.splitlines()[-1]


def test_at_a_terminal_too(shop: Shop) -> None:
    command = [sys.executable, "-m", "mainstage", "map", f"{shop.folder / 'jobs.py'}:odd_fails", "1"]
    with Pty([*command, "--out", str(shop.folder / "r.jsonl")], columns=100, rows=24) as pty:
        assert pty.wait() == 1
        assert pty.screen.text.count("ValueError: 1 is odd") == 1
        assert "jobs.py:" in pty.screen.text


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_commands_of_the_readme_run_in_a_clone(tmp_path: Path) -> None:
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    block = (ROOT / "README.md").read_text(encoding="utf-8").partition("## From the command line\n")[2]
    block = block.partition("```console\n")[2].partition("```")[0]  # a comment of the other tests stands before it
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        words = command.replace("mainstage map", f"{sys.executable} -m mainstage map")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", words], cwd=tmp_path, capture_output=True, timeout=DEADLINE, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
    assert b'"sha256": ' in done.stdout


def test_events_on_stdout_have_nothing_between_them(shop: Shop) -> None:
    write = "    os.write(1, b'from C\\n')\n    subprocess.run(['echo', 'child'])\n"
    code = f"import os, subprocess\ndef f(text):\n    print('said')\n{write}"
    (shop.folder / "loud.py").write_text(code)
    done = shop.run("map", "loud.py:f", "a", "--view", "json", "--out", "r.jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["text"] for event in events if event.get("event") == "TextWritten"] == ["said"]
    assert done.stderr == b"from C\nchild\n"
    mixed = shop.run("map", "loud.py:f", "a", "--view", "json", "--out", "/dev/stdout")
    assert mixed.returncode == 2
    assert b"--out has to be another file" in mixed.stderr
