"""`mainstage exec`: a program that knows nothing of us, run as Python would run it, under the display."""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from mainstage.cli.exec_start import ExecHost, ExecOptions
from mainstage.cli.script import Program, die_silently, report

if TYPE_CHECKING:
    from collections.abc import Sequence

CAPTURES: dict[str, bool | Literal["fd"]] = {"text": True, "fd": "fd", "none": False}


class Execution(BaseException):
    """A program and how to show it, on its way out of the command line's parser.

    Raised, so that no frame of the parser stands below the program, and none of its handlers around it.
    """

    def __init__(self, program: Program, options: ExecOptions) -> None:
        super().__init__(program.name)
        self.program = program
        self.options = options


class NotRunnable(click.ClickException):
    """There is no such script: status 2, as Python has it."""

    exit_code = 2


@click.command(
    "exec",
    short_help="Run a Python program, as it is, under the display.",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="SCRIPT [ARG ...]")
@click.option("-m", "is_module", is_flag=True, help="SCRIPT is the name of a module, as for python -m.")
@click.option(
    "--view", type=click.Choice(["auto", "live", "plain", "json", "silent"]), default="auto", help="What is shown."
)
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--log", metavar="FILE", help="All output and failures of the program go there too.")
@click.option(
    "--capture",
    type=click.Choice(list(CAPTURES)),
    help="text (unless MAINSTAGE_CAPTURE says otherwise): what Python code writes; fd: also C code and children, which "
    "then see no terminal; none: nothing.",
)
@click.option("--journal", metavar="FILE", help="What happens is recorded there, for watch, replay and report.")
@click.option("--no-inputs", is_flag=True, help="The journal has neither arguments of calls nor names made of them.")
def exec_command(words: Sequence[str], *, is_module: bool, capture: str | None, **options: Any) -> NoReturn:
    """Run a Python program that knows nothing of mainstage under its display.

    SCRIPT, or with -m the module of that name, is run as python would: its arguments, exit status, signals, stdin and
    piped stdout are its own. Its tqdm and Rich bars, the calls of its thread and process pools and its asyncio tasks
    are shown. Options of ours come before SCRIPT; all that follows is the program's.
    """
    program = Program(words, is_module)
    trouble = program.trouble()
    if trouble:
        raise NotRunnable(trouble)
    raise Execution(program, ExecOptions(capture=CAPTURES.get(capture or ""), **options))


def execute(execution: Execution) -> None:
    """Run the program to its end and raise what ends it; the display ends with its last thread."""
    program = execution.program
    host = ExecHost(program.name, execution.options)
    host.start()
    try:
        program.run()
        host.ended(0)
    except SystemExit as leaving:
        host.ended(_status_of(leaving))
        raise
    except KeyboardInterrupt as interrupt:
        with host.broken_off("Ctrl-C"):
            report(interrupt)
        die_silently(interrupt)
    except BaseException as error:  # noqa: BLE001  # told as the interpreter would
        host.ended(1)
        with host.broken_off(type(error).__name__):
            report(error)
        sys.exit(1)
    finally:
        atexit.register(host.close)  # the last one, so it is the first to be called, when all threads have ended


def _status_of(leaving: SystemExit) -> int:
    """Return the status that the interpreter exits with."""
    code = leaving.code
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
