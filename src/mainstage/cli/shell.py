"""What a shell reads and sees: quoted words, and the death that a signal asks for."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


def quote(text: str) -> str:
    """Return `text` as one word of a shell command, on one line, whatever bytes it stands for.

    Names that are not UTF-8, or hold control characters, become `$'...'`, which bash, zsh and ksh read.
    """
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_escape(byte) for byte in os.fsencode(text)) + "'"


def _escape(byte: int) -> str:
    char = chr(byte)
    if char in "\\'":
        return "\\" + char
    return char if " " <= char <= "~" else f"\\x{byte:02x}"


def join(words: Iterable[str]) -> str:
    """Return `words` as a shell command."""
    return " ".join(quote(word) for word in words)


def program() -> list[str]:
    """Return the words that started this command."""
    name = sys.argv[0]
    if os.path.basename(name) == "__main__.py":  # noqa: PTH119  # a word, not a file to look at
        return [sys.executable, "-m", "mainstage"]
    found = shutil.which(os.path.basename(name))  # noqa: PTH119  # as above
    return [os.path.basename(name) if found is not None and _same(found, name) else name]  # noqa: PTH119  # as above


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121  # words, as above
    except OSError:
        return False


def say(text: str, *, err: bool = False) -> None:
    """Write a line; what the stream's encoding lacks (a name that is no text) is escaped, never an error."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)
