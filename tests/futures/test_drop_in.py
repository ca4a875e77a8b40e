"""`mainstage.futures`: the standard library's executors under a display that comes and goes by itself."""

from __future__ import annotations

import concurrent.futures
import gc
import inspect
import os
import signal
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.terminals import DEADLINE, Pty, environment

import mainstage
from mainstage import futures
from mainstage.futures import ThreadPoolExecutor
from mainstage.run.run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 10.0
HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool
    assert current_run() is None


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def eventually(done: Callable[[], bool]) -> bool:
    """Wait in somebody else's code, where only the heartbeat can do anything."""
    for _ in range(int(SOON / 2 / 0.01)):
        if done():
            return True
        threading.Event().wait(0.01)
    return done()


def fail(n: int) -> int:
    raise ValueError(f"no {n}")


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208  # a count


def handlers() -> list[object]:
    return [signal.getsignal(signum) for signum in HANDLED]


class Thing:
    def method(self) -> Thing:
        return Thing()


# --- the standard library's ---


@pytest.mark.parametrize("name", ["__init__", "map", "shutdown"])
def test_the_signatures_are_the_standard_librarys(name: str) -> None:
    ours = inspect.signature(getattr(ThreadPoolExecutor, name)).parameters.values()
    theirs = inspect.signature(getattr(concurrent.futures.ThreadPoolExecutor, name)).parameters.values()
    newer = {"buffersize"} - {p.name for p in theirs}  # of Python 3.14: ours has it on all
    assert [(p.name, p.kind, p.default) for p in ours if p.name not in newer] == [
        (p.name, p.kind, p.default) for p in theirs
    ]


@pytest.mark.parametrize("name", ["as_completed", "wait"])
def test_so_are_those_of_the_functions(name: str) -> None:
    ours = inspect.signature(getattr(futures, name)).parameters.values()
    theirs = inspect.signature(getattr(concurrent.futures, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


def test_futures_are_the_standard_librarys_and_so_is_what_they_give(pool: ThreadPoolExecutor) -> None:
    future = pool.submit(pow, 2, 8)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result() == 256
    assert list(pool.map(pow, range(5), range(5))) == [n**n for n in range(5)]
    with pytest.raises(ValueError, match="no 3") as caught:
        pool.submit(fail, 3).result()
    assert not getattr(caught.value, "__notes__", [])


def test_one_failure_cancels_nothing_and_is_raised_nowhere_else(pool: ThreadPoolExecutor) -> None:
    many = [pool.submit(fail, n) for n in range(10)]
    assert pool.submit(pow, 3, 2).result() == 9
    assert [str(future.exception()) for future in many] == [f"no {n}" for n in range(10)]


def test_a_running_future_does_not_cancel_and_a_waiting_one_does(gate: threading.Event) -> None:
    began = threading.Event()

    def hold() -> bool:
        began.set()
        return gate.wait(SOON)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(hold)
        waiting = pool.submit(pow, 1, 1)
        assert began.wait(SOON)
        assert not running.cancel()
        assert waiting.cancel()
        gate.set()
    assert running.result()
    assert waiting.cancelled()


def test_a_generator_function_gives_a_generator(pool: ThreadPoolExecutor) -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)

    assert list(pool.submit(numbers).result()) == [0, 1, 2]


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without the GIL an object of a thread that waits is freed when that thread runs next",
)
def test_a_finished_future_keeps_neither_function_nor_argument_nor_itself(pool: ThreadPoolExecutor) -> None:
    gc.collect()
    gc.disable()
    try:
        thing, argument = Thing(), Thing()
        kept: list[Any] = [weakref.ref(thing), weakref.ref(argument)]
        future = pool.submit(lambda method, _: method(), thing.method, argument)
        result = weakref.ref(future.result())
        kept += [weakref.ref(future), result]
        del thing, argument, future
        assert eventually(lambda: not any(ref() for ref in kept)), [ref() for ref in kept]
    finally:
        gc.enable()


def test_nor_does_one_that_failed(pool: ThreadPoolExecutor) -> None:
    gc.collect()
    gc.disable()
    try:
        argument = Thing()
        future = pool.submit(int, argument)  # type: ignore[arg-type]  # it is no number
        kept: list[Any] = [weakref.ref(argument), weakref.ref(future)]
        with pytest.raises(TypeError):
            future.result()
        assert isinstance(error := future.exception(), TypeError)
        del future, argument
        assert eventually(lambda: kept[1]() is None)
        if sys.version_info < (3, 14):  # a frame of the standard pool's own has it from then on, in the traceback
            assert eventually(lambda: kept[0]() is None)
        assert error.args
    finally:
        gc.enable()


def test_a_timeout_is_the_standard_one_and_the_work_goes_on(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    future = pool.submit(gate.wait, SOON)
    with pytest.raises(TimeoutError):
        future.result(timeout=0.01)
    with pytest.raises(TimeoutError):
        future.exception(timeout=0)
    assert not future.done()
    gate.set()
    assert future.result() is True


# --- the run that comes and goes ---


def test_a_run_lives_from_the_first_submit_until_nothing_is_pending(
    pool: ThreadPoolExecutor, gate: threading.Event
) -> None:
    before = handlers()
    first, second = pool.submit(gate.wait, SOON), pool.submit(gate.wait, SOON)
    assert current_run() is not None
    assert handlers() != before
    gate.set()
    assert first.result()
    assert second.result()
    assert current_run() is None
    assert handlers() == before


def test_it_ends_while_the_main_thread_is_in_other_code(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    before = handlers()
    future = pool.submit(gate.wait, SOON)
    threading.Timer(0.7, gate.set).start()  # after the line of the start; the next one would come 10 s later
    concurrent.futures.wait([future])
    assert eventually(lambda: current_run() is None)
    assert handlers() == before


def test_a_thousand_of_them_leave_nothing_behind(pool: ThreadPoolExecutor) -> None:
    others = set(threading.enumerate())  # what another test has abandoned may still stand there
    pool.submit(pow, 1, 1).result()
    before, files = handlers(), open_files()
    for n in range(1000):
        assert pool.submit(pow, n, 2).result() == n * n
    assert handlers() == before
    assert open_files() == files
    left = {thread.name for thread in threading.enumerate() if thread not in others}
    assert eventually(lambda: not [t for t in set(threading.enumerate()) - others if t.name.startswith("mainstage")]), (
        left
    )


def test_workers_report_as_those_of_a_run(pool: ThreadPoolExecutor) -> None:
    def work() -> tuple[int, int]:
        return sum(mainstage.track(range(10))), mainstage.current_task().id

    total, task = pool.submit(work).result()
    assert total == 45
    assert task > 0


def test_other_threads_have_the_standard_executor_and_no_display(pool: ThreadPoolExecutor) -> None:
    def elsewhere() -> None:
        seen.append(pool.submit(lambda: (current_run(), mainstage.current_task().id)).result())

    seen: list[object] = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(SOON)
    assert seen == [(None, 0)]


def test_calls_of_other_threads_are_shown_in_a_run_that_is_live_and_keep_it_so(
    pool: ThreadPoolExecutor, gate: threading.Event
) -> None:
    held = pool.submit(gate.wait, SOON)
    more: list[futures.Future[bool]] = []
    thread = threading.Thread(target=lambda: more.append(pool.submit(gate.wait, SOON)))
    thread.start()
    thread.join(SOON)
    run = current_run()
    gate.set()
    assert held.result()
    assert more[0].result()
    assert run is not None
    assert eventually(lambda: current_run() is None)


def test_submits_of_other_threads_while_runs_end_lose_nothing() -> None:
    with ThreadPoolExecutor(2) as pool:
        others: list[futures.Future[int]] = []

        def submit_many() -> None:
            others.extend(pool.submit(pow, n, 1) for n in range(500))

        thread = threading.Thread(target=submit_many)
        thread.start()
        assert [pool.submit(pow, n, 1).result() for n in range(200)] == list(range(200))
        thread.join(SOON)
        assert [future.result() for future in others] == list(range(500))
    assert eventually(lambda: current_run() is None)


def test_a_submit_that_is_refused_opens_no_run() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(pow, 1, 1)
    assert current_run() is None


def test_an_argument_whose_repr_submits_is_submitted(pool: ThreadPoolExecutor) -> None:
    class Odd:
        def __repr__(self) -> str:
            return str(pool.submit(pow, 2, 2).result())

    assert isinstance(pool.submit(lambda odd: odd, Odd()).result(), Odd)


def test_shutdown_waits_for_its_own_pool_only(gate: threading.Event) -> None:
    slow = ThreadPoolExecutor(1)
    held = slow.submit(gate.wait, SOON)
    with ThreadPoolExecutor(1) as quick:
        late = quick.submit(threading.Event().wait, 0.1)
    assert late.done()
    assert not held.done()
    gate.set()
    slow.shutdown()
    assert held.done()
    assert current_run() is None


def test_a_run_of_the_users_takes_the_calls_and_stays_until_its_block_ends(pool: ThreadPoolExecutor) -> None:
    with mainstage.Run("mine", view="silent") as run:
        assert pool.submit(pow, 2, 2).result() == 4
        assert current_run() is run
        failed = pool.submit(fail, 1)
        waited = futures.wait([failed])
    assert waited.done == {failed}


def test_a_run_of_the_users_inside_one_that_came_by_itself_ends_in_either_order(
    pool: ThreadPoolExecutor, gate: threading.Event
) -> None:
    held = pool.submit(gate.wait, SOON)
    with mainstage.Run("mine") as run:
        gate.set()
        assert held.result()
        assert run.submit(pow, 2, 3).result() == 8
        assert current_run() is run
    assert current_run() is None


# --- as_completed and wait ---


@pytest.fixture(params=["a run pumps", "no run"])
def pumped(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "no run":
        yield
        return
    with mainstage.Run(view="silent"):
        yield


@pytest.mark.usefixtures("pumped")
def test_as_completed_yields_each_once_whoever_made_it() -> None:
    with ThreadPoolExecutor(2) as ours, concurrent.futures.ThreadPoolExecutor(2) as theirs:
        some = [pool.submit(pow, n, 1) for n in range(5) for pool in (ours, theirs)]
        assert sorted(future.result() for future in futures.as_completed(some * 3)) == sorted([*range(5)] * 2)


@pytest.mark.usefixtures("pumped")
def test_as_completed_out_of_time_gives_what_is_done_and_says_how_many_are_not(gate: threading.Event) -> None:
    done: futures.Future[int] = futures.Future()
    done.set_result(1)
    pending = [futures.Future[int]() for _ in range(2)]
    found: list[object] = []
    with pytest.raises(TimeoutError, match=r"^2 \(of 3\) futures unfinished$"):
        found.extend(futures.as_completed([done, *pending], timeout=0))
    iterator = futures.as_completed([done, *pending], timeout=0.05)
    assert next(iterator) is done
    with pytest.raises(TimeoutError, match=r"^2 \(of 3\) futures unfinished$"):
        next(iterator)
    assert not any(future._waiters for future in pending)


@pytest.mark.usefixtures("pumped")
def test_as_completed_keeps_no_future_that_it_has_given_out() -> None:
    some = [futures.Future[int]() for _ in range(3)]
    for number, future in enumerate(some):
        future.set_result(number)
    del future
    for future in futures.as_completed(some):
        some.remove(future)
        gone = weakref.ref(future)
        del future
        assert gone() is None


@pytest.mark.usefixtures("pumped")
def test_a_cancelled_future_is_done_once_its_executor_has_seen_that() -> None:
    cancelled: futures.Future[int] = futures.Future()
    cancelled.cancel()
    done: futures.Future[int] = futures.Future()
    done.set_result(1)
    found = futures.wait([cancelled, done], return_when=futures.FIRST_COMPLETED)
    assert (found.done, found.not_done) == ({done}, {cancelled})
    assert futures.wait([cancelled], timeout=0.01).not_done == {cancelled}
    threading.Timer(0.05, cancelled.set_running_or_notify_cancel).start()
    assert list(futures.as_completed([cancelled], timeout=SOON)) == [cancelled]


@pytest.mark.usefixtures("pumped")
def test_wait_returns_when_it_is_told_to(gate: threading.Event) -> None:
    with ThreadPoolExecutor(3) as pool:
        held: futures.Future[Any] = pool.submit(gate.wait, SOON)
        good: futures.Future[Any]
        bad: futures.Future[Any]
        good, bad = pool.submit(pow, 1, 1), pool.submit(fail, 1)
        assert futures.wait([good, good, held], return_when=futures.FIRST_COMPLETED).done == {good}
        found = futures.wait([bad, held], return_when=futures.FIRST_EXCEPTION)
        assert (found.done, found.not_done) == ({bad}, {held})
        assert futures.wait([held, good], timeout=0.01).not_done == {held}
        with pytest.raises(ValueError, match="Invalid return condition"):
            futures.wait([held], return_when="NOW")
        gate.set()
        assert futures.wait([held, good, bad]).not_done == set()
    assert futures.wait([]).done == set()


# --- whole programs ---


def python(program: str, *, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment(),
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


HEAD = """
import os, signal, sys, threading, time, mainstage
from mainstage.futures import ThreadPoolExecutor, as_completed
def work(n=20):
    for _ in mainstage.track(range(n)):
        time.sleep(0.05)
    return n
"""


@pytest.mark.parametrize("call", ["pow, 2, 2", "int, 'x'"])
def test_a_short_one_says_nothing_without_a_terminal(call: str) -> None:
    done = python(f"{HEAD}\nwith ThreadPoolExecutor() as pool: pool.submit({call}).exception()")
    assert done.stdout + done.stderr == ""


def test_a_short_ones_text_is_not_lost() -> None:
    program = "with ThreadPoolExecutor() as pool: pool.submit(lambda: mainstage.current_task().log('KEPT'))"
    assert "KEPT" in python(f"{HEAD}\n{program}").stderr


def test_a_long_one_tells_of_start_failure_and_end_without_a_terminal() -> None:
    program = "pool = ThreadPoolExecutor()\nlong = pool.submit(work)\npool.submit(int, 'x')\nprint(long.result())"
    done = python(f"{HEAD}\n{program}")
    assert done.stdout == "20\n"
    lines = done.stderr.splitlines()
    assert sum("ValueError" in line for line in lines) >= 1
    assert "started" in done.stderr
    assert "1 done, 1 failed" in lines[-1]


def test_what_is_pending_when_the_program_ends_is_finished_and_takes_no_more() -> None:
    program = """
def again():
    time.sleep(0.1)
    try:
        pool.submit(again)
    except RuntimeError as error:
        os.write(1, str(error).encode())
pool = ThreadPoolExecutor(2)
pool.submit(again)
pool.submit(lambda: (time.sleep(0.2), os.write(1, b" DONE")))
"""
    assert python(HEAD + program).stdout == "cannot schedule new futures after interpreter shutdown DONE"


def test_a_forked_child_works_without_a_display() -> None:
    program = """
pool = ThreadPoolExecutor(2)
held = pool.submit(work)
child = os.fork()
if not child:
    with ThreadPoolExecutor(2) as mine:
        sys.exit(mine.submit(work, 2).result() + sum(mine.map(work, [1, 2])))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), held.result())
"""
    done = python(HEAD + program)
    assert done.stdout == "5 20\n"
    assert done.stderr.count("✓") == 1


INTERRUPTED = {
    "result": "pool = ThreadPoolExecutor(1); f = [pool.submit(work, 999) for _ in '12']; ready(); f[0].result()",
    "as_completed": "pool = ThreadPoolExecutor(1); f = [pool.submit(work, 999)]; ready(); list(as_completed(f))",
    "shutdown": "with ThreadPoolExecutor(1) as pool: pool.submit(work, 999); pool.submit(work, 999); ready()",
    "map": "with ThreadPoolExecutor(1) as pool: m = pool.map(work, [999, 999]); ready(); list(m)",
    "other code": "with ThreadPoolExecutor(1) as pool: pool.submit(work, 999); ready(); time.sleep(60)",
    "the exit": "pool = ThreadPoolExecutor(1); pool.submit(work, 999); pool.submit(work, 999); ready()",
}
READY = "def ready(): threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"


@pytest.mark.parametrize("where", INTERRUPTED)
def test_ctrl_c_stops_the_work_and_the_process_dies_of_it(where: str) -> None:
    done = python(f"{HEAD}{READY}{INTERRUPTED[where]}", status=-signal.SIGINT)
    assert done.stderr.count("Traceback") == (where == "other code")
    assert ("cancelled" in done.stderr) == (where != "other code")  # there it went well as far as the run can tell


def test_ctrl_c_leaves_behind_what_does_not_stop() -> None:
    program = "from mainstage.run.run import Run\nRun.__init__.__kwdefaults__['grace'] = 0.1\n"
    program += "pool = ThreadPoolExecutor(1); f = pool.submit(time.sleep, 60); ready(); f.result()"
    python(f"{HEAD}{READY}{program}", status=-signal.SIGINT)


TERMINAL = """
def taken():
    return [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGURG, signal.SIGWINCH)], sys.stdout, sys.stderr
before = taken()
pool = ThreadPoolExecutor(2)
future = pool.submit(work, 30)
assert sys.stderr is not before[2]
HOW
for _ in range(200):
    if sys.stderr is before[2]:
        break
    time.sleep(0.01)
assert taken() == before
os.write(1, b"GIVEN BACK\\r\\n")
assert future.result() == 30
"""


@pytest.mark.parametrize("how", ["future.result()", "pool.shutdown()", "list(as_completed([future]))", "time.sleep(2)"])
def test_on_a_terminal_it_draws_and_gives_everything_back(how: str) -> None:
    with Pty([sys.executable, "-c", HEAD + TERMINAL.replace("HOW", how)]) as program:
        assert program.wait() == 0, program.screen.text
        drawn, _, after = bytes(program.output).partition(b"GIVEN BACK")
        assert drawn.count(b"\x1b[?2026h") >= 4
        assert drawn.count(b"\x1b[?25l") == drawn.count(b"\x1b[?25h") == 1
        assert after.count(b"\x1b[?2026h") == (0 if "shutdown" in how else 1)  # the last line, and no more
        assert b"\x1b[?25" not in after
        assert "work(30): 30 in" in program.screen.text


IN_PARTS = """
def wait_a_while(n):
    time.sleep(0.2)
    if n == 5:
        raise OSError("no five")
    return n
"""
LAST_LINES = {
    "the end of its block": (
        """
with ThreadPoolExecutor(2) as pool:
    print("a result", list(pool.map(wait_a_while, range(5))))
    time.sleep(0.2)
    print("another", list(pool.map(wait_a_while, range(6, 9))))
print("done")
""",
        ["a result [0, 1, 2, 3, 4]", "another [6, 7, 8]", "✓ 8 done", "done"],
    ),
    "the program's end": (
        """
pool = ThreadPoolExecutor(2)
futures = [pool.submit(wait_a_while, n) for n in range(8)]
for n, future in enumerate(futures):
    print("handled" if future.exception() else f"result {n}")
    time.sleep(0.2)
print("done")
""",
        [
            "result 0",
            "result 1",
            "result 2",
            "result 3",
            "result 4",
            "handled",
            "result 6",
            "result 7",
            "done",
            "■ 7 done, 1 failed",
        ],
    ),
    "the end of the last block": (
        """
with ThreadPoolExecutor(2) as outer:
    print("outer", list(outer.map(wait_a_while, range(4))))
    with ThreadPoolExecutor(2) as inner:
        print("inner", list(inner.map(wait_a_while, range(4))))
    print("between")
print("done")
""",
        ["outer [0, 1, 2, 3]", "inner [0, 1, 2, 3]", "between", "✓ 8 done", "done"],
    ),
}


@pytest.mark.parametrize(("program", "expected"), LAST_LINES.values(), ids=LAST_LINES)
def test_the_last_line_stands_between_none_of_the_programs(program: str, expected: list[str]) -> None:
    with Pty([sys.executable, "-c", HEAD + IN_PARTS + program]) as pty:
        assert pty.wait() == 0, pty.screen.text
        found = [line for line in pty.screen.text.split("\n") if line and "✗" not in line]
        assert [line.split(" in ")[0] for line in found] == expected


def test_a_loop_over_a_pools_results_keeps_its_row_until_it_ends() -> None:
    program = """
pool = ThreadPoolExecutor(4)
for n in mainstage.track(pool.map(wait_a_while, range(4)), "Reading", total=4):
    time.sleep(1.2)
"""
    with Pty([sys.executable, "-c", "import mainstage\n" + HEAD + IN_PARTS + program]) as pty:
        pty.expect("3/4")
        assert pty.wait() == 0, pty.screen.text
