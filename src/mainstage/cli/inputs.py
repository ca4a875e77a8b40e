"""Where inputs come from: arguments, globs, files of lines; and which of them are to be run."""

from __future__ import annotations

import codecs
import glob
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence


class JobInput(NamedTuple):
    """One input and its place among all that were given, from 1."""

    seq: int
    input: str


def gather(
    arguments: Sequence[str], files: Sequence[str], *, null: bool = False, expand_globs: bool = True
) -> list[str]:
    """Return all inputs in order: arguments with their globs expanded, then the lines of `files` ("-": stdin).

    Bytes that are not text become surrogates, as in `sys.argv`: names of any bytes reach the function as `os.listdir`
    gives them. A byte order mark, and the carriage returns of lines that end with CR LF, are taken off. Raises
    `click.UsageError` for a file that cannot be read and a glob that matches no file.
    """
    inputs = [name for argument in arguments for name in (_expand(argument) if expand_globs else [argument])]
    for file in files:
        inputs.extend(os.fsdecode(line) for line in _split(_read(file), null=null) if line)
    return inputs


def _expand(argument: str) -> list[str]:
    """Return the files that a glob matches, sorted; what exists, and an address with "://", stands for itself."""
    if not glob.has_magic(argument) or "://" in argument or os.path.lexists(argument):
        return [argument]
    matches = sorted(glob.iglob(argument, recursive=True))  # noqa: PTH207  # pathlib refuses absolute patterns
    names = [name for name in matches if os.path.lexists(name) and not os.path.isdir(name)]  # noqa: PTH112  # as given
    if not names:
        raise click.UsageError(f"no file matches {argument!r}; with --no-glob it is an input as it stands")
    return names


def _split(data: bytes, *, null: bool) -> list[bytes]:
    if null:
        return data.split(b"\0")
    return [line.removesuffix(b"\r") for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n")]


def _read(file: str) -> bytes:
    try:
        if file == "-":
            if sys.stdin is None:
                raise click.UsageError("--inputs -: standard input is closed")
            return sys.stdin.buffer.read()
        with open(file, "rb") as lines:  # noqa: PTH123  # a word of the command line
            return lines.read()
    except OSError as error:
        raise click.UsageError(f"--inputs {file}: {error.strerror}") from error


def select(inputs: Iterable[str], skip: Counter[str]) -> list[JobInput]:
    """Return what is left when the first `skip[input]` occurrences of each input are left out."""
    left = skip.copy()
    jobs = []
    for seq, text in enumerate(inputs, 1):
        if left[text] > 0:
            left[text] -= 1
        else:
            jobs.append(JobInput(seq, text))
    return jobs
