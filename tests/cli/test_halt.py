"""`mainstage map --halt`: when a run is given up, and what is left then."""

from __future__ import annotations

import click
import pytest
from tests.cli.conftest import Shop, results

from mainstage.cli.halt import Halt, HaltType

MANY = [str(n) for n in range(200)]


def parse(text: str) -> Halt | None:
    return HaltType().convert(text, None, None)


def test_halt_is_given_in_gnu_parallels_words() -> None:
    assert parse("never") is None
    assert parse("now,fail=1") == Halt(now=True, why="fail", number=1, percent=False)
    assert parse("soon,success=20%") == Halt(now=False, why="success", number=20, percent=True)
    assert str(parse("soon,done=3")) == "soon,done=3"
    assert str(parse("now,fail=10%")) == "now,fail=10%"


@pytest.mark.parametrize("text", ["", "now", "later,fail=1", "now,fail=0", "now,fail=", "soon,ok=1", "now,fail=1.5"])
def test_anything_else_is_an_error_that_says_what_would_be_right(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"soon,done=10%"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "ok", "failed", "reached"),
    [
        ("now,fail=2", 50, 1, False),
        ("now,fail=2", 0, 2, True),
        ("now,success=2", 1, 50, False),
        ("now,success=2", 2, 0, True),
        ("now,done=2", 1, 0, False),
        ("now,done=2", 1, 1, True),
        ("now,fail=10%", 100, 19, False),
        ("now,fail=10%", 0, 20, True),
    ],
)
def test_a_percentage_is_of_all_inputs(text: str, ok: int, failed: int, *, reached: bool) -> None:
    halt = parse(text)
    assert halt is not None
    assert halt.reached(ok=ok, failed=failed, total=200) is reached


def test_soon_starts_nothing_new_and_lets_what_runs_end(shop: Shop) -> None:
    done = shop.run("map", "-j", "2", "jobs:race", "slow", "bad", *MANY, "--halt", "soon,fail=1", "--out", "r.jsonl")
    assert done.returncode == 1
    status = {line["input"]: line["status"] for line in shop.lines()}
    assert status["slow"] == "ok", done.stderr
    assert status["bad"] == "failed"
    assert len(status) < 100
    said = done.stderr.decode()
    assert f"given up: --halt soon,fail=1: {len(status) - 1} of 202 went well, 1 failed" in said
    assert f"{202 - len(status)} were not run; resume with: " in said


def test_now_asks_what_runs_to_stop_too(shop: Shop) -> None:
    done = shop.run("map", "-j", "2", "jobs:race", "slow", "bad", *MANY, "--halt", "now,fail=1", "--out", "r.jsonl")
    assert done.returncode == 1
    status = {line["input"]: line["status"] for line in shop.lines()}
    assert "slow" not in status, done.stderr
    assert status["bad"] == "failed"
    assert len(status) < 100


def test_what_was_not_run_is_run_when_the_run_is_resumed(shop: Shop) -> None:
    shop.run("map", "-j", "1", "jobs:odd_fails", *MANY, "--halt", "soon,fail=3", "--out", "r.jsonl")
    before = shop.lines()
    assert [line["status"] for line in before] == ["ok", "failed"] * 3
    shop.run("map", "jobs:odd_fails", *MANY, "--out", "r.jsonl", "--resume")
    assert sorted(line["input"] for line in shop.lines()) == sorted(MANY)


def test_a_run_that_went_on_until_a_success_is_good_although_others_failed(shop: Shop) -> None:
    done = shop.run("map", "-j", "1", "jobs:odd_fails", "1", *MANY, "--halt", "now,success=1")
    assert done.returncode == 0, done.stderr
    assert results(done) == [None, 0]


def test_a_run_that_found_no_success_is_not_good(shop: Shop) -> None:
    done = shop.run("map", "jobs:odd_fails", "1", "3", "--halt", "now,success=1")
    assert done.returncode == 1
    assert b"given up" not in done.stderr


def test_on_error_raise_and_halt_are_one_too_many(shop: Shop) -> None:
    done = shop.run("map", "jobs:double", "1", "--on-error", "raise", "--halt", "soon,fail=1")
    assert done.returncode == 2
    assert b"give one of the two" in done.stderr
