"""The output of a marimo cell: HTML that takes the place of what was there, by marimo's own `mo.output.replace`.

It can be called on the thread that runs the cell alone, and takes a lock of marimo's: so pictures are made in calls of
ours, and none in a signal handler. A cell that has ended keeps its last picture.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mainstage.ui.display import ansi
from mainstage.ui.display.html import kept_html, to_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.ui.views import Size
    from mainstage.ui.views.kept_lines import KeptLine


class MarimoDisplay:
    """A run's picture as the output of the cell that this thread runs; the lines `kept` are shown with it."""

    takes_text = True

    def __init__(self, kept: Sequence[KeptLine], size: Size) -> None:
        self.broken: OSError | None = None
        self._marimo: Any = sys.modules["marimo"]
        self._stream = sys.stdout
        self._kept = kept
        self._size = size
        self._cell = self._cell_here()
        self._rows: list[str] = []
        self._shown = ""

    @staticmethod
    def _cell_here() -> object:
        """Return the id of the cell that this thread runs; None: it runs none."""
        try:
            context = sys.modules["marimo._runtime.context"].get_context()
            return context.execution_context.cell_id
        except Exception:  # noqa: BLE001  # marimo's own errors, and what another version of it has not
            return None

    def size(self) -> Size:
        """Return the size to lay out for."""
        return self._size

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Print `above` in the cell, and show `begun` and `rows` as its output."""
        if begun or rows:
            self._rows = [begun, *rows] if begun else list(rows)
        self._print(above)
        if self._rows:
            self._show(to_html([*self._rows, *(one.line for one in self._kept)]))
        return True

    def _print(self, above: Sequence[str]) -> None:
        if above and self.broken is None:
            try:
                self._stream.write("".join(f"{line}\n" for line in map(ansi.plain, ansi.lines(above))))
            except (OSError, ValueError) as trouble:
                self.broken = OSError(str(trouble))

    def _show(self, page: str) -> None:
        if page != self._shown and self._cell is not None and self._cell_here() == self._cell:
            self._shown = page
            self._marimo.output.replace(self._marimo.Html(page))

    def resized(self) -> None:
        """Do nothing: the size stays."""

    def suspend(self, question: str = "") -> bool:  # noqa: ARG002  # the port's signature
        """Do nothing: a question has its own place in a notebook."""
        return False

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Print what is left, and leave `rows` as the picture."""
        self._print(above)
        kept = kept_html(self._kept)
        if self._shown or rows or kept:
            self._show(to_html(ansi.lines(rows)) + kept)
