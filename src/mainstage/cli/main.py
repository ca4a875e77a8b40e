"""The group that the commands hang on."""

from __future__ import annotations

import click

from mainstage import __version__
from mainstage.cli.demo import demo_command
from mainstage.cli.map import map_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mainstage")
def main() -> None:
    """Run concurrent Python work under one live display."""


main.add_command(map_command)
main.add_command(demo_command)
