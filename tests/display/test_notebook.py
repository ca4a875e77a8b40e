"""The display below a cell, with a kernel that keeps what it is sent; real ones are in tests/notebook."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest
from tests.display.cells import Shell

from mainstage.ui.display import notebook
from mainstage.ui.display.notebook import NotebookDisplay
from mainstage.ui.views.kept_lines import KeptLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture
def shell() -> Iterator[Shell]:
    shell = Shell()
    yield shell
    assert len({one["id"] for one in shell.sent}) <= 1


def below(shell: Shell, kept: Sequence[KeptLine] = ()) -> NotebookDisplay:
    """Return a display below the cell at hand."""
    with contextlib.redirect_stdout(shell.stdout):
        return NotebookDisplay(shell, kept)


def test_the_first_picture_is_a_display_and_the_others_are_its_updates(shell: Shell) -> None:
    display = below(shell)
    for rows in (["\x1b[31ma"], ["b"], ["b"], ["c"]):
        assert display.show([], rows)
    display.close([], ["done"])
    assert [one["update"] for one in shell.sent] == [False, True, True, True]
    assert shell.texts() == ["\x1b[31ma\x1b[0m", "b", "c", "done"]
    assert list(shell.sent[-1]["data"]) == ["text/html", "text/plain"]


def test_a_run_that_shows_nothing_sends_nothing(shell: Shell) -> None:
    display = below(shell)
    display.show([], [])
    display.close([], [])
    assert shell.sent == []


def test_the_picture_has_its_place_above_the_first_line_of_text(shell: Shell) -> None:
    display = below(shell)
    display.show(["text"], [])
    assert [one["data"] for one in shell.sent] == [{}]
    assert shell.stdout.getvalue() == "text\n"


def test_lines_wait_for_the_end_of_a_line_of_the_programs_and_not_for_ever(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(notebook, "monotonic", lambda: now)
    display = below(shell)
    display.stand(begun=True)
    assert not display.show(["text"], ["rows"])
    assert shell.stdout.getvalue() == ""
    display.stand(begun=False)
    assert display.show(["text"], ["rows"])
    display.stand(begun=True)
    now = notebook.PATIENCE
    assert display.show(["late"], ["rows"])
    assert shell.stdout.getvalue() == "text\n\nlate\n"


def test_text_after_the_cell_is_in_the_picture_and_a_place_is_kept_for_it(shell: Shell) -> None:
    display = below(shell)
    display.end_cell()
    assert [one["update"] for one in shell.sent] == [False]
    shell.cell = "2"
    display.begin_cell()
    display.show([f"line {n}" for n in range(notebook.MOST_LINES + 3)], ["rows"])
    assert shell.stdout.getvalue() == ""
    assert shell.texts()[-1].splitlines()[-2:] == [f"line {notebook.MOST_LINES + 2}", "rows"]
    assert len(shell.texts()[-1].splitlines()) == notebook.LIVE_LINES + 1
    display.close([], ["done"])
    last = shell.texts()[-1].splitlines()
    assert last[0] == "(3 lines before these are left out)"
    assert last[1] == "line 3"
    assert last[-1] == "done"


def test_the_end_of_another_cell_is_not_that_of_its_own(shell: Shell) -> None:
    display = below(shell)
    shell.cell = "of a subshell"
    display.end_cell()
    display.show(["text"], ["rows"])
    assert shell.stdout.getvalue() == "text\n"


def test_a_cell_that_ends_has_a_picture_that_can_be_saved(shell: Shell) -> None:
    display = below(shell)
    display.show([], ["\x1b[1mrows"])
    display.end_cell()
    assert shell.sent[-1]["data"]["text/plain"] == "rows"
    assert "text/html" in shell.sent[-1]["data"]


def test_what_was_sent_while_no_cell_ran_is_sent_again_with_the_next(shell: Shell) -> None:
    display = below(shell)
    display.end_cell()
    display.close([], ["done"])
    shell.sent.clear()
    display.begin_cell()
    assert shell.texts() == ["done"]
    display.begin_cell()
    assert shell.texts() == ["done"]


def test_failures_are_below_the_rows_and_can_be_unfolded_at_the_end(shell: Shell) -> None:
    notes = [KeptLine(f"\x1b[31mfailed {n}", f"line {n}\n  of <it>") for n in range(8)]
    display = below(shell, notes)
    display.show([], ["rows"])
    assert [line[5:13] for line in shell.texts()[-1].splitlines()[1:]] == [f"failed {n}" for n in range(3, 8)]
    display.close([], ["done"])
    data = shell.sent[-1]["data"]
    assert data["text/plain"].splitlines() == ["done", *(f"failed {n}" for n in range(8))]
    assert data["text/html"].count("<details") == 8
    assert "of &lt;it&gt;" in data["text/html"]


def test_it_is_shown_in_a_second_cell_once_for_a_run_inside_and_as_often_as_it_is_asked_for(shell: Shell) -> None:
    display = below(shell)
    display.show([], ["rows"])
    display.show_here(again=False)  # its own cell
    shell.cell = "2"
    display.show_here(again=False)
    display.show_here(again=False)
    display.show_here()
    assert [one["update"] for one in shell.sent] == [False, False, False]
    assert display.bundle()["text/plain"] == "rows"


def test_a_kernel_that_refuses_makes_it_silent(shell: Shell) -> None:
    display = below(shell)
    shell.display_pub.refuses = RuntimeError("gone")
    assert display.show(["text"], ["rows"])
    assert "gone" in str(display.broken)
    display.close(["more"], ["done"])
    assert shell.stdout.getvalue() == ""


def test_a_forked_child_sends_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    display = below(shell)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    display.show(["text"], ["rows"])
    display.close([], ["done"])
    assert shell.sent == []
    assert shell.stdout.getvalue() == ""


def test_last_lines_that_come_later_take_the_place_of_the_picture(shell: Shell) -> None:
    display = below(shell)
    display.show([], ["rows"])
    display.close([], [])
    display.close([], ["✓ 4 done"])
    display.close([], [])
    assert shell.texts()[-1] == "✓ 4 done"
