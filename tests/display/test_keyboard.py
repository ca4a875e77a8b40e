from __future__ import annotations

import os
import termios
from typing import TYPE_CHECKING

import pytest

from mainstage.ui.display.keyboard import Keyboard
from mainstage.ui.display.tty_modes import Modes

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal in whose foreground this process takes itself to be."""
    monkeypatch.setattr(Modes, "foreground", lambda _: True)
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_modes_are_taken_and_given_back(terminal: int) -> None:
    before = termios.tcgetattr(terminal)
    keyboard = Keyboard(terminal)
    keyboard.start()
    assert termios.tcgetattr(terminal) != before
    keyboard.close()
    assert termios.tcgetattr(terminal) == before


def test_a_picture_in_the_middle_of_the_end_does_not_take_the_modes_again(
    terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler may draw at any point of the main thread, and each picture asks for the keys."""
    before = termios.tcgetattr(terminal)
    keyboard = Keyboard(terminal)
    keyboard.start()
    give_back = Modes.give_back

    def interrupted(modes: Modes) -> None:
        give_back(modes)
        keyboard.grab()

    monkeypatch.setattr(Modes, "give_back", interrupted)
    keyboard.close()
    assert termios.tcgetattr(terminal) == before
