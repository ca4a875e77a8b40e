"""The journal of a run: what it holds, whose it is, and what happens when it cannot be written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.journal.records import record, reduced, work

import mainstage
from mainstage.errors import DisplayError
from mainstage.events import CallFailed, KeyPressed, RunEnded, RunStarted, TaskFailed, TaskMoved, TextWritten
from mainstage.journal import writer as module
from mainstage.journal.reader import JournalReader
from mainstage.journal.writer import JournalWriter
from mainstage.testing import RecordingDisplay

if TYPE_CHECKING:
    from pathlib import Path

    from mainstage.events import Event


def events(path: Path) -> list[Event]:
    with JournalReader(path) as journal:
        return list(journal.events())


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_it_says_what_the_run_knew(tmp_path: Path, executor: str) -> None:
    state = record(tmp_path / "run.msj", executor=executor)
    assert state.counts.failed == 4
    assert reduced(tmp_path / "run.msj").summary() == state.summary()


def test_it_has_text_and_metrics_and_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    journal = JournalWriter(path)
    for event in (RunStarted(1.0, "keys", 2.0), KeyPressed(1.5, "q"), RunEnded(2.0)):
        journal.record(event)
    assert events(path) == [RunStarted(1.0, "keys", 2.0), RunEnded(2.0)]
    record(path)
    texts = [event.text for event in events(path) if isinstance(event, TextWritten) and event.stream == "log"]
    assert sorted(texts) == sorted(f"this is {number}" for number in range(20))


def test_short_calls_come_as_sums_and_cost_no_event_each(tmp_path: Path) -> None:
    with mainstage.Run(view="silent", journal=tmp_path / "run.msj") as run:
        for future in [run.submit(abs, number) for number in range(500)]:
            future.result()
    assert len(events(tmp_path / "run.msj")) < 250
    assert reduced(tmp_path / "run.msj").counts.done == 500


def test_it_is_its_users_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        record(tmp_path / "run.msj", items=1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run.msj").stat().st_mode) == 0o600


def test_the_journal_of_an_earlier_run_becomes_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    for items in (1, 2, 3):
        record(path, items=items)
    assert reduced(path).counts.seen == 2 * 3 + 1
    assert reduced(tmp_path / "run.msj.old").counts.seen == 2 * 2 + 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["run.msj", "run.msj.old"]


def test_one_that_a_live_run_writes_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    with mainstage.Run("first", view="silent", journal=path) as run:
        with pytest.raises(DisplayError, match=r"run\.msj is being written by a run that is live: name another file"):
            mainstage.Run("second", journal=path).__enter__()
        program = f"import mainstage; mainstage.Run(journal={str(path)!r}).__enter__()"
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "is being written by a run that is live" in other.stderr
        assert run.submit(len, "four").result() == 4
    assert reduced(path).title == "first"
    assert [one.name for one in tmp_path.iterdir()] == ["run.msj"]


def test_what_is_no_journal_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DisplayError, match=r"data\.csv is no journal, and is not replaced by one"):
        mainstage.Run(journal=path).__enter__()
    assert path.read_text() == "a,b\n1,2\n"
    with pytest.raises(DisplayError, match="no regular file"):
        mainstage.Run(journal=tmp_path).__enter__()
    with pytest.raises(DisplayError, match="cannot be made: No such file"):
        mainstage.Run(journal=tmp_path / "no" / "folder").__enter__()


def test_a_journal_that_only_the_environment_asked_for_and_cannot_be_had_is_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSTAGE_JOURNAL", str(tmp_path / "no" / "run.msj"))
    display = RecordingDisplay()
    with mainstage.Run(view="live", display=display) as run:
        assert run.submit(len, "four").result() == 4
    assert any("cannot be made: No such file" in line for line in display.history)
    monkeypatch.setenv("MAINSTAGE_JOURNAL", str(tmp_path / "run.msj"))
    with mainstage.Run("named", view="silent") as run:
        assert run.submit(len, "four").result() == 4
    assert reduced(tmp_path / "run.msj").title == "named"


def full(written: int) -> Any:
    """Return an `os.write` that has room for some bytes more."""
    left = [written]
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if fd <= 2:
            return real(fd, data)
        if not left[0]:
            raise OSError(28, "No space left on device")
        count = real(fd, data[: left[0]])
        left[0] -= count
        return count

    return write


@pytest.mark.parametrize("room", [0, 100, 2000, 5000])
def test_a_full_disk_is_told_once_and_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    display = RecordingDisplay()
    path = tmp_path / "run.msj"
    monkeypatch.setattr(module, "MOST", 20)
    with mainstage.Run(view="live", display=display, journal=path, on_error="collect") as run:
        monkeypatch.setattr(os, "write", full(room))
        results: list[Any] = list(run.map(work, range(200)))
    monkeypatch.undo()
    assert [n for n, result in enumerate(results) if isinstance(result, ValueError)] == list(range(3, 200, 5))
    assert sum("run.msj is not whole: " in line for line in display.history) == 1
    if room >= 2000:
        with JournalReader(path) as journal:
            found = list(journal.events())
            assert len(found) >= 20
            assert (journal.damage, journal.ended, journal.torn()) == ("", False, 0)


def test_a_file_that_may_grow_no_more_changes_nothing_else(tmp_path: Path) -> None:
    program = f"""
import mainstage, resource
from mainstage.journal import writer
writer.MOST = 20
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, resource.RLIM_INFINITY))
with mainstage.Run("small", journal={str(tmp_path / "run.msj")!r}) as run:
    print(sum(run.map(lambda n: [mainstage.current_task().log("x" * 50), n][1], range(1000))))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "499500\n"
    assert ran.stderr.count("run.msj is not whole: ") == 1
    with JournalReader(tmp_path / "run.msj") as journal:
        assert len(list(journal.events())) >= 20
        assert (journal.damage, journal.torn()) == ("", 0)


def speak(number: int) -> int:
    mainstage.current_task().log("x" * 100)
    return number


def test_a_limit_ends_the_journal_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, display = tmp_path / "run.msj", RecordingDisplay()
    monkeypatch.setattr(module, "MOST", 20)
    with mainstage.Run(view="live", display=display, journal=path, journal_limit=20_000) as run:
        assert list(run.map(speak, range(2000)))[-1] == 1999
    assert sum("has reached its limit of 20,000 bytes" in line for line in display.history) == 1
    assert 10_000 < path.stat().st_size <= 20_000
    with JournalReader(path) as journal:
        assert len(list(journal.events())) > 60
        assert (journal.cut, journal.damage, journal.ended) == ("limit", "", False)
    with pytest.raises(ValueError, match="journal_limit=5: a journal needs 10,000 bytes at least"):
        mainstage.Run(journal=path, journal_limit=5)


def fail(secret: str) -> None:
    raise ValueError("told")


def test_without_inputs_neither_they_nor_names_made_of_them_are_there(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    with mainstage.Run("secrets", view="silent", journal=path, journal_inputs=False, on_error="collect") as run:
        list(run.map(fail, ["hunter2", "hunter3"]))
        assert run.submit(fail, "hunter4").exception()
    data = path.read_bytes()
    assert b"hunter" not in data
    assert b"told" in data
    assert [event.input for event in events(path) if isinstance(event, TaskFailed | CallFailed)] == ["", "", ""]


def test_a_forked_child_does_not_pass_for_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    journal = JournalWriter(path)
    journal.record(RunStarted(1.0, "", 2.0))
    journal.flush()
    woken, wake = os.pipe()
    ready, say_ready = os.pipe()
    child = os.fork()
    if not child:
        os.write(say_ready, b"x")
        os.read(woken, 1)
        journal.record(RunEnded(3.0))
        os._exit(0)
    try:
        with JournalReader(path) as reader:
            assert reader.writer_lives()
            os.read(ready, 1)
            journal.forsake()  # as a death does
            assert not reader.writer_lives()
    finally:
        os.write(wake, b"x")
        os.waitpid(child, 0)
        for end in (woken, wake, ready, say_ready):
            os.close(end)
    assert events(path) == [RunStarted(1.0, "", 2.0)]


def test_a_run_inside_a_run_has_a_journal_of_its_own(tmp_path: Path) -> None:
    with mainstage.Run("outer", view="silent", journal=tmp_path / "outer") as outer:
        outer.submit(len, "one").result()
        with mainstage.Run("inner", journal=tmp_path / "inner") as inner:
            assert inner.submit(len, "two").result() == 3
    found = events(tmp_path / "inner")
    assert (type(found[0]), type(found[-1])) == (RunStarted, RunEnded)
    assert reduced(tmp_path / "inner").title == "inner"
    assert reduced(tmp_path / "outer").counts.done == 2


def test_true_is_a_file_where_journals_are_found_gone_with_a_good_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with mainstage.Run("good", view="silent", journal=True) as run:
        run.submit(len, "four").result()
        (found,) = (tmp_path / "mainstage").iterdir()
        assert found.name.startswith(f"{os.getpid()}-")
        assert stat.S_IMODE((tmp_path / "mainstage").stat().st_mode) == 0o700
    assert list((tmp_path / "mainstage").iterdir()) == []
    with mainstage.Run("bad", view="silent", journal=True, on_error="collect") as run:
        list(run.map(fail, ["x"]))
    (found,) = (tmp_path / "mainstage").iterdir()
    assert reduced(found).title == "bad"


def test_a_named_one_has_a_link_where_journals_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with mainstage.Run("good", view="silent", journal=tmp_path / "run.msj"):
        (found,) = (tmp_path / "mainstage").iterdir()
        assert found.resolve() == (tmp_path / "run.msj").resolve()
    assert list((tmp_path / "mainstage").iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777])
def test_a_folder_that_others_may_look_into_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "mainstage").mkdir()
    (tmp_path / "mainstage").chmod(mode)
    with pytest.raises(DisplayError, match="is not yours alone"):
        mainstage.Run(journal=True).__enter__()
    with mainstage.Run("named", view="silent", journal=tmp_path / "run.msj") as run:  # without a link
        assert run.submit(len, "four").result() == 4


def test_a_mistake_in_another_argument_replaces_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.msj"
    record(path, items=1)
    with pytest.raises(DisplayError):
        mainstage.Run(journal=path, layout="nonsense").__enter__()
    assert [one.name for one in tmp_path.iterdir()] == ["run.msj"]


def test_positions_are_in_it_though_nobody_looks(tmp_path: Path) -> None:
    program = f"""
import mainstage, threading
go = threading.Event()
def work(n):
    task = mainstage.current_task()
    task.set(total=100)
    task.advance(40)
    go.wait(20)
with mainstage.Run(view="silent", journal={str(tmp_path / "run.msj")!r}) as run:
    future = run.submit(work, 1)
    from mainstage.journal.reader import JournalReader
    from mainstage.events import TaskMoved
    import time
    reader, seen, until = JournalReader({str(tmp_path / "run.msj")!r}), [], time.monotonic() + 15
    while not seen and time.monotonic() < until:  # the main thread is in other code
        seen = [event for event in reader.events() if type(event) is TaskMoved]
        time.sleep(0.01)
    go.set()
print(seen[0].completed)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "40\n"
    assert any(isinstance(event, TaskMoved) for event in events(tmp_path / "run.msj"))
