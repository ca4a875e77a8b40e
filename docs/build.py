"""What in the docs is made from the code: pictures of real runs on a pty, and the reference of events.

`make docs` makes all of it; `python docs/build.py events.md demo.svg` makes some.
"""

# ruff: noqa: INP001, TID251  # a script; it looks at real screens at real times

from __future__ import annotations

import ast
import inspect
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_type_hints

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

from screens import Row, crop, rows_of, svg  # noqa: E402  # after the path
from tests.system.terminals import Pty  # noqa: E402

from mainstage import events  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME_ENDS = b"\x1b[?2026l"
HELD = 0.2
"""Seconds for the last look before the end."""
FOREIGN = ("ACCESSIBLE", "CI", "CLICOLOR", "COLORTERM", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "LINES", "NO_COLOR")
TREE = {
    "adria.tif": 10, "azores.tif": 32, "baltic.tif": 50, "biscay.tif": 40, "channel.tif": 22, "cyclades.tif": 43,
    "dead-sea.tif": 27, "egadi.tif": 28, "faroe.tif": 47, "gotland.tif": 16, "hebrides.tif": 37, "ionia.tif": 30,
}  # fmt: skip
"""Files of a made-up folder, in MB."""


class Shot(NamedTuple):
    """A program on a terminal, and when to look at it."""

    command: str
    """What the picture says was typed."""
    argv: list[str]
    about: str
    times: tuple[float, ...] = ()
    """Seconds after the first row of the display; the last picture is that of the end, unless `stalled`."""
    still: bool = False
    height: int = 24
    columns: int = 84
    env: dict[str, str] = {}  # noqa: RUF012  # a default that nobody changes
    typed: str = ""
    """Keys that are pressed, one before each look but the first."""
    sign: str = "━"
    """What is on the screen once the display is."""


def python(*words: str) -> list[str]:
    """Return the command line of this interpreter."""
    return [sys.executable, *words]


SHOTS = {
    "demo.svg": Shot(
        "mainstage demo charts",
        python("slow_disk.py", "demo", "charts"),
        "Four files at a time are hashed, a bar for each and one for all; log lines scroll up above them.",
        times=tuple(0.2 + 0.2 * n for n in range(29)),
        height=14,
    ),
    "failures.svg": Shot(
        "python failures.py",
        python("failures.py"),
        "Twenty files converted: attempts are repeated, one file fails and its place is told, one is over its time.",
        columns=96,
    ),
    "columns.svg": Shot(
        "python columns.py",
        python("columns.py"),
        "Rows made of Rich's own columns, and one of the program's.",
        times=(0.4,),
        still=True,
        height=7,
    ),
    "layouts.svg": Shot(
        "python dashboard.py",
        python("keyed.py"),
        "A survey of mountain ranges, looked at as bars, lanes, a tree, steps and a grid, one after the other.",
        times=tuple(0.2 + 0.25 * n for n in range(20)),
        typed="\0\0\0l" * 4,
        height=18,
        columns=92,
    ),
    **{
        f"{name}.svg": Shot(
            f"python dashboard.py {name}",
            python("dashboard.py", name),
            about,
            times=(1.9,),
            still=True,
            height=height,
            columns=100 if name == "beside" else 92,
        )
        for name, height, about in (
            ("lanes", 18, "A row for each of five workers: its name, how busy it was, since when, and what it does."),
            ("tree", 18, "Running tasks with the tasks nested in them, drawn as branches."),
            ("steps", 24, "Running tasks, the last lines that each wrote below it; ended ones are folded above."),
            ("own", 28, "A dashboard of pieces: a header, bars, a metric with its course, failures and last lines."),
            ("beside", 26, "Panels side by side: tasks, a metric, failures and workers, each in a frame."),
        )
    },
    "grid.svg": Shot(
        "python thumbnails.py",
        python("thumbnails.py"),
        "A cell for each few of three thousand tasks: done, running, failed, to come.",
        times=(3.0,),
        still=True,
        height=20,
        columns=92,
        sign="■",
    ),
    "tqdm-before.svg": Shot(
        "python pages.py",
        python("pages_before.py"),
        "Two bars of tqdm, the inner one below the outer one; lines written above them.",
        times=(1.3, 1.6, 1.9, 2.2, 2.5, 2.8, 3.1, 3.4),
        height=8,
        columns=76,
        sign="Atlas",
    ),
    "tqdm-after.svg": Shot(
        "python pages.py",
        python("pages_after.py"),
        "The same program with mainstage.tqdm: two rows of one display, with an ETA each; lines written above them.",
        times=(0.7, 1.0, 1.3, 1.6, 1.9, 2.2, 2.5, 2.8),
        height=8,
        columns=76,
        sign="━",
    ),
    "rich-before.svg": Shot(
        "python charts.py",
        python("charts_before.py"),
        "Three bars of Rich; a line printed above them.",
        times=(0.2, 0.6, 1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.4),
        height=7,
        columns=76,
        sign="Coasts",
    ),
    "rich-after.svg": Shot(
        "python charts.py",
        python("charts_after.py"),
        "The same program with mainstage.rich: three rows with counts, an ETA and a speed each; a line above them.",
        times=(0.2, 0.6, 1.0, 1.4, 1.8, 2.2, 2.6),
        height=7,
        columns=76,
    ),
    "plain.svg": Shot(
        "CI=true python nightly.py",
        python("nightly.py"),
        "Lines of text for a log: the start, one in between, a failure, the end.",
        env={"CI": "true"},
    ),
}


# --- pictures ---


@contextmanager
def stage() -> Iterator[Path]:
    """Give a folder with everything that the pictures show, under a name that says nothing of this machine."""
    place = Path(tempfile.gettempdir()) / "scans"  # a name of our own: tracebacks show it
    (place / "charts").mkdir(parents=True)
    try:
        for name, size in TREE.items():
            with (place / "charts" / name).open("wb") as file:
                file.truncate(size * 1_000_000)
        for program in [*(ROOT / "examples").glob("*.py"), *(DOCS / "pictures").glob("*.py")]:
            shutil.copy(program, place)
        yield place
    finally:
        shutil.rmtree(place)


def take(shot: Shot, place: Path) -> str:
    """Run the program and return its picture."""
    env = {"TZ": "UTC", "COLORTERM": "truecolor", "PWD": str(place), **shot.env}
    here = Path.cwd()
    os.chdir(place)
    try:
        with Pty(shot.argv, columns=shot.columns, rows=shot.height, env=env) as pty:
            prompt = f"\x1b[32m$\x1b[0m {shot.command}\r\n"
            pty.screen.feed(b"\n" * shot.height + prompt.encode())
            frames = [rows_of(pty.screen)]
            seconds = [0.8]
            if shot.times:
                pty.expect(shot.sign)
                began = time.monotonic()
                for at, key in zip_longest(shot.times, f"\0{shot.typed}"[: len(shot.times)], fillvalue="\0"):
                    if key != "\0":
                        pty.send(key.encode())
                    frames.append(_look(pty, began + at))
                seconds += [later - at for at, later in pairwise([*shot.times, shot.times[-1] + HELD])]
            if shot.still:
                frames, seconds = frames[-1:], [1.0]
            else:
                pty.wait()
                frames, seconds = [*frames, rows_of(pty.screen)], [*seconds, 4.0]
    finally:
        os.chdir(here)
    if not shot.times:
        frames, seconds = frames[-1:], seconds[-1:]
    return svg(crop(frames), seconds, columns=shot.columns, title=shot.command, about=shot.about)


def _look(pty: Pty, at: float) -> list[Row]:
    """Return the screen at the time `at`, between two frames."""
    pty.read_for(max(0.01, at - time.monotonic()))
    if FRAME_ENDS in pty.output:  # another library's display says nothing of the kind
        pty.until(lambda: pty.output.endswith(FRAME_ENDS), what="the end of a frame")
    return rows_of(pty.screen)


# --- the reference of events ---


def events_page() -> str:
    """Return docs/events.md: every event, its fields and their types, as events.py declares them."""
    source = ast.parse(inspect.getsource(events))
    order = [node.name for node in source.body if isinstance(node, ast.ClassDef)]
    kinds = {kind.__name__: kind for kind in events.EVENTS}
    lines = [HEAD.format(schema=events.SCHEMA, count=len(kinds))]
    lines += ["| event | what happened |", "|---|---|"]
    for name in [name for name in order if name in kinds]:
        lines.append(f"| [{name}](#{name.lower()}) | {_first(kinds[name])} |")
    for name in [*(name for name in order if name in kinds), *(name for name in order if name not in kinds)]:
        lines += _section(getattr(events, name))
    return "\n".join(lines) + "\n"


def _first(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()).replace("|", "\\|")


def _section(kind: type) -> list[str]:
    text = inspect.getdoc(kind) or ""
    lines = ["", f"## {kind.__name__}", "", text, "", "| field | type | default |", "|---|---|---|"]
    defaults = kind._field_defaults  # type: ignore[attr-defined]  # a named tuple has it
    for field, hint in get_type_hints(kind).items():
        default = f"`{defaults[field]!r}`" if field in defaults else ""
        lines.append(f"| `{field}` | {_type(hint)} | {default} |")
    return lines


def _type(hint: object) -> str:
    if hint == events.Fields:
        return "pairs of a name and a text, number, truth or `None`"
    if isinstance(hint, type) and hint.__module__ == events.__name__:
        return f"[`{hint.__name__}`](#{hint.__name__.lower()})"
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    return "`" + text.replace("|", "\\|") + "`"


HEAD = """# Events, the contract

<!-- Made from src/mainstage/events.py by `make docs`. -->

Everything that the display knows arrived as one of these {count} events, through one queue; everything that crosses
back is a command (`src/mainstage/core/commands.py`). **Schema {schema}.** `MAINSTAGE_VIEW=json` writes them as JSON
lines on stdout, after a first line that names the schema: an object each, its kind under `event`.
`mainstage.testing.collect_events` gives them to a test.

```
 worker side (no Rich)                      │ owner side
                                            │
 track() task() yield q.put()               │
   Task ─── started, changed, ended, ... ───┼──► inbox ──► reduce(state, event) ──► view(state, moment) ──► terminal
    ▲  └─── "task 7 moved": a note ─────────┼──► position read at the next frame ──► TaskMoved
    │                                       │
 backend ◄──────────────────────────────────┼──── commands: cancel, hold, interval
```

- Edges are sent: a start, an end, an error, a line, a measurement. None is dropped, none is reordered within a task.
- Positions are read: `TaskMoved` is made where a frame is due, so there is at most one a task and frame.
- `at` is in seconds, on the monotonic clock of the process that owns the run; `RunStarted.wall` ties it to the time of
  day.
- A task is named by its number; attempts at it count from 1. An event of an attempt that is over changes nothing.
"""


def main(names: list[str]) -> None:
    """Make what is named, or all."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    wanted = names or ["events.md", *SHOTS]
    if "events.md" in wanted:
        (DOCS / "events.md").write_text(events_page(), encoding="utf-8")
    with stage() as place:
        for name, shot in SHOTS.items():
            if name in wanted:
                (images / name).write_text(take(shot, place), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
