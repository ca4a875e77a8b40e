"""`mainstage map --traceback`: failures with the code around them, at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Shop

FIFTEEN = [f"x{n}" for n in range(15)]


def test_failures_are_short_unless_more_is_asked_for(shop: Shop) -> None:
    done = shop.run("map", "jobs:fails", "7", "--out", "r.jsonl")
    assert b"no 7" in done.stderr
    assert b"number = int(text)" not in done.stderr
    assert b"more failed" not in done.stderr


def test_a_traceback_shows_the_users_code_and_none_of_ours(shop: Shop) -> None:
    done = shop.run("map", "jobs:fails", "7", "--traceback", "--out", "r.jsonl")
    assert done.returncode == 1
    told = done.stderr.decode().partition("failed: '7'\n")[2]
    assert "number = int(text)" in told
    assert "ValueError: no 7" in told
    assert "while working on input 7" in told
    assert "mainstage/" not in told


def test_ten_are_told_and_the_rest_counted_unless_all_are_asked_for(shop: Shop) -> None:
    ten = shop.run("map", "jobs:fails", *FIFTEEN, "--traceback", "--out", "r.jsonl").stderr.decode()
    assert ten.count("number = int(text)") == 10
    assert "5 more failed; --traceback --traceback tells of them all" in ten
    every = shop.run("map", "jobs:fails", *FIFTEEN, "--traceback", "--traceback").stderr.decode()
    assert every.count("number = int(text)") == 15
    assert "more failed;" not in every


def test_an_error_whose_text_raises_is_told_all_the_same(shop: Shop) -> None:
    done = shop.run("map", "jobs:unspeakable", "7", "--traceback")
    assert done.returncode == 1
    assert b"raise Unspeakable" in done.stderr
    assert b"mainstage/" not in done.stderr.partition(b"failed: '7'")[2]
