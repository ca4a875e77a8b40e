"""Which place, which view, which colours: read from the environment and the two streams, once, before a run is shown.

The conventions are listed in docs: NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, COLORTERM, TERM, TTY_COMPATIBLE,
TTY_INTERACTIVE, ACCESSIBLE, CI, GITHUB_ACTIONS, FORCE_HYPERLINK and our own MAINSTAGE_VIEW.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO, TypeAlias

from mainstage.core.names import nearest
from mainstage.errors import DisplayError
from mainstage.ui.display import links, tty

if TYPE_CHECKING:
    from collections.abc import Mapping

ViewName: TypeAlias = Literal["live", "notebook", "plain", "json", "silent"]
Depth: TypeAlias = Literal["none", "16", "256", "truecolor"]

VIEWS: tuple[ViewName, ...] = ("live", "notebook", "plain", "json", "silent")
RUNNERS = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
SAMPLE = "━╸✔✘…⠋"
"""Glyphs that the views draw with, where the encoding has them."""


class DisplayTarget(NamedTuple):
    """Where to show a run, and what that place can show."""

    view: ViewName
    stream: TextIO
    fd: int | None
    """The descriptor of `stream`; None: it has none, lines are written to the object."""
    terminal: bool
    """Whether control sequences mean something there."""
    color: Depth
    unicode: bool
    encoding: str
    groups: bool
    """Whether the log's reader folds `::group::` lines: GitHub Actions."""
    runner: bool = False
    """Whether the log's reader takes commands out of it: GitHub Actions, Azure Pipelines, TeamCity."""
    files: str = ""
    """What a link to a file begins with; "": links are not shown there."""
    shell: Any = None
    """The shell of the notebook's kernel, where the place is the output of a cell of one."""


def ipython_shell() -> Any | None:
    """Return IPython's shell, where one runs the code of this process; IPython is not imported for it."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if ask is None else ask()


def kernel_shell() -> Any | None:
    """Return the shell that runs the cells of a notebook in this process; None: there is none, or this is its child."""
    shell = ipython_shell()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    sender = getattr(getattr(kernel, "iopub_thread", None), "thread", None)
    return shell if sender is None or sender.is_alive() else None  # no thread outlives a fork


def marimo_runs_here() -> bool:
    """Return whether marimo runs the cell that this code stands in; marimo is not imported for it."""
    running = getattr(sys.modules.get("marimo"), "running_in_notebook", None)
    return running is not None and bool(running())


def choose_target(env: Mapping[str, str], stdout: TextIO, stderr: TextIO, *, view: str = "auto") -> DisplayTarget:
    """Return the place for a display: stderr where that is a terminal, else stdout where that is one, else stderr.

    In a notebook's kernel it is the cell. `view` wins over MAINSTAGE_VIEW, which wins over what the place suggests;
    JSON lines go to stdout, being data. `DisplayError` if either names no view.
    """
    wanted = _named(view, "view=") or _named(env.get("MAINSTAGE_VIEW", ""), "MAINSTAGE_VIEW=")
    shell = kernel_shell()
    if shell is not None or marimo_runs_here():
        return _cell(env, stdout, shell, wanted)
    if wanted == "notebook":
        wanted = None  # there is no cell
    shown = _display_stream(env, stdout, stderr)
    terminal = is_terminal(shown, env)
    name = wanted or ("live" if terminal and _animated(env) else "plain")
    if name == "live" and not terminal:
        name = "plain"  # there is nothing to draw on
    stream = stdout if name == "json" else shown
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return DisplayTarget(
        view=name,
        stream=stream,
        fd=_descriptor(stream),
        terminal=terminal and stream is shown,
        color=color_depth(env, terminal=terminal and stream is shown),
        unicode=_can_say(SAMPLE, encoding),
        encoding=encoding,
        groups=env.get("GITHUB_ACTIONS", "") == "true",
        runner=has_runner(env),
        files=links.link_prefix(env) if name == "live" else "",
    )


def _cell(env: Mapping[str, str], stdout: TextIO, shell: Any, wanted: ViewName | None) -> DisplayTarget:
    """Return the output of the cell that `shell` runs, or marimo."""
    name = wanted or ("plain" if _is_set(env, "ACCESSIBLE") else "notebook")
    return DisplayTarget(
        view="notebook" if name == "live" else name,
        stream=stdout,
        fd=None,
        terminal=False,
        color="none" if env.get("NO_COLOR") and not env.get("FORCE_COLOR") else "16",
        unicode=True,
        encoding="utf-8",
        groups=False,
        shell=shell,
    )


def has_runner(env: Mapping[str, str]) -> bool:
    """Return whether a CI service that takes commands out of the log runs this."""
    return any(_is_set(env, name) for name in RUNNERS)


def is_terminal(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Return whether `stream` shows control sequences: TTY_COMPATIBLE says so, else a terminal that is not dumb.

    A Windows console is none yet, whatever is said: it would show them as text (docs/platforms.md).
    """
    if not tty.POSIX and _isatty(stream):
        return False
    forced = env.get("TTY_COMPATIBLE", "")
    if forced in ("0", "1"):
        return forced == "1" and _descriptor(stream) is not None
    return _isatty(stream) and env.get("TERM", "") not in ("", "dumb", "unknown")


def color_depth(env: Mapping[str, str], *, terminal: bool) -> Depth:
    """Return the colours to use: FORCE_COLOR wins over NO_COLOR, both over CLICOLOR_FORCE and CLICOLOR."""
    forced = bool(env.get("FORCE_COLOR"))
    if not forced and env.get("NO_COLOR"):
        return "none"
    forced = forced or env.get("CLICOLOR_FORCE", "0") not in ("", "0")
    if not forced and (not terminal or env.get("CLICOLOR") == "0"):
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    term = env.get("TERM", "").lower()
    if term.endswith(("-direct", "-truecolor")):
        return "truecolor"
    return "256" if "256" in term or term.startswith(("alacritty", "kitty", "foot", "wezterm")) else "16"


def _named(view: str, source: str) -> ViewName | None:
    for name in VIEWS:
        if view == name:
            return name
    if view in ("", "auto"):
        return None
    raise DisplayError(f"{source}{view!r} is no view; take one of auto, {', '.join(VIEWS)}{nearest(view, VIEWS)}")


def _display_stream(env: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> TextIO:
    return stdout if is_terminal(stdout, env) and not is_terminal(stderr, env) else stderr


def _animated(env: Mapping[str, str]) -> bool:
    """Return whether rows may be redrawn: a reader of a log, a screen reader, or `!command` in a cell, wants lines."""
    forced = env.get("TTY_INTERACTIVE", "")
    if forced in ("0", "1"):
        return forced == "1"
    return not any(_is_set(env, name) for name in ("ACCESSIBLE", "CI", "GITHUB_ACTIONS", "JPY_PARENT_PID"))


def _is_set(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").lower() not in ("", "0", "false", "no", "off")


def _isatty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _can_say(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
