"""`map(store=)`: what an earlier run has computed is not computed again, and a result that may be stale is told."""

from __future__ import annotations

import functools
import os
import random
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.system.terminals import environment

import mainstage
from mainstage.store import Store, StoreError
from mainstage.testing import RecordingDisplay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

calls: list[Any] = []


def square(number: int) -> int:
    calls.append(number)
    return number * number


def odd(number: int) -> int:
    calls.append(number)
    if number % 2:
        raise ValueError(f"odd {number}")
    return number


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


def run(fn: Any, items: Any, store: Any, **options: Any) -> tuple[list[Any], list[str]]:
    """Return results, and what the display says."""
    display = RecordingDisplay(200)
    with mainstage.Run("stored", view="live", display=display, max_workers=3) as live:
        results = list(live.map(fn, items, store=store, **options))
    return results, [*display.history, *display.rows]


def test_what_is_there_is_not_computed(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert run(square, range(50), path)[0] == [n * n for n in range(50)]
    assert sorted(calls) == list(range(50))
    calls.clear()
    assert run(square, range(60), str(path))[0] == [n * n for n in range(60)]
    assert sorted(calls) == list(range(50, 60))
    calls.clear()
    assert sorted(run(square, range(60), path, unordered=True)[0]) == sorted(n * n for n in range(60))
    assert list(mainstage.map(square, range(60), store=path, view="silent")) == [n * n for n in range(60)]
    assert calls == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_any_executor_serves(tmp_path: Path, executor: str) -> None:
    path = tmp_path / "x.db"
    with mainstage.Run(view="silent", executor=executor, max_workers=2) as live:
        assert list(live.map(abs, range(-20, 0), store=path)) == list(range(20, 0, -1))
    with mainstage.Run(view="silent", max_workers=2) as live:
        assert list(live.map(abs, range(-20, 0), store=path)) == list(range(20, 0, -1))
        assert live._live().show.loop.state.before <= 20
    assert live._live().show.loop.state.before == 20


def test_the_display_counts_what_was_there_and_its_speed_does_not(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    run(square, range(380), path)
    _, said = run(square, range(400), path)
    assert "400 done, 380 of them before" in said[-1]


def test_the_input_stays_lazy(tmp_path: Path) -> None:
    pulled = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            pulled.append(number)
            yield number
            number += 1

    for _ in range(2):
        pulled.clear()
        with mainstage.Run(view="silent", max_workers=2) as live:
            found = live.map(square, endless(), store=tmp_path / "x.db")
            assert [next(found) for _ in range(700)] == [n * n for n in range(700)]
            found.close()  # type: ignore[attr-defined]  # a generator
        assert len(pulled) <= 700 + 6000


def test_two_inputs_and_equal_ones(tmp_path: Path) -> None:
    with mainstage.Run(view="silent") as live:
        assert list(live.map(pow, [2, 3, 2], [5, 2, 5], store=tmp_path / "x.db")) == [32, 9, 32]
    with mainstage.Run(view="silent") as live:
        assert list(live.map(pow, [2, 3, 2], [5, 2, 5], store=tmp_path / "x.db")) == [32, 9, 32]
    assert live._live().show.loop.state.before == 3


# --- failures ---


def test_failures_are_computed_again_unless_they_are_to_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for _ in range(2):
        results, _ = run(odd, range(4), path, on_error="collect")
        assert [str(one) for one in results] == ["0", "odd 1", "2", "odd 3"]
    assert sorted(calls) == [0, 1, 1, 2, 3, 3]
    calls.clear()
    for _ in range(2):
        results, said = run(odd, range(4), Store(tmp_path / "y.db", on="all"), on_error="collect")
        assert [str(one) for one in results] == ["0", "odd 1", "2", "odd 3"]
    assert sorted(calls) == [0, 1, 2, 3]
    assert "2 done, 4 of them before, 2 failed" in said[-1]
    with pytest.raises(ValueError, match="odd 1"):
        run(odd, range(4), Store(tmp_path / "y.db", on="all"))


def give_lambda(number: int) -> Any:
    calls.append(number)
    return (lambda: number) if number % 2 else number


def test_what_does_not_pickle_is_given_and_told_once(tmp_path: Path) -> None:
    results, said = run(give_lambda, range(6), tmp_path / "x.db")
    assert [one() if callable(one) else one for one in results] == list(range(6))
    assert sum("3 results are not in the store, since function does not pickle" in line for line in said) == 1
    calls.clear()
    run(give_lambda, range(6), tmp_path / "x.db")
    assert sorted(calls) == [1, 3, 5]


def test_a_store_that_cannot_be_written_is_told_once_and_the_results_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    run(square, range(3), path)
    real = sqlite3.connect

    class Full(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", functools.partial(real, factory=Full))
    results, said = run(square, range(200), path)
    assert results == [n * n for n in range(200)]
    assert sum("cannot be written: database or disk is full" in line for line in said) == 1


# --- keys ---

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import mainstage
from mainstage.store import Store
computed = []
{body}
if __name__ == "__main__":
    with mainstage.Run(view="plain") as run:
        print(list(run.map(fn, eval(sys.argv[1]), store=eval(sys.argv[2]))))
    print(len(computed))
"""


def program(
    folder: Path, body: str, items: str = "[1, 2, 3]", store: str | None = None, seed: int = 0
) -> tuple[int, str]:
    """Run a program whose function is `body`; return how many items it computed, and what was said."""
    text = store or repr(str(folder / "x.db"))
    path = folder / "prog.py"
    path.write_text(PROGRAM.format(folder=str(folder), body=textwrap.dedent(body)))
    argv = [sys.executable, str(path), items, text]
    env = environment({"PYTHONHASHSEED": str(seed)})
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout.splitlines()[-1]), ran.stderr


FIRST = """
    def fn(n):
        computed.append(n)
        return n * 2
"""


@pytest.mark.parametrize(
    ("second", "again"),
    [
        ("    # moved\n\n    def fn(n):  # a word\n        computed.append(n)\n\n        return n * 2", 0),
        ("    def fn(n):\n        computed.append(n)\n        return n * 3", 3),
        ("    def fn(n, by=2):\n        computed.append(n)\n        return n * by", 3),
        ("    def other(n):\n        computed.append(n)\n        return n * 2\n    fn = other", 3),
    ],
)
def test_what_of_a_function_counts(tmp_path: Path, second: str, again: int) -> None:
    assert program(tmp_path, FIRST)[0] == 3
    assert program(tmp_path, FIRST)[0] == 0
    assert program(tmp_path, second)[0] == again


def test_a_function_of_its_module_that_it_calls_counts(tmp_path: Path) -> None:
    body = """
    def helper(n):
        return n * {factor}
    def fn(n):
        computed.append(n)
        return helper(n)
    """
    assert program(tmp_path, body.format(factor=2))[0] == 3
    assert program(tmp_path, body.format(factor=2))[0] == 0
    assert program(tmp_path, body.format(factor=3))[0] == 3


def test_a_constant_of_its_module_counts_and_what_may_change_is_told(tmp_path: Path) -> None:
    body = """
    FACTOR = {factor}
    TABLE = {table}
    def fn(n):
        computed.append(n)
        return FACTOR * TABLE[0]
    """
    assert program(tmp_path, body.format(factor=2, table=(1,)))[0] == 3
    assert program(tmp_path, body.format(factor=2, table=(1,)))[0] == 0
    assert program(tmp_path, body.format(factor=3, table=(1,)))[0] == 3
    assert program(tmp_path, body.format(factor=2, table=[1]))[0] == 3
    number, said = program(tmp_path, body.format(factor=2, table=[2]))
    assert (number, "3 results were computed before prog.py changed" in said) == (0, True)


def test_a_changed_file_that_it_needs_is_told(tmp_path: Path) -> None:
    body = """
    import helping
    def fn(n):
        computed.append(n)
        return helping.times(n)
    """
    (tmp_path / "helping.py").write_text("def times(n):\n    return n * 2\n")
    number, said = program(tmp_path, body)
    assert (number, "computed before" in said) == (3, False)
    (tmp_path / "helping.py").write_text("# a word\ndef times(n):\n\n    return n * 2\n")
    assert program(tmp_path, body)[1].count("computed before") == 0  # a comment is no change
    (tmp_path / "helping.py").write_text("def times(n):\n    return n * 33\n")
    for _ in range(2):  # as long as they are stale
        number, said = program(tmp_path, body)
        assert number == 0
        assert (
            said.count("3 results were computed before helping.py changed: Store(refresh=True) computes them anew") == 1
        )
    store = f"Store({str(tmp_path / 'x.db')!r}, refresh=True)"
    assert program(tmp_path, body, store=store)[0] == 3
    number, said = program(tmp_path, body)
    assert (number, "computed before" in said) == (0, False)
    store = f"Store({str(tmp_path / 'x.db')!r}, uses=[helping.times])"
    assert program(tmp_path, body, store=store)[0] == 3
    (tmp_path / "helping.py").write_text("def times(n):\n    return n * 4\n")
    assert program(tmp_path, body, store=store)[0] == 3


def test_with_a_version_the_code_does_not_count(tmp_path: Path) -> None:
    store = f"Store({str(tmp_path / 'x.db')!r}, version={{!r}})"
    assert program(tmp_path, FIRST, store=store.format("1"))[0] == 3
    changed = FIRST.replace("* 2", "* 3")
    assert program(tmp_path, changed, store=store.format("1")) == (0, "")
    assert program(tmp_path, changed, store=store.format("2"))[0] == 3


@pytest.mark.parametrize(
    "items",
    [
        "[{'a', 'b', 'c', 'dd'}, frozenset(['x', 'y', 'zz'])]",
        "[{name: len(name) for name in {'a', 'bb', 'ccc'}}]",
        "[(''.join(['a', 'b']), 'ab', ''.join(['a', 'b']))]",
        "[__import__('pathlib').Path('a/b'), __import__('datetime').date(2026, 1, 2), 1.5, None, b'x', 2j, ...]",
        "[__import__('collections').OrderedDict(a=1), __import__('collections').Counter('aab'), range(3), int]",
    ],
)
def test_an_input_has_one_key_in_every_process(tmp_path: Path, items: str) -> None:
    body = "    def fn(n):\n        computed.append(n)\n        return 1\n"
    assert program(tmp_path, body, items, seed=1)[0] == len(eval(items))
    for seed in (2, 3):
        assert program(tmp_path, body, items, seed=seed)[0] == 0


def test_dicts_in_another_order_are_equal(tmp_path: Path) -> None:
    with mainstage.Run(view="silent") as live:
        for item in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
            assert list(live.map(len, [item], store=tmp_path / "x.db")) == [2]
    assert live._live().show.loop.state.before == 1


def test_closures_lambdas_partials_and_methods_have_keys(tmp_path: Path) -> None:
    def times(by: int) -> Any:
        return lambda n: n * by

    class Adder:
        def __init__(self, more: int) -> None:
            self.more = more

        def add(self, n: int) -> int:
            return n + self.more

        __call__ = add

    with mainstage.Run(view="silent") as live:
        for fn, expected in (
            (times(2), 6),
            (times(3), 9),
            (functools.partial(pow, 2), 8),
            (functools.partial(pow, 3), 27),
            (Adder(1).add, 4),
            (Adder(2).add, 5),
            (Adder(3), 6),
            (functools.lru_cache(square), 9),
        ):
            for _ in range(2):
                assert list(live.map(fn, [3], store=tmp_path / "x.db")) == [expected]
    assert live._live().show.loop.state.before == 8


def test_what_has_no_key_is_refused_by_name(tmp_path: Path) -> None:
    lock = threading.Lock()

    def held(n: int) -> int:
        with lock:
            return n

    with mainstage.Run(view="silent") as live:
        with pytest.raises(
            StoreError, match=r"it closes over lock, and lock does not pickle .*; give Store\(version=\)"
        ):
            live.map(held, [1], store=tmp_path / "x.db")
        assert list(live.map(held, [1], store=Store(tmp_path / "x.db", version="1"))) == [1]
        with pytest.raises(StoreError, match=r"the input .* has no key: lock does not pickle .*; give Store\(key=\)"):
            list(live.map(id, [lock], store=tmp_path / "x.db"))
        named = Store(tmp_path / "x.db", key=lambda one: type(one).__name__)
        assert len(list(live.map(id, [lock], store=named))) == 1


def test_results_expire(tmp_path: Path) -> None:
    run(square, range(3), Store(tmp_path / "x.db"))
    run(square, range(3), Store(tmp_path / "x.db", expires=3600))
    assert len(calls) == 3
    run(square, range(3), Store(tmp_path / "x.db", expires=0))
    assert len(calls) == 6


# --- places ---


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, and longer than a header of one would be" * 10)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table mine(x)")
    other.close()
    with mainstage.Run(view="silent") as live:
        for name, said in (
            ("text", "is no store, or cannot be written"),
            ("other.db", "is a database of another program"),
        ):
            with pytest.raises(StoreError, match=said):
                live.map(square, [1], store=tmp_path / name)
        with pytest.raises(StoreError, match="cannot be opened: No such file"):
            live.map(square, [1], store=tmp_path / "no" / "x.db")
        with pytest.raises(StoreError, match="neither 'ok' nor 'all'"):
            live.map(square, [1], store=Store(tmp_path / "x.db", on="some"))  # type: ignore[arg-type]


def test_a_file_system_without_a_write_ahead_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    class Networked(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("journal_mode = wal", "journal_mode = delete"), *rest)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(real, factory=Networked))
    with mainstage.Run(view="silent") as live, pytest.raises(StoreError, match="it answers 'delete'"):
        live.map(square, [1], store=tmp_path / "x.db")


LONG = """
import sys, time, mainstage
def fn(n):
    with open(sys.argv[2], "a") as file:
        file.write(f"{n}\\n")
    time.sleep(0.003)
    return n * n
if __name__ == "__main__":
    with mainstage.Run(view="silent", max_workers=4) as run:
        print(list(run.map(fn, range(300), store=sys.argv[1])))
"""


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed ten times at random moments: the result is right; what was done twice was running, or had just come."""
    program, path, log = tmp_path / "long.py", tmp_path / "x.db", tmp_path / "log"
    program.write_text(LONG)
    argv = [sys.executable, str(program), str(path), str(log)]
    chosen = random.Random(19)
    kills = 10
    for kill in range(kills):
        until = chosen.randrange(2, 30) + 25 * kill
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=environment()) as ran:
            while ran.poll() is None and (not log.exists() or log.read_text().count("\n") < until):
                threading.Event().wait(0.001)
            ran.kill()
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == f"{[n * n for n in range(300)]}\n"
    computed = log.read_text().count("\n")
    assert computed - 300 <= kills * (4 + 40)  # running, and what 0.1 s brings


def test_two_processes_share_a_store(tmp_path: Path) -> None:
    program = tmp_path / "long.py"
    program.write_text(LONG)
    argv = [sys.executable, str(program), str(tmp_path / "x.db"), str(tmp_path / "log")]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) for _ in range(2)]
    for ran in both:
        assert ran.communicate(timeout=60)[0] == f"{[n * n for n in range(300)]}\n"
    assert (tmp_path / "log").read_text().count("\n") <= 600


def test_a_loop_that_is_left_early_has_stored_what_came(tmp_path: Path) -> None:
    with mainstage.Run(view="silent", max_workers=2) as live:
        for found in live.map(square, range(100), store=tmp_path / "x.db"):
            if found == 16:
                break
    calls.clear()
    run(square, range(5), tmp_path / "x.db")
    assert calls == []
    assert not os.path.exists(tmp_path / "x.db-wal")  # noqa: PTH110  # closed, and so folded into the file
