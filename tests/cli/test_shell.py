from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.faults.texts import command_breaches, text_breaches

from mainstage.cli.shell import join, quote

if TYPE_CHECKING:
    from tests.cli.conftest import Shop

HARD = [
    b"plain",
    b"two words",
    b"it's",
    b'$HOME `x` "y" \\',
    b"new\nline and\ttab",
    b"latin-\xff and it's \\ escaped",
    "größe".encode(),
    b"!history",
    b"",
]


@pytest.mark.parametrize("name", HARD)
def test_a_quoted_word_is_read_back_by_bash_byte_for_byte(name: bytes) -> None:
    word = quote(os.fsdecode(name))
    read = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert read == name


def test_a_command_is_one_line_whatever_its_words_hold() -> None:
    assert join(["map", "a\nb", "\udcff"]) == r"map $'a\x0ab' $'\xff'"


def test_a_module_that_is_not_there_is_told_without_what_its_name_asks_of_the_terminal(shop: Shop) -> None:
    done = shop.run("exec", "-m", "\x1b]0;x\x07")
    assert done.returncode == 1
    assert "No module named ␛]0;x␇\n" in done.stderr.decode()
    assert b"without a display" not in done.stderr


# each: what of the command line holds the text
@pytest.mark.parametrize(
    "words",
    [
        ["map", "jobs:fails", "1", "--out", "none/{}"],
        ["map", "jobs:fails", "--inputs", "{}"],
        ["map", "jobs:fails", "1", "--log", "none/{}"],
        ["map", "jobs:fails", "1", "--results", "jobs.py/{}"],
        ["map", "jobs:fails", "1", "--joblog", "none/{}"],
        ["map", "{}:f", "1"],
        ["map", "jobs:{}", "1"],
        ["map", "jobs:fails", "1", "--layout", "{}"],
        ["map", "jobs:fails", "1", "--halt", "{}"],
        ["map", "jobs:fails", "1", "--{}"],
        ["map", "jobs:name", "{}", "--dry-run"],
        ["exec", "{}"],
        ["exec", "-m", "{}"],
        ["{}"],
    ],
)
@pytest.mark.parametrize("github", [False, True])
def test_no_word_of_the_command_line_reaches_terminal_or_runner_as_more_than_text(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, words: list[str], *, github: bool
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true" if github else "")
    text = "\x1b]0;PWN\x07\x9b1;1H\n::error::PWN ##[error]"
    done = shop.run(*(word.format(text) for word in words))
    assert text_breaches(done.stderr + done.stdout) == []
    assert b"PWN" in done.stderr + done.stdout
    if github:
        assert command_breaches(done.stderr + done.stdout) == []
