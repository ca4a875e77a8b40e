"""What keys command: one task, or the handing-out of all; and where keys can be had."""

from __future__ import annotations

import io
import os
import signal
import termios
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage.core.commands import Cancel, Hold
from mainstage.errors import Cancelled
from mainstage.events import KeyPressed, TaskStarted
from mainstage.run.key_commands import CommandFanout, KeyCommands
from mainstage.ui.display import keyboard, tty_modes
from mainstage.ui.views.keymap import Quit, Repaint
from mainstage.ui.views.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mainstage.core.commands import Command

DEADLINE = 10.0


def command(run: mainstage.Run, what: Command) -> None:
    """Carry out what a key would have carried out."""
    for one in run._live().show.command_targets.values():
        one.command(what)


def stand(began: SimpleQueue[int], go: threading.Event) -> Callable[[str], str]:
    """Return work that says its task's number, and stands until `go` or it is asked to stop."""

    def work(name: str) -> str:
        task = mainstage.current_task()
        began.put(task.id)
        while not go.wait(0.005):
            task.check_cancelled()
        return name

    return work


# --- one task ---


def test_one_item_of_a_map_is_cancelled_not_tried_again_and_the_others_go_on() -> None:
    began, go = SimpleQueue[int](), threading.Event()
    with mainstage.Run(max_workers=2, view="silent", on_error="collect", retries=3) as run:
        outcomes = run._outcomes(stand(began, go), ["a", "b", "c"])
        thread = threading.Thread(target=lambda: _cancel_the_first(run, began, go))
        thread.start()
        found = {one.input: one for one in outcomes}
        thread.join(DEADLINE)
    cancelled = [one for one in found.values() if one.error is not None]
    assert [type(one.error) for one in cancelled] == [Cancelled]
    assert str(cancelled[0].error) == "by a key"
    assert cancelled[0].attempt == 1
    assert len(found) == 3
    assert began.empty()


def _cancel_the_first(run: mainstage.Run, began: SimpleQueue[int], go: threading.Event) -> None:
    first = began.get(timeout=DEADLINE)
    began.get(timeout=DEADLINE)
    command(run, Cancel(first, "by a key"))
    began.get(timeout=DEADLINE)  # its thread has taken the next one
    go.set()


def test_an_item_that_waits_for_its_next_attempt_has_none() -> None:
    tried = SimpleQueue[int]()

    def fail(_: str) -> None:
        tried.put(mainstage.current_task().id)
        raise OSError("not yet")

    with mainstage.Run(max_workers=1, view="silent", on_error="collect", retries=3) as run:
        outcomes = run._outcomes(fail, ["a"])
        thread = threading.Thread(target=lambda: command(run, Cancel(tried.get(timeout=DEADLINE), "by a key")))
        thread.start()
        (outcome,) = outcomes
        thread.join(DEADLINE)
    assert isinstance(outcome.error, OSError | Cancelled)
    assert outcome.attempt == 1
    assert tried.empty()


def test_an_item_that_fails_when_it_is_asked_to_stop_is_not_tried_again() -> None:
    began, tries = SimpleQueue[int](), SimpleQueue[int]()

    def fail(_: str) -> None:
        tries.put(1)
        task = mainstage.current_task()
        began.put(task.id)
        try:
            task.sleep(DEADLINE)
        except Cancelled:
            raise OSError("in the middle of it") from None

    with mainstage.Run(max_workers=1, view="silent", on_error="collect", retries=3) as run:
        outcomes = run._outcomes(fail, ["a"])
        thread = threading.Thread(target=lambda: command(run, Cancel(began.get(timeout=DEADLINE), "by a key")))
        thread.start()
        (outcome,) = outcomes
        thread.join(DEADLINE)
    assert str(outcome.error) == "in the middle of it"
    assert tries.qsize() == 1


def test_an_item_that_does_not_hear_is_given_up_after_the_grace_time() -> None:
    began, go = SimpleQueue[int](), threading.Event()

    def deaf(_: str) -> None:
        began.put(mainstage.current_task().id)
        go.wait(DEADLINE)

    with mainstage.Run(max_workers=1, view="silent", on_error="collect", grace=0.05) as run:
        outcomes = run._outcomes(deaf, ["a"])
        thread = threading.Thread(target=lambda: command(run, Cancel(began.get(timeout=DEADLINE), "by a key")))
        thread.start()
        (outcome,) = outcomes
        thread.join(DEADLINE)
        go.set()
    assert str(outcome.error) == "did not stop in time"


class Starts:
    """Learns of the tasks that begin."""

    def __init__(self) -> None:
        self.unshown: Collection[str] = ()
        self.began = SimpleQueue[int]()

    def record(self, event: object) -> None:
        if isinstance(event, TaskStarted):
            self.began.put(event.task)


def test_an_item_in_another_process_is_given_up_alike() -> None:
    starts = Starts()
    with mainstage.Run(
        executor="process", max_workers=1, view="silent", on_error="collect", grace=0.1, retries=2, recorder=starts
    ) as run:
        outcomes = run._outcomes(time.sleep, [60.0])  # noqa: TID251  # work that hears nothing
        thread = threading.Thread(
            target=lambda: command(run, Cancel(starts.began.get(timeout=2 * DEADLINE), "by a key"))
        )
        thread.start()
        (outcome,) = outcomes
        thread.join(DEADLINE)
    assert str(outcome.error) == "did not stop in time"
    assert outcome.attempt == 1


def test_a_submitted_call_an_adopted_future_and_a_queue_are_cancelled_alike() -> None:
    began, go = SimpleQueue[int](), threading.Event()
    work = stand(began, go)
    with ThreadPoolExecutor(1) as pool, mainstage.Run(max_workers=1, view="silent", on_error="collect") as run:
        run.attach(pool)
        for submit in (run.submit, pool.submit):
            future = submit(work, "a")
            command(run, Cancel(began.get(timeout=DEADLINE), "by a key"))
            with pytest.raises(CancelledError):
                future.result(DEADLINE)
        queue, other = run.queue(description="the queue"), run.queue(description="another")
        heard: list[tuple[str, str]] = []
        queue.request_cancel = lambda reason: heard.append(("this", reason))  # type: ignore[method-assign]
        other.request_cancel = lambda reason: heard.append(("other", reason))  # type: ignore[method-assign]
        command(run, Cancel(queue.task, "by a key"))
        command(run, Hold(on=False))
        assert heard == [("this", "by a key")]
        assert not go.is_set()


# --- all of it ---


def test_work_that_is_held_is_not_handed_out_until_it_is_released_items_of_maps_neither() -> None:
    began, go = SimpleQueue[int](), threading.Event()
    go.set()
    seen: list[int] = []

    def steer(run: mainstage.Run) -> None:
        threading.Event().wait(0.1)
        seen.append(began.qsize())
        command(run, Hold(on=False))

    def work(name: str) -> str:
        began.put(1)
        if name == "0":
            command(run, Hold(on=True))
        return name

    with mainstage.Run(max_workers=1, view="silent") as run:
        thread = threading.Thread(target=steer, args=(run,))
        results = run.map(work, map(str, range(20)))
        assert next(results) == "0"
        thread.start()
        assert len(list(results)) == 19
        thread.join(DEADLINE)
    assert seen == [1]


def test_a_run_leaves_nobody_to_be_commanded_behind() -> None:
    with mainstage.Run(view="silent") as outer:
        with mainstage.Run():
            assert len(outer._live().show.command_targets) == 2
        assert list(outer._live().show.command_targets) == [outer]


# --- keys, where there is a keyboard ---


class FakeKeyboard:
    def __init__(self) -> None:
        self.refused = False
        self.open: bool | None = None
        self.on_key: Callable[[str], None] = lambda _: None
        self.on_lost: Callable[[], None] = lambda: None

    def start(self) -> None:
        self.open = True

    def close(self) -> None:
        self.open = False


class FakeView:
    """Returns what it is told to for any key."""

    def __init__(self, action: object = None, *, held: bool = False) -> None:
        self.action = action
        self.browse = Selection(held=held)

    def handle_key(self, _key: str, _state: object) -> object:
        return self.action


class FakeLoop:
    def __init__(self) -> None:
        self.channel = self
        self.sent: list[object] = []
        self.repainted = 0
        self.on_key: Callable[[KeyPressed], None] | None = None
        self.state = None

    def now(self) -> float:
        return 5.0

    def send(self, event: object) -> None:
        self.sent.append(event)

    def repaint(self) -> None:
        self.repainted += 1


class FakeStage:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.carried = SimpleQueue[object]()
        self.command_targets = {"run": CommandFanout([self], [])}

    def notice(self, text: str) -> None:
        self.said.append(text)

    def command(self, what: object) -> None:
        self.carried.put((what, threading.get_ident()))


def steering(view: FakeView) -> tuple[KeyCommands, FakeKeyboard, FakeLoop, FakeStage]:
    board, loop, stage = FakeKeyboard(), FakeLoop(), FakeStage()
    return KeyCommands(board, view, loop, stage), board, loop, stage  # type: ignore[arg-type]  # fakes


def test_a_key_is_an_event_in_the_inbox() -> None:
    _, board, loop, _ = steering(FakeView())
    board.on_key("x")
    assert loop.sent == [KeyPressed(5.0, "x")]


def test_a_command_is_carried_out_by_a_thread_of_its_own() -> None:
    one, board, loop, stage = steering(FakeView(Cancel(3, "why")))
    one.start()
    assert loop.on_key is not None
    loop.on_key(KeyPressed(1.0, "y"))
    assert stage.carried.get(timeout=DEADLINE) == (Cancel(3, "why"), one._thread.ident)
    assert one._thread.ident != threading.get_ident()
    opened = board.open
    one.stop()
    assert (opened, board.open) == (True, False)
    assert not one._thread.is_alive()


def test_a_repaint_is_the_loops_and_to_quit_is_a_ctrl_c_for_the_whole_job(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda group, signum: killed.append((group, signum)))
    for action in (Repaint(), Quit(), None):
        _, _, loop, _ = steering(FakeView(action))
        assert loop.on_key is not None
        loop.on_key(KeyPressed(1.0, "?"))
        assert loop.repainted == isinstance(action, Repaint)
    assert killed == [(os.getpgrp(), signal.SIGINT)]


@pytest.mark.parametrize("held", [True, False])
def test_work_is_not_held_for_ever_by_a_terminal_that_is_gone(*, held: bool) -> None:
    one, board, _, stage = steering(FakeView(held=held))
    one.start()
    board.on_lost()
    one.stop()
    assert [stage.carried.get(timeout=DEADLINE)[0] for _ in range(held)] == [Hold(on=False)] * held  # type: ignore[index]  # a pair
    assert stage.carried.empty()


def test_what_was_typed_before_is_said_to_stand_in_the_way() -> None:
    one, board, _, stage = steering(FakeView())
    board.refused = True
    one.start()
    one.stop()
    assert stage.said == ["keys are off: something typed earlier waits at the terminal, for whoever reads it"]


# --- where there is none ---


def test_without_posix_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tty_modes, "termios", None)
    assert keyboard.open_keyboard(io.StringIO()) == "this platform has no terminal modes"


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_without_a_terminal_there_are_no_keys(stdin: io.StringIO | None) -> None:
    assert keyboard.open_keyboard(stdin) == "stdin is no terminal"


def test_off_the_main_thread_there_are_no_keys() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(keyboard.open_keyboard(None)))
    thread.start()
    thread.join(DEADLINE)
    assert found == ["the run is not on the main thread"]


class Recorded:
    """Writes down what is called, for a display or a keyboard."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*_: object) -> bool:
            self._calls.append(f"{self._name}.{name}")
            return True

        return call


def test_screen_and_keyboard_are_taken_lent_and_given_back_as_one() -> None:
    calls: list[str] = []
    both = keyboard.KeyedDisplay(Recorded("screen", calls), Recorded("keys", calls))  # type: ignore[arg-type]  # fakes
    both.show([], [])
    both.resized()
    both.suspend()
    both.emergency()
    both.close([], [])
    assert calls == [
        *("screen.show", "keys.grab", "keys.recheck", "screen.resized", "keys.release", "screen.suspend"),
        *("keys.emergency", "screen.emergency", "keys.close", "screen.close"),
    ]


def test_a_terminal_of_another_session_is_left_alone() -> None:
    master, slave = os.openpty()
    try:
        board = keyboard.Keyboard(slave)
        before = termios.tcgetattr(slave)
        board.start()
        assert termios.tcgetattr(slave) == before
        assert not board._modes.taken
        board.close()
        board.close()
        board.release()
    finally:
        os.close(master)
        os.close(slave)
