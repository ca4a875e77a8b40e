"""Where results and events on stdout go, and where the function's own output goes then."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.cli.resumable_results import ResultsFile


STDOUT, STDERR = 1, 2


@contextlib.contextmanager
def open_stdout(results: ResultsFile | None) -> Iterator[int | None]:
    """Yield the descriptor that results go to if they go to stdout; None: stdout is a terminal, or they do not.

    Within the block stdout leads to stderr where they do: what the function, C code and other programs that it starts
    write comes in between no results.
    """
    if sys.stdout is None:
        if results is None:
            raise click.UsageError("standard output is closed: give the results --out FILE")
        yield None
        return
    if (results is None and sys.stdout.isatty()) or (results is not None and not results.is_descriptor(STDOUT)):
        yield None
        return
    sys.stdout.flush()
    stdout = os.dup(STDOUT)
    _lead_to_stderr()
    _buffer_lines(on=True)  # as stderr has it
    try:
        yield stdout if results is None else None
    finally:
        sys.stdout.flush()
        os.dup2(stdout, STDOUT)
        os.close(stdout)
        _buffer_lines(on=False)


@contextlib.contextmanager
def events_alone() -> Iterator[None]:
    """Keep stdout for the events of the view json; what C code and other programs write to it goes to stderr."""
    before = sys.stdout
    if before is None or before.isatty():
        yield
        return
    before.flush()
    with os.fdopen(os.dup(STDOUT), "w", encoding=before.encoding, errors=before.errors) as stdout:
        sys.stdout = stdout
        _lead_to_stderr()
        try:
            yield
        finally:
            stdout.flush()
            os.dup2(stdout.fileno(), STDOUT)
            sys.stdout = before


def _buffer_lines(*, on: bool) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=on)


def _lead_to_stderr() -> None:
    try:
        os.dup2(STDERR, STDOUT)
    except OSError:  # it is closed
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # no path of anybody's
            os.dup2(nowhere.fileno(), STDOUT)
