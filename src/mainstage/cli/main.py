"""The group that the commands hang on."""

from __future__ import annotations

import sys
from typing import Any

import click

from mainstage import __version__
from mainstage.cli.demo import demo_command
from mainstage.cli.execute import Execution, exec_command, execute
from mainstage.cli.map import map_command
from mainstage.cli.shell import end_as_filter, say, tell_error


class Commands(click.Group):
    """The commands; a program that one of them is to run is run when the parser is done and gone."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `click.Group`; what is wrong is told by the one door for foreign text."""
        try:
            sys.exit(super().__call__(*args, standalone_mode=False, **kwargs))
        except Execution as found:
            execution = found.with_traceback(None)
        except click.ClickException as error:
            tell_error(error)
            sys.exit(error.exit_code)
        except click.Abort:
            say("Aborted!", err=True)
            sys.exit(1)
        except BrokenPipeError:
            end_as_filter()
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "click"]:
            del sys.modules[name]  # the program's own click, if it has one, is to see the streams as they are now
        return execute(execution)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mainstage")
def main() -> None:
    """Run concurrent Python work under one live display."""


main.add_command(map_command)
main.add_command(exec_command)
main.add_command(demo_command)
