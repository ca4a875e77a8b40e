# ruff: noqa: T201  # printing is the subject
from __future__ import annotations

import contextlib
import getpass
import io
import os
import pickle
import sys
import threading
import traceback
import warnings
from contextvars import copy_context
from typing import Any

import pytest
from tests.worker.captured import captured, take_warnings

from mainstage.errors import RenderingViolation
from mainstage.events import Event, TaskChanged, TaskEnded, TextWritten
from mainstage.tasks.capture.streams import StreamProxy
from mainstage.tasks.task import Task, ambient, root_task


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have warnings shown, and not kept by pytest."""
    take_warnings(monkeypatch)


def test_a_line_of_a_task_is_its_event_and_does_not_reach_the_terminal() -> None:
    with captured() as stage:
        stage.run(lambda: print("one", 2))
    written = stage.texts()
    assert [(event.task, event.attempt, event.worker, event.stream, event.text) for event in written] == [
        (7, 1, "thread-1", "stdout", "one 2")
    ]
    assert stage.passed() == ""


def test_pieces_become_whole_lines() -> None:
    def work() -> None:
        for piece in ("a", "b\nc", "d", "", "e\n\nf\n"):
            assert sys.stderr.write(piece) == len(piece)

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7, "stderr") == ["ab", "cde", "", "f"]


def test_two_threads_of_a_task_do_not_mix_their_pieces() -> None:
    with captured() as stage:

        def work() -> None:
            sys.stdout.write("mine ")
            context = copy_context()
            thread = threading.Thread(target=lambda: context.run(print, "theirs"))
            thread.start()
            thread.join()
            sys.stdout.write("too\n")

        stage.run(work)
    assert stage.lines(7) == ["theirs", "mine too"]


def test_a_line_without_an_end_is_sent_before_the_end_of_its_task() -> None:
    with captured() as stage:
        stage.run(lambda: print("no newline", end=""))
        assert stage.lines(7) == ["no newline"]
    kinds = [type(event) for event in stage.events()]
    assert kinds.index(TextWritten) < kinds.index(TaskEnded)


def test_the_end_of_a_task_leaves_the_line_of_another_alone() -> None:
    with captured() as stage:
        print("main ", end="")
        stage.run(lambda: print("other"))
        assert stage.lines(None) == []
        print("program")
    assert stage.lines(None) == ["main program"]


def test_the_end_of_capture_sends_what_was_begun_by_nobody_in_particular() -> None:
    with captured() as stage:
        print("begun", end="")
    assert stage.lines(None) == ["begun"]


def test_a_thread_without_a_task_is_named_and_has_none() -> None:
    with captured() as stage:
        thread = threading.Thread(target=print, args=("hello",), name="bystander")
        thread.start()
        thread.join()
    assert [(event.task, event.worker, event.text) for event in stage.texts()] == [(None, "bystander", "hello")]


def test_a_stream_that_is_not_owned_is_not_touched() -> None:
    with captured(owned=("stderr",)) as stage:
        assert sys.stdout is stage.stdout
        stage.run(lambda: print('{"data": 1}'))
        assert stage.passed() == '{"data": 1}\n'
    assert stage.texts() == []


def test_the_router_is_the_original_in_all_but_writing() -> None:
    with captured() as stage:
        assert sys.stdout.encoding == "utf-8"
        assert sys.stdout.isatty() == stage.stdout.isatty()
        assert sys.stdout.errors == stage.stdout.errors
        assert sys.stdout.writable()
        with pytest.raises(io.UnsupportedOperation):
            sys.stdout.fileno()
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]
        sys.stdout.writelines(["a\n", "b\n"])
    assert stage.lines(None) == ["a", "b"]


@pytest.mark.parametrize("library", ["cloudpickle", "dill"])
def test_a_captured_stream_is_pickled_as_the_stream_of_its_name(library: str) -> None:
    pickler = pytest.importorskip(library)

    def speak(out: Any = sys.stdout) -> Any:
        return out

    with captured():
        speak.__defaults__ = (sys.stdout,)
        streams = [sys.stdout, sys.stderr, sys.stdout.buffer]
        assert [pickler.loads(pickler.dumps(stream)) for stream in streams] == streams
        assert pickler.loads(pickler.dumps(speak))() is sys.stdout
        kept = pickler.dumps(sys.stderr)
    assert pickler.loads(kept) is sys.stderr, "not tied to the run that it comes from"


def test_plain_pickle_refuses_a_captured_stream_as_it_refuses_the_real_one() -> None:
    with captured() as stage:
        for stream in (stage.stdout, sys.stdout, sys.stdout.buffer):
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(stream)


@pytest.mark.usefixtures("unrecorded")
def test_functions_that_stand_for_others_meanwhile_are_pickled_by_their_names() -> None:
    with captured():
        for function in (input, warnings.showwarning, getpass.getpass):
            assert pickle.loads(pickle.dumps(function)) is function


def test_bytes_are_text_even_in_the_middle_of_a_character() -> None:
    def work() -> None:
        first, second = "für\n".encode()[:2], "für\n".encode()[2:]
        assert sys.stdout.buffer.write(first) == 2
        sys.stdout.buffer.write(second)

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7) == ["für"]
    assert stage.passed() == ""


def test_what_carriage_returns_overwrite_is_not_kept_and_shows_as_the_status() -> None:
    def work() -> None:
        for percent in range(0, 101, 10):
            sys.stdout.write(f"\r{percent} %")
        sys.stdout.write("\n")

    with captured() as stage:
        stage.run(work)
    assert stage.lines(7) == ["100 %"]
    statuses = [event.status for event in stage.events() if isinstance(event, TaskChanged)]
    assert (statuses[0], statuses[-1]) == ("0 %", "")


def test_overwriting_for_hours_takes_no_memory() -> None:
    with captured() as stage:
        assert stage.capture is not None
        for number in range(10_000):
            sys.stdout.write(f"{number:>100}\r")
        lines = stage.capture.routers["stdout"]._lines
        assert sum(len(part) for parts in lines._begun.values() for part in parts) < 300
    assert stage.lines(None) == [f"{9999:>100}"]


def test_windows_line_ends_are_line_ends() -> None:
    with captured() as stage:
        sys.stdout.write("one\r\ntwo\r\n")
    assert stage.lines(None) == ["one", "two"]


def test_colours_are_kept() -> None:
    with captured() as stage:
        stage.run(lambda: print("\x1b[31mred\x1b[0m"))
    assert stage.lines(7) == ["\x1b[31mred\x1b[0m"]


def test_after_the_end_everything_is_as_it_was_and_a_kept_router_hands_on() -> None:
    with captured() as stage:
        kept = sys.stdout
        assert stage.capture is not None
        stage.capture.stop()
        assert sys.stdout is stage.stdout
        assert sys.stderr is stage.stderr
        print("late", file=kept)
        assert stage.passed() == "late\n"
    assert stage.texts() == []


def test_a_stream_that_the_program_has_set_meanwhile_stays() -> None:
    with captured() as stage:
        own = io.StringIO()
        sys.stdout = own
        assert stage.capture is not None
        stage.capture.stop()
        assert sys.stdout is own


def test_a_router_left_over_from_an_earlier_run_is_not_captured_again() -> None:
    with captured() as stage:
        assert stage.capture is not None
        with contextlib.redirect_stdout(io.StringIO()):
            stage.capture.stop()
        assert isinstance(sys.stdout, StreamProxy)
        stage.capture.start()
        assert stage.capture.routers["stdout"].original is stage.stdout


def test_a_task_whose_making_prints_does_not_recurse() -> None:
    class Loud:
        def resolve(self) -> Task:
            if made.completed == 0:
                made.advance()
                print("made")
            return made

    with captured() as stage:
        made = root_task(stage.channel, 9, 1, "loud", worker="w")
        token = ambient.set(Loud())  # type: ignore[arg-type]
        print("hello", end="")
        print(" again", end="")
        ambient.reset(token)
        made.close()
    assert stage.lines(None) == ["made"]
    assert stage.lines(9) == ["hello again"]


def test_a_task_that_cannot_be_made_does_not_fail_a_print() -> None:
    class Broken:
        def resolve(self) -> Task:
            raise RuntimeError("no")

    with captured() as stage:
        token = ambient.set(Broken())  # type: ignore[arg-type]
        print("hello")
        ambient.reset(token)
    assert stage.lines(None) == ["hello"]


@pytest.mark.usefixtures("unrecorded")
def test_a_strict_run_raises_at_the_line_that_writes() -> None:
    with captured(strict=True) as stage:
        with pytest.raises(RenderingViolation, match="'hello' written to stdout"):
            print("hello")
        with pytest.raises(RenderingViolation, match="a warning"):
            warnings.warn_explicit("old", UserWarning, "here.py", 3, registry={})
    assert stage.texts() == []


def test_what_the_program_writes_while_it_has_the_terminal_goes_there() -> None:
    with captured() as stage:
        assert stage.capture is not None
        stage.capture.release_terminal(on=True)
        print("Name? ", end="")
        assert stage.passed() == "Name? "
        other = threading.Thread(target=stage.run, args=(lambda: print("a task"),))
        other.start()
        other.join()
        stage.capture.release_terminal(on=False)
    assert stage.lines(7) == ["a task"]


def test_a_handler_that_interrupts_a_line_being_sent_can_tell() -> None:
    seen: list[bool] = []
    with captured() as stage:
        assert stage.capture is not None
        capture, send = stage.capture, stage.channel.send

        def look(event: Event) -> None:
            seen.append(capture.sending())
            send(event)

        stage.channel.send = look
        print("line")
        assert not capture.sending()
    assert seen == [True]


def test_a_traceback_is_attributed() -> None:
    def work() -> None:
        try:
            raise ValueError("broken")  # noqa: TRY301
        except ValueError:
            traceback.print_exc()

    with captured() as stage:
        stage.run(work)
    lines = stage.lines(7, "stderr")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: broken"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_the_original_streams() -> None:
    with captured() as stage:
        print("parent's ", end="")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            same = sys.stdout is stage.stdout and sys.stderr is stage.stderr
            print("child", file=sys.stdout)
            os.write(writer, f"{same} {stage.passed()!r}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        assert os.read(reader, 1000).decode() == "True 'child\\n'"
        os.close(reader)
        print("line")
    assert stage.lines(None) == ["parent's line"]
