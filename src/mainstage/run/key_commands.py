"""What keys do to a run: on the owner's thread they change what is looked at, on one of its own what is worked on.

The owner may be drawing in the middle of other code, where it must not block; so commands are carried
out by a thread that does nothing else.
"""

from __future__ import annotations

import os
import signal
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainstage.core.commands import Cancel, Hold
from mainstage.core.refusals import retried
from mainstage.core.unpatched import NativeThread
from mainstage.events import KeyPressed
from mainstage.ui.views.keymap import Quit, Repaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mainstage.core.commands import Command
    from mainstage.run.render_loop import RenderLoop
    from mainstage.ui.display.keyboard import Keyboard
    from mainstage.ui.views.interactive import KeyedView

LAST = 0.2
"""Seconds that the end of a run waits for a command that is being carried out."""
REFUSED = "keys are off: something typed earlier waits at the terminal, for whoever reads it"


class CommandTarget(Protocol):
    """Whoever carries out commands: a backend."""

    def command(self, command: Command) -> None:
        """Carry out `command`. Any thread."""
        ...


class DisplayPort(Protocol):
    """What is shown, and of whom."""

    @property
    def command_targets(self) -> Mapping[object, CommandTarget]:
        """Who carries out commands, by the run."""
        ...

    def notice(self, text: str) -> None:
        """Show a line of the library's own."""
        ...


class Queue(Protocol):
    """A task that is no call: a queue of messages."""

    @property
    def task(self) -> int:
        """The number of its task."""
        ...

    def request_cancel(self, reason: str) -> None:
        """Ask it to stop."""
        ...


class CommandFanout(NamedTuple):
    """All that works for one run."""

    command_targets: Iterable[CommandTarget]
    queues: Iterable[Queue]

    def command(self, command: Command) -> None:
        """Carry out `command`. Any thread."""
        for one in self.command_targets:
            one.command(command)
        if isinstance(command, Cancel):
            for queue in list(self.queues):
                if queue.task == command.task:
                    queue.request_cancel(command.reason)


def interrupt_group() -> None:
    """Interrupt all that the terminal's Ctrl-C would."""
    os.killpg(os.getpgrp(), signal.SIGINT)


class KeyCommands:
    """Keys for what `loop` shows; `start` and `stop` on the owner's thread."""

    def __init__(self, keyboard: Keyboard, view: KeyedView, loop: RenderLoop, stage: DisplayPort) -> None:
        self.keyboard = keyboard
        self._view = view
        self._loop = loop
        self._stage = stage
        self._commands: SimpleQueue[Command | None] = SimpleQueue()
        self._thread = NativeThread(self._carry_out)
        self.quit: Callable[[], object] = interrupt_group
        """Called, on the owner's thread, with the key that stops."""
        keyboard.on_key = self._pressed
        keyboard.on_lost = self._lost
        loop.on_key = self._on_key

    def start(self) -> None:
        """Take the keyboard."""
        retried(self._thread.start)
        self.keyboard.start()
        if self.keyboard.refused:
            self._stage.notice(REFUSED)

    def stop(self) -> None:
        """Release the keyboard; from now on keys go to the program."""
        self.keyboard.close()
        self._commands.put(None)
        if not self._thread.is_current():
            self._thread.join(LAST)

    # --- on the keyboard's thread ---

    def _pressed(self, key: str) -> None:
        channel = self._loop.channel
        channel.send(KeyPressed(channel.now(), key))

    def _lost(self) -> None:
        if self._view.browse.held:
            self._commands.put(Hold(on=False))  # nobody could release it any more

    # --- on the owner's ---

    def _on_key(self, event: KeyPressed) -> None:
        action = self._view.handle_key(event.key, self._loop.state)
        if isinstance(action, Repaint):
            self._loop.repaint()
        elif isinstance(action, Quit):
            self.quit()
        elif isinstance(action, Cancel | Hold):
            self._commands.put(action)

    # --- on its own ---

    def _carry_out(self) -> None:
        while (command := self._commands.get()) is not None:
            for one in list(self._stage.command_targets.values()):
                one.command(command)
