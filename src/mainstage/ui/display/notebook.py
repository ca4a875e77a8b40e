"""The output of a notebook's cell: one display with updates. No widget, no script, no extension.

Live pictures are text with SGR sequences, which every notebook shows in the colours of its theme. What stays is HTML
with plain text beside it: it can be read in a reloaded page, in an untrusted notebook, on GitHub and in a diff.

A front end knows a display by its id, whatever cell a message belongs to; but what runs notebooks without a front end
(nbclient, so nbconvert and papermill) takes only messages of the cell that runs now. So each is sent as one of that
cell. Lines of workers go below the picture while the run's own cell runs, and into the picture after it: another cell
is not theirs.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from mainstage.core.clock import monotonic
from mainstage.ui.display import ansi
from mainstage.ui.display.html import kept_html, to_html
from mainstage.ui.views import Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstage.ui.views.kept_lines import KeptLine

SIZE = Size(90, 24)
"""What to lay out for, unless COLUMNS and LINES say another: a notebook does not tell its own size."""
MOST_LINES = 500
"""Lines of text that a picture keeps of those that came after its cell had ended."""
LIVE_LINES = 10
"""So many of them, the last ones, are in a live picture."""
LIVE_KEPT = 5
"""So many of the lines that stay with it, the last ones too."""
PATIENCE = 1.0
"""Seconds that lines wait for the end of a line that the program has begun."""


_FRAME = re.compile(r'^( *)File "([^"\n]*)", line (\d+)', re.MULTILINE)


class CellOutput:
    """What `shell` shows below its cells, for one run: messages without an answer, from a signal handler too.

    None of these waits for the kernel's sending thread, as `display` and `flush` do: that may wait for a lock which the
    main thread, interrupted in the middle of a `print`, holds.
    """

    def __init__(self, shell: Any) -> None:
        self.broken: OSError | None = None
        self._shell = shell
        self._stream = sys.stdout
        self._id = uuid.uuid4().hex
        self._pid = os.getpid()
        self._own = self._now = copy_context()
        """The contexts of the run's own cell and of the one that runs now: a kernel finds the cell by them."""
        self._cell = self._cell_here()
        self._places = {self._cell}
        """The cells that show it."""

    def _cell_here(self) -> str:
        """Return the id of the cell that this thread runs, "" where the kernel does not say."""
        parent: Any = getattr(self._shell, "get_parent", dict)()
        return str((parent.get("header") or parent).get("msg_id", ""))

    def name_cells(self, traceback: str) -> str:
        """Return `traceback` with the names of cells where it has those of files that the kernel made up."""
        name_of = getattr(getattr(self._shell, "compile", None), "format_code_name", None)
        if name_of is None:
            return traceback

        def named(found: re.Match[str]) -> str:
            name = name_of(found[2])
            return f"{found[1]}{' '.join(name)}, line {found[3]}" if name else found[0]

        return _FRAME.sub(named, traceback)

    def is_own_cell(self) -> bool:
        """Return whether this thread runs the cell that the run began in."""
        return self._cell_here() == self._cell

    def is_new_place(self) -> bool:
        """Return whether this thread runs a cell that had no picture so far, and has one from now on."""
        cell = self._cell_here()
        if cell in self._places:
            return False
        self._places.add(cell)
        return True

    def enter_cell(self) -> None:
        """Send messages as those of the cell that this thread runs."""
        self._now = copy_context()

    def publish(self, data: Mapping[str, str], *, update: bool = True, here: bool = False) -> None:
        """Send a picture to where the run is shown; not `update`: add a place, in the cell `here` or in its own."""
        if self.broken is not None or os.getpid() != self._pid:
            return
        try:
            (copy_context() if here else self._now if update else self._own).run(self._send, data, update=update)
        except Exception as trouble:  # noqa: BLE001  # a kernel of any make: the work goes on
            self.broken = OSError(f"the notebook's kernel took no picture: {trouble}")

    def _send(self, data: Mapping[str, str], *, update: bool) -> None:
        publisher = self._shell.display_pub
        session, socket = getattr(publisher, "session", None), getattr(publisher, "pub_socket", None)
        transient = {"display_id": self._id}
        if session is None or socket is None:
            publisher.publish(dict(data), {}, transient=transient, update=update)
            return
        if not update:
            self._send_text_before()
        session.send(
            socket,
            "update_display_data" if update else "display_data",
            {"data": dict(data), "metadata": {}, "transient": transient},
            parent=publisher.parent_header,
            ident=publisher.topic,
        )

    def _send_text_before(self) -> None:
        """Make the sending thread send what was printed so far before the next message."""
        flush = getattr(self._stream, "_flush", None)
        thread = getattr(self._stream, "pub_thread", None)
        if flush is not None and thread is not None:
            thread.schedule(flush)

    def write(self, lines: Sequence[str]) -> None:
        """Print `lines` in the run's own cell."""
        if self.broken is not None or os.getpid() != self._pid:
            return
        try:
            text = "".join(f"{line}\n" for line in lines)
            self._own.run(self._stream.write, ansi.encode_text(text, "utf-8", "backslashreplace").decode())
        except Exception as trouble:  # noqa: BLE001  # as above
            self.broken = OSError(f"the notebook's kernel took no text: {trouble}")


class NotebookDisplay:
    """A run's picture below the cell that the thread which makes it runs; the lines `kept` are shown with it."""

    takes_text = True
    """Whether it prints what tasks write, though no terminal is there."""

    def __init__(self, shell: Any, kept: Sequence[KeptLine] = (), *, size: Size = SIZE) -> None:
        self._output = CellOutput(shell)
        self._kept = kept
        self._size = size
        self._rows: list[str] = []
        self._data: Mapping[str, str] | None = None
        """What is shown; None: nothing yet, and there is no place for it."""
        self._own_cell = True
        """Whether the run's own cell runs still."""
        self.in_cell = True
        """Whether a cell runs."""
        self._missed = False
        """Whether a picture was sent while no cell ran."""
        self._late: deque[str] = deque(maxlen=MOST_LINES)
        self._dropped = 0
        self.line_stands = False
        """Whether the program has begun a line by itself, and not ended it."""
        self._begun_at = 0.0
        self._closed = False

    @property
    def broken(self) -> OSError | None:
        """Why the notebook is out of reach; None: it is not."""
        return self._output.broken

    def size(self) -> Size:
        """Return the size to lay out for."""
        return self._size

    # --- pictures ---

    def show(self, above: Sequence[str], rows: Sequence[str], begun: str = "") -> bool:
        """Print `above` below the picture, and show `begun` and `rows`, where there are any, in its place.

        False: the lines wait for the end of a line that the program has begun.
        """
        if self._closed:
            return True
        if begun or rows:
            self._rows = [begun, *rows] if begun else list(rows)
        blocked = bool(above) and self._own_cell and self.line_stands and monotonic() - self._begun_at < PATIENCE
        if not blocked:
            self._print(ansi.lines(above))
        if self._rows or (self._data is not None and not self._own_cell):
            self._publish(self._live())
        return not blocked

    def _live(self) -> Mapping[str, str]:
        late = list(self._late)[-LIVE_LINES:]
        kept = [one.line for one in self._kept[-LIVE_KEPT:]]
        return {"text/plain": "\n".join(ansi.lines([*late, *self._rows, *kept]))}

    def _final(self) -> Mapping[str, str]:
        """Return what is to be saved; a picture of nothing takes no room."""
        left_out = [f"({self._dropped:,} lines before these are left out)"] if self._dropped else []
        lines = ansi.lines([*left_out, *self._late, *self._rows])
        plain = "\n".join(map(ansi.plain, [*lines, *(one.line for one in self._kept)]))
        if not plain:
            return {}
        kept = [one._replace(traceback=self._output.name_cells(one.traceback)) for one in self._kept]
        return {"text/html": to_html(lines) + kept_html(kept), "text/plain": plain}

    def _publish(self, data: Mapping[str, str]) -> None:
        data = {kind: ansi.encode_text(text, "utf-8", "backslashreplace").decode() for kind, text in data.items()}
        if data != self._data:
            self._output.publish(data, update=self._data is not None)
            self._data = data
            self._missed = self._missed or not self.in_cell

    def show_here(self, *, again: bool = True) -> None:
        """Show it in the cell that runs now too: all its places change with each picture from now on.

        Not `again`: unless it has been.
        """
        if not self._output.is_new_place() and not again:
            return
        self._data = self._data or {}
        self._output.publish(self._data, update=False, here=True)

    def bundle(self) -> Mapping[str, str]:
        """Return what is shown, by MIME type, as it is to be saved."""
        return self._data if self._closed and self._data is not None else self._final()

    # --- text ---

    def _print(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        if not self._own_cell:
            self._dropped += max(0, len(self._late) + len(lines) - MOST_LINES)
            self._late.extend(lines)
            return
        if self._data is None:  # the picture has its place above the text
            self._publish(self._live() if self._rows else {})
        self._output.write(["", *lines] if self.line_stands else lines)
        self.line_stands = False

    def stand(self, *, begun: bool) -> None:
        """Called when the program has printed by itself, and has `begun` a line or not."""
        if begun and not self.line_stands:
            self._begun_at = monotonic()
        self.line_stands = begun

    # --- cells ---

    def begin_cell(self) -> None:
        """Called when a cell begins: what was sent while none ran is sent again, as a message of that cell."""
        self.in_cell = True
        self._output.enter_cell()
        if self._missed and self._data is not None:
            self._missed = False
            self._output.publish(self._data)

    def end_cell(self) -> None:
        """Called when a cell ends: the run has a place in its own from then on, and its picture can be saved."""
        if self._own_cell and self._output.is_own_cell():
            self._own_cell = False
        if self._data is None or self._rows:
            self._publish(self._final())
        self.in_cell = False

    # --- the rest ---

    def resized(self) -> None:
        """Do nothing: the size stays."""

    def suspend(self, question: str = "") -> bool:  # noqa: ARG002  # the port's signature
        """Do nothing: a question has its own place in a notebook."""
        return False

    def close(self, above: Sequence[str], rows: Sequence[str]) -> None:
        """Print what is left, and leave `rows` as the picture; again with `rows` that come later."""
        if self._closed and not rows:
            return
        self._rows = list(rows)
        self._print(ansi.lines(above))
        if self._data is not None or self._rows or self._kept:
            self._publish(self._final())
        self._closed = True
