"""`mainstage report`: what a journal tells of its run, as a page, or for other programs."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainstage.cli.journal import end_of, open_reader
from mainstage.cli.shell import say
from mainstage.journal import exports
from mainstage.journal.page import to_page
from mainstage.journal.report import RunReport

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command("report", short_help="Make a page, or a summary, of a recorded run.")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "-o", "--output", metavar="PAGE", help="Write the page there (default: FILE with .html, if nothing else is asked)."
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@click.option("--markdown", is_flag=True, help="Print a summary in Markdown, as GitHub shows it of a step.")
@click.option("--json", "as_json", is_flag=True, help="Print numbers, failures and the slowest tasks as JSON.")
@click.option("--trace", metavar="FILE", help="Write trace events, which ui.perfetto.dev opens.")
@click.option("--junit", metavar="FILE", help="Write a JUnit test suite, a case for each task.")
def report_command(
    path: str, *, output: str | None, opened: bool, markdown: bool, as_json: bool, **files: str | None
) -> None:
    """Tell what happened in the run of the journal FILE: also of one that was killed, or goes on.

    Without options the page FILE.html is written. It is one file that opens offline, and fetches nothing.
    """
    with open_reader(path) as journal:
        report = RunReport(journal)
        remark = end_of(journal)
    if remark:
        say(remark, err=True)
    if output is None and (opened or not (markdown or as_json or any(files.values()))):
        output = str(Path(path).with_suffix(".html"))
    if output is not None:
        _write(output, to_page(report))
        say(f"{output}: {report.title}, {report.verdict()}", err=True)
        if opened:
            webbrowser.open(Path(output).resolve().as_uri())
    made: dict[str, Callable[[], str]] = {
        "trace": lambda: json.dumps(exports.to_trace(report)),
        "junit": lambda: exports.to_junit(report),
    }
    for name, file in files.items():
        if file is not None:
            _write(file, made[name]())
    for wanted, text in ((markdown, exports.to_markdown), (as_json, exports.to_summary_json)):
        if wanted:
            sys.stdout.write(text(report).rstrip("\n") + "\n")
            sys.stdout.flush()


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error
