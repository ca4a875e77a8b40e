"""The group that the commands hang on."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from mainstage import __version__
from mainstage.cli.execute import Execution, execute

COMMANDS = {
    "demo": "mainstage.cli.demo:demo_command",
    "exec": "mainstage.cli.execute:exec_command",
    "journal": "mainstage.cli.journal:journal_command",
    "map": "mainstage.cli.map:map_command",
    "ps": "mainstage.cli.watch:ps_command",
    "replay": "mainstage.cli.replay:replay_command",
    "report": "mainstage.cli.report:report_command",
    "watch": "mainstage.cli.watch:watch_command",
}


class Commands(click.Group):
    """The commands, each loaded when it is asked for; a program to run is run when the parser is done and gone."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return their names."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Return the one of this name; None: there is none."""
        module, _, command = COMMANDS.get(name, "").partition(":")
        return getattr(import_module(module), command) if module else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `click.Group`; errors are printed by the one door for foreign text."""
        try:
            sys.exit(super().__call__(*args, standalone_mode=False, **kwargs))
        except Execution as found:
            execution = found.with_traceback(None)
        except click.ClickException as error:
            from mainstage.cli.shell import tell_error  # noqa: PLC0415  # `exec` needs it not

            tell_error(error)
            sys.exit(error.exit_code)
        except click.Abort:
            from mainstage.cli.shell import say  # noqa: PLC0415  # as above

            say("Aborted!", err=True)
            sys.exit(1)
        except BrokenPipeError:
            from mainstage.cli.shell import end_as_filter  # noqa: PLC0415  # as above

            end_as_filter()
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "click"]:
            del sys.modules[name]  # the program's own click, if it has one, is to see the streams as they are now
        return execute(execution)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mainstage")
def main() -> None:
    """Run concurrent Python work under one live display."""
