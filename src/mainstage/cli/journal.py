"""`mainstage journal`: what a journal holds, in a few lines or as JSON lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mainstage.cli.shell import end_as_filter, say
from mainstage.core.clock import SystemClock
from mainstage.core.codec import header, to_json
from mainstage.journal.format import JournalError
from mainstage.journal.reader import JournalReader
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import formatting

if TYPE_CHECKING:
    from collections.abc import Iterator


def open_reader(path: str) -> JournalReader:
    """Return the reader of a journal that the command line names. Raises `click.UsageError`."""
    try:
        return JournalReader(path)
    except JournalError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}") from error


def end_of(journal: JournalReader) -> str:
    """Return how a journal ends that was read to its end, if there is anything to be said of it."""
    if journal.damage:
        return f"{journal.path} is damaged {journal.damage}; all before it was read, nothing behind it"
    if journal.cut:
        return f"{journal.path} ends before its run: it had reached its {journal.cut}"
    if journal.ended:
        return ""
    if journal.writer_lives():
        return f"{journal.path} is of a run that is live: process {journal.header.pid}"
    torn = f", its last {journal.torn():,} bytes are half a frame" if journal.torn() else ""
    return f"{journal.path} ends before its run{torn}: process {journal.header.pid} was killed, or could write no more"


@click.command("journal", short_help="What a journal holds, or all of it as JSON lines.")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print every event as a line of JSON (docs/events.md).")
def journal_command(path: str, *, as_json: bool) -> None:
    """Say what the journal FILE holds; with --json, print its events.

    A journal can be read at any time, of a live run and of a killed one too. Exit status 1: it is damaged.
    """
    with open_reader(path) as journal:
        if as_json:
            _print_events(journal)
        else:
            _summarise(journal)
        remark = end_of(journal)
        if remark:
            say(remark, err=True)
        if journal.damage:
            raise SystemExit(1)


def _print_events(journal: JournalReader) -> None:
    try:
        for line in _lines(journal):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        end_as_filter()
        raise


def _lines(journal: JournalReader) -> Iterator[str]:
    yield header()
    yield from map(to_json, journal.events())


def _summarise(journal: JournalReader) -> None:
    state, number, last = RunState(), 0, 0.0
    for event in journal.events():
        reduce(state, event)
        number += 1
        last = max(last, event.at)
    counts = state.counts
    began = formatting.time_of_day(state.wall, SystemClock.utc_offset())
    say(f"{journal.header.title or 'a run'}: process {journal.header.pid}, began at {began}")
    say(f"{number:,} events in {state.elapsed(last):.1f} s")
    say(f"{counts.done:,} done, {counts.failed:,} failed, {counts.cancelled:,} cancelled, {counts.running:,} running")
