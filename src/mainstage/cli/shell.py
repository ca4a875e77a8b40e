"""What a shell reads and sees: quoted words, and the death that a signal asks for."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from mainstage.run.signals import die_by_signal
from mainstage.ui.display.detect import has_runner
from mainstage.ui.views.foreign import clean
from mainstage.ui.views.runner import defused

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


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


def end_as_filter() -> None:
    """End the process as any filter whose reader has gone."""
    die_by_signal(getattr(signal, "SIGPIPE", signal.SIGTERM))


def say(text: str, *, err: bool = False, block: bool = False) -> None:
    """Write a line: the one door for the command's own words and the foreign ones in them.

    Nothing in it reaches the terminal, or the runner of a CI service, but text. What the stream's encoding lacks (a
    name that is no text) is escaped, never an error. `block`: the text is several lines, whose colours stay. A stderr
    that cannot be written changes nothing.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    lines = [clean(line, sgr=block, encoding=encoding) for line in (text.split("\n") if block else [text])]
    if has_runner(os.environ):
        lines = [defused(line) for line in lines]
    with contextlib.suppress(*([OSError] if err else [])):
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()


def tell_error(error: click.ClickException) -> None:
    """Write what was wrong with a command line, and how to learn of the right one."""
    if type(error).__name__ == "NoArgsIsHelpError":  # a class of newer releases: the help is its message
        error.show()
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        say(context.get_usage(), err=True, block=True)
        say(f"Try '{context.command_path} --help' for help.", err=True)
        say("", err=True)
    say(f"Error: {error.format_message()}", err=True)
