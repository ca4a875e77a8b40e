"""Where a run is shown, and with which colours: the conventions, one line each."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mainstage.errors import DisplayError
from mainstage.ui.display import tty
from mainstage.ui.display.detect import Depth, ViewName, choose_target, color_depth


class Stream(io.StringIO):
    """A stream that says what it is told to about itself."""

    def __init__(self, fd: int, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._fd, self._terminal, self._said = fd, terminal, encoding

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        return self._said


def streams(out: str, err: str) -> tuple[Stream, Stream]:
    return Stream(1, terminal=out == "tty"), Stream(2, terminal=err == "tty")


@pytest.mark.parametrize(
    ("out", "err", "view", "fd"),
    [("tty", "tty", "live", 2), ("file", "tty", "live", 2), ("tty", "file", "live", 1), ("file", "file", "plain", 2)],
)
def test_the_display_is_on_the_terminal_and_on_stderr_where_both_are_one(
    out: str, err: str, view: ViewName, fd: int
) -> None:
    place = choose_target({"TERM": "xterm"}, *streams(out, err))
    assert (place.view, place.fd) == (view, fd)


@pytest.mark.parametrize(
    ("env", "view"),
    [
        ({"TERM": "xterm"}, "live"),
        ({"TERM": "dumb"}, "plain"),
        ({}, "plain"),
        ({"TERM": "xterm", "CI": "true"}, "plain"),
        ({"TERM": "xterm", "CI": "false"}, "live"),
        ({"TERM": "xterm", "GITHUB_ACTIONS": "true"}, "plain"),
        ({"TERM": "xterm", "ACCESSIBLE": "1"}, "plain"),
        ({"TERM": "xterm", "ACCESSIBLE": "0"}, "live"),
        ({"TERM": "xterm", "TTY_COMPATIBLE": "0"}, "plain"),
        ({"TERM": "xterm", "TTY_INTERACTIVE": "0"}, "plain"),
        ({"TERM": "xterm", "CI": "1", "TTY_INTERACTIVE": "1"}, "live"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "live"),
        ({"TERM": "xterm", "MAINSTAGE_VIEW": "silent"}, "silent"),
        ({"TERM": "xterm", "CI": "1", "MAINSTAGE_VIEW": "live"}, "live"),
        ({"TERM": "dumb", "MAINSTAGE_VIEW": "live"}, "plain"),
        ({"TERM": "xterm", "MAINSTAGE_VIEW": "notebook"}, "live"),
        ({"TERM": "xterm-color", "JPY_PARENT_PID": "12"}, "plain"),
    ],
)
def test_what_a_terminal_user_asked_for_by_environment(env: dict[str, str], view: ViewName) -> None:
    assert choose_target(env, *streams("tty", "tty")).view == view


def ipython(monkeypatch: pytest.MonkeyPatch, *, kernel: bool, sender_lives: bool = True) -> Any:
    """Put an IPython in its place that has a shell, in a kernel or in a terminal; return the shell."""
    sender = SimpleNamespace(thread=SimpleNamespace(is_alive=lambda: sender_lives))
    shell = SimpleNamespace(**({"kernel": SimpleNamespace(iopub_thread=sender)} if kernel else {}))
    monkeypatch.setitem(sys.modules, "IPython", cast("Any", SimpleNamespace(get_ipython=lambda: shell)))
    return shell


@pytest.mark.parametrize(
    ("env", "asked", "view"),
    [
        ({}, "auto", "notebook"),
        ({"CI": "true", "TERM": "xterm"}, "auto", "notebook"),
        ({}, "live", "notebook"),
        ({}, "plain", "plain"),
        ({"MAINSTAGE_VIEW": "silent"}, "auto", "silent"),
        ({"MAINSTAGE_VIEW": "plain"}, "notebook", "notebook"),
        ({"ACCESSIBLE": "1"}, "auto", "plain"),
    ],
)
def test_in_a_kernel_the_place_is_the_cell(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], asked: str, view: ViewName
) -> None:
    shell = ipython(monkeypatch, kernel=True)
    out, err = streams("file", "file")
    place = choose_target(env, out, err, view=asked)
    assert (place.view, place.shell, place.stream, place.fd) == (view, shell, out, None)
    assert place.color == "16"
    assert choose_target({**env, "NO_COLOR": "1"}, out, err).color == "none"


def test_ipython_in_a_terminal_and_a_child_of_a_kernel_have_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython(monkeypatch, kernel=False)
    assert choose_target({"TERM": "xterm"}, *streams("tty", "tty")).view == "live"
    ipython(monkeypatch, kernel=True, sender_lives=False)
    assert choose_target({"TERM": "xterm"}, *streams("file", "file")).view == "plain"


@pytest.mark.parametrize("env", [{}, {"TERM": "xterm"}, {"TTY_COMPATIBLE": "1"}, {"MAINSTAGE_VIEW": "live"}])
def test_a_windows_console_gets_lines_whatever_is_said(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    monkeypatch.setattr(tty, "POSIX", False)
    place = choose_target(env, *streams("tty", "tty"))
    assert (place.view, place.fd, place.terminal, place.color) == ("plain", 2, False, "none")


def test_on_windows_a_pipe_that_is_said_to_show_controls_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tty, "POSIX", False)
    assert choose_target({"TTY_COMPATIBLE": "1"}, *streams("pipe", "pipe")).view == "live"


def test_a_pipe_that_is_said_to_show_controls_is_drawn_on() -> None:
    place = choose_target({"TTY_COMPATIBLE": "1", "TERM": "xterm"}, *streams("pipe", "pipe"))
    assert (place.view, place.color, place.terminal) == ("live", "16", True)


def test_json_lines_are_data_and_go_to_stdout() -> None:
    place = choose_target({"TERM": "xterm"}, *streams("file", "tty"), view="json")
    assert (place.view, place.fd, place.color) == ("json", 1, "none")


def test_the_argument_wins_over_the_environment() -> None:
    assert (
        choose_target({"TERM": "xterm", "MAINSTAGE_VIEW": "json"}, *streams("tty", "tty"), view="plain").view == "plain"
    )
    assert (
        choose_target({"TERM": "xterm", "MAINSTAGE_VIEW": "json"}, *streams("tty", "tty"), view="auto").view == "json"
    )


@pytest.mark.parametrize(("env", "view"), [({}, "bars"), ({"MAINSTAGE_VIEW": "bars"}, "auto")])
def test_a_view_that_is_none_is_an_error_that_lists_them(env: dict[str, str], view: str) -> None:
    with pytest.raises(DisplayError, match="'bars' is no view; take one of auto, live, notebook, plain, json, silent"):
        choose_target(env, *streams("tty", "tty"), view=view)


@pytest.mark.parametrize(
    ("env", "terminal", "depth"),
    [
        ({"TERM": "xterm"}, True, "16"),
        ({"TERM": "xterm-256color"}, True, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True, "truecolor"),
        ({"TERM": "xterm-direct"}, True, "truecolor"),
        ({"TERM": "xterm"}, False, "none"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, "none"),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, "16"),
        ({"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, True, "16"),
        ({"FORCE_COLOR": "1"}, False, "16"),
        ({"CLICOLOR_FORCE": "1"}, False, "16"),
        ({"CLICOLOR_FORCE": "0"}, False, "none"),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, "none"),
        ({"TERM": "xterm", "CLICOLOR": "0"}, True, "none"),
    ],
)
def test_colours_follow_the_conventions(env: dict[str, str], terminal: bool, depth: Depth) -> None:  # a case
    assert color_depth(env, terminal=terminal) == depth


def test_glyphs_are_drawn_where_the_encoding_has_them() -> None:
    out = Stream(1, terminal=True)
    assert choose_target({"TERM": "xterm"}, out, Stream(2, terminal=True)).unicode
    assert not choose_target({"TERM": "xterm"}, out, Stream(2, terminal=True, encoding="ascii")).unicode


def test_a_stream_without_a_descriptor_gets_plain_lines() -> None:
    place = choose_target({"TERM": "xterm"}, io.StringIO(), io.StringIO())
    assert (place.view, place.fd, place.color) == ("plain", None, "none")
