"""`mainstage replay`: a run that is over, drawn as it was."""

from __future__ import annotations

import click

from mainstage.cli.journal import end_of, open_reader
from mainstage.cli.viewer import Viewer
from mainstage.errors import DisplayError
from mainstage.events import RunEnded


@click.command("replay", short_help="Show a recorded run again.")
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="N times as fast as it was.",
)
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--view", type=click.Choice(["auto", "live", "plain", "silent"]), default="auto", help="What is shown.")
@click.option("--keys/--no-keys", default=True, help="Take keys; p holds the replay, ? lists the others.")
def replay_command(path: str, *, speed: float, layout: str, view: str, keys: bool) -> None:
    """Show the run of the journal FILE again, in its own time or faster.

    What is shown at a moment is what the run itself showed then. Keys choose what is looked at, as in a live run.
    """
    with open_reader(path) as journal:
        try:
            viewer = Viewer(view, layout, keys=keys, speed=speed)
        except DisplayError as error:
            raise click.UsageError(str(error)) from error
        with viewer:
            for batch in journal.batches():
                for event in batch:
                    if type(event) is not RunEnded:
                        viewer.show(event)
                    else:
                        viewer.end(event.at)
            viewer.remark = end_of(journal)
