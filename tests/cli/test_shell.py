from __future__ import annotations

import os
import subprocess

import pytest

from mainstage.cli.shell import join, quote

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
