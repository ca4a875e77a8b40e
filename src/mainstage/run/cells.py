"""A run in a notebook: it goes on from cell to cell, and each cell keeps its own text and its own Stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.run.render_loop import RenderLoop
    from mainstage.run.signals import SignalHandlers
    from mainstage.ui.display.notebook import NotebookDisplay


class CellScope:
    """What a run does, shown by `loop` on `display`, where cells of `shell` begin, end and print.

    It takes the program's own words through (`Passage` of the capture): they go straight to the kernel, which knows the
    cell of each thread, so that their order with pictures and tables of the program stays.
    `is_owner()` says whether the thread that asks is the one that draws, and awake.
    """

    def __init__(
        self,
        loop: RenderLoop,
        interrupts: SignalHandlers,
        display: NotebookDisplay,
        shell: Any,
        is_owner: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._interrupts = interrupts
        self.display = display
        self._events = shell.events
        self._is_owner = is_owner
        self._ended = False

    def start(self) -> None:
        """Begin, in the run's own cell."""
        self._events.register("pre_execute", self._begin_cell)
        self._events.register("post_execute", self._end_cell)
        self._interrupts.retake(is_of_a_kernel)

    def stop(self) -> None:
        """Called when the run has ended: where no cell runs now, the next one gets the last picture too."""
        self._ended = True
        if self.display.in_cell:
            self._leave()

    def _leave(self) -> None:
        self._events.unregister("pre_execute", self._begin_cell)
        self._events.unregister("post_execute", self._end_cell)

    def _begin_cell(self) -> None:
        self.display.begin_cell()
        if self._ended:
            self._leave()
        else:
            self._interrupts.retake(is_of_a_kernel)

    def _end_cell(self) -> None:
        if self._is_owner():
            self._loop.show_text()
        self.display.end_cell()

    def open_nested(self) -> None:
        """Called when a run begins within this one: it is to be seen in its own cell too."""
        self.display.show_here(again=False)

    # --- the program's own words ---

    def enter(self, text: str) -> bool:  # noqa: ARG002  # the port's signature
        """Show what was written before, on the owner's thread, unless that would come into a line of the program's."""
        if not self.display.line_stands and self._is_owner():
            self._loop.show_text()
        return True

    def leave(self, name: str, text: str) -> None:
        """Note whether the program has begun a line; what waited for its end is shown then."""
        if name == "stdout" and text:
            stood = self.display.line_stands
            self.display.stand(begun=not text.endswith("\n"))
            if stood and not self.display.line_stands and self._is_owner():
                self._loop.show_text()

    def overwritten(self) -> None:
        """Do nothing: a notebook keeps what was written."""


def is_of_a_kernel(handler: object) -> bool:
    """Return whether it is a kernel's own handler of Stop, which cancels the cell that awaits."""
    return handler is signal.default_int_handler or "_cancel_on_sigint" in getattr(handler, "__qualname__", "")
