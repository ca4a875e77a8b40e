"""The pieces that are no rows of tasks: head, metrics, failures, last texts, and what users make."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from rich.layout import Layout as RichLayout

from mainstage.events import TextWritten
from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.history import History, error_location, file_of, input_of, short_place
from mainstage.ui.views.renderable import lines_of
from mainstage.ui.views.row_choice import RowChoice, choose_rows
from mainstage.ui.views.spark import sparkline
from mainstage.ui.views.text import clip, crop, fit, one_line, width
from mainstage.ui.views.user_code import UserCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from mainstage.events import Event
    from mainstage.ui.state.counts import MetricState
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import Failure
    from mainstage.ui.views.column_widths import ColumnWidths
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

LONGEST_CURVE = 40
"""Cells that the course of a metric takes, at most."""
CUSTOM_ROWS = 10
"""Rows that a user's renderable gets, at most, unless told."""
LONGEST_NAME = 24


class BarRows(TaskRows):
    """A row for each running task, as in the layout of bars."""

    name = "bars"

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose as the layout of bars does."""
        return choose_rows(scene.state, scene.now, room)


class Static:
    """A piece that has no rows for tasks and adds nothing to the history."""

    name = ""
    shares = False
    layout: ColumnWidths | None = None

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int) -> None:
        self.most = most
        self.shown: Sequence[int] = ()
        self._palette = palette
        self._glyphs = glyphs

    def history_lines(self, event: Event, state: RunState) -> list[str] | None:  # noqa: ARG002  # a piece's signature
        """Return None: the usual lines."""
        return None

    def flush_held(self, state: RunState) -> list[str]:  # noqa: ARG002  # a piece's signature
        """Return nothing: nothing is held back."""
        return []

    def join(self, pieces: Sequence[tuple[str, str]], cells: int) -> str:
        """Return as many `pieces`, (style, text) each, as fit into `cells`, the first one cut if need be."""
        line = ""
        left = cells
        for style, text in pieces:
            if line and width(text) + 2 > left:
                break
            text = clip(text, left, self._glyphs.ellipsis)  # noqa: PLW2901  # as it is shown
            line += ("  " if line else "") + self._palette.paint(style, text)
            left -= width(text) + (2 if left < cells else 0)
        return line


class HeaderPiece(Static):
    """One line: title, time, counts, and how busy the workers are."""

    name = "header"

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return the line."""
        state, now = scene.state, scene.now
        counts = state.counts
        pieces = [
            ("mainstage.title", self._glyphs.name(one_line(state.title)) or "run"),
            ("progress.elapsed", formatting.age(state.elapsed(now))),
            (
                "progress.download",
                f"{formatting.part(counts.ended, None if state.open_ended else state.expected).strip()}",
            ),
        ]
        for n, style, mark, word in (
            (counts.running, "mainstage.running", self._glyphs.running, "running"),
            (counts.failed, "mainstage.failed", self._glyphs.failed, "failed"),
            (counts.waiting, "mainstage.waiting", self._glyphs.waiting, "to be tried again"),
            (counts.cancelled, "mainstage.cancelled", self._glyphs.cancelled, "cancelled"),
        ):
            if n:
                pieces.append((style, f"{mark} {formatting.count(n)} {word}"))
        if state.workers:
            pieces.append(("mainstage.dim", self._workers(state, now)))
        return [self.join(pieces, scene.columns - 1)][:room]

    def _workers(self, state: RunState, now: float) -> str:
        few = list(islice(state.workers.values(), 256))
        busy = sum(worker.busy(now) for worker in few) / len(few)
        word = "worker" if len(state.workers) == 1 else "workers"
        return f"{formatting.count(len(state.workers))} {word}, {formatting.percent(busy)} busy"


class MetricsPiece(Static):
    """A line for each metric: last value, how it went, and its least, mean and greatest value."""

    name = "metrics"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, names: Sequence[str], most: int) -> None:
        super().__init__(palette, glyphs, most=most)
        self._names = names

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return the lines; metrics that were not reported yet have none."""
        known = scene.state.metrics
        names = [name for name in self._names if name in known] if self._names else list(known)
        hidden = len(names) - room
        names = names[: room - 1] if hidden > 0 and room > 1 else names[:room]
        texts = [self._texts(known[name]) for name in names]
        if not names:
            return []
        size = min(LONGEST_NAME, max(width(self._glyphs.name(one_line(name))) for name in names))
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = [self._line(scene, name, size, text, widths) for name, text in zip(names, texts, strict=True)]
        if hidden > 0 and room > 1:
            text = clip(f"  + {formatting.count(hidden + 1)} more metrics", scene.columns - 1, self._glyphs.ellipsis)
            lines.append(self._palette.paint("mainstage.dim", text))
        return lines

    def _texts(self, metric: MetricState) -> tuple[str, ...]:
        if metric.mean is None:
            return (formatting.short(metric.last), "", "", "")
        return tuple(map(formatting.short, (metric.last, metric.min, metric.mean, metric.max)))

    def _line(self, scene: WidgetContext, name: str, size: int, texts: Sequence[str], widths: Sequence[int]) -> str:
        cells = scene.columns - 1
        shown = fit(self._glyphs.name(one_line(name)), min(size, max(1, cells // 2)), self._glyphs.ellipsis)
        line = f"{self._palette.paint('progress.description', shown)}  {texts[0].rjust(widths[0])}"
        left = cells - width(line)
        about = [f"  {word} {text.rjust(room)}" for word, text, room in
                 zip(("min", "mean", "max"), texts[1:], widths[1:], strict=True) if text]  # fmt: skip
        if not about:
            return crop(line, cells)
        choices = "".join(about), about[0] + about[-1], ""
        numbers = next(text for text in choices if len(text) <= max(0, left))
        spare = min(LONGEST_CURVE, left - len(numbers) - 2)
        curve = sparkline(scene.state.metric_history[name].points, max(0, spare), unicode=self._glyphs.unicode)
        painted = f"  {self._palette.paint('bar.complete', curve)}" if curve else ""
        return crop(f"{line}{painted}{self._palette.paint('mainstage.dim', numbers)}", cells)


class FailuresPiece(Static):
    """The last failures: what failed, with which input, and the last line of its traceback."""

    name = "failures"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, count: int) -> None:
        super().__init__(palette, glyphs, most=2 * count + 1)
        self._count = count
        self._history = History(palette, glyphs)

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return two lines for each of the last failures, one where room is scarce, and how many more there are."""
        failures = scene.state.failures
        if not failures or room <= 0:
            return []
        count = min(self._count, len(failures))
        number = scene.state.counts.failed
        more = number > min(count, room)
        room -= more and room > 1
        each = 2 if 2 * count <= room else 1
        last = list(islice(reversed(failures.values()), min(count, room // each)))[::-1]
        lines = [line for failure in last for line in self._failure(failure, scene.columns - 1, each)]
        if more and number > len(last):
            text = f"  + {formatting.count(number - len(last))} more failures before"
            head = [self._palette.paint("mainstage.dim", clip(text, scene.columns - 1, self._glyphs.ellipsis))]
            return (head if room > 0 else []) + lines
        return lines

    def _failure(self, failure: Failure, cells: int, each: int) -> Iterator[str]:
        glyphs = self._glyphs
        name = clip(
            glyphs.name(one_line(failure.description)) or f"task {failure.task}", max(1, cells // 2), glyphs.ellipsis
        )
        given = input_of(failure)
        error = self._history.error(failure.error)
        about = f" (input {glyphs.name(given)})" if given else ""
        text = clip(f"{name}: {error}{about}", max(0, cells - 2), glyphs.ellipsis)
        yield f"{self._palette.paint('mainstage.failed', glyphs.mark(failure.error))} {text}"
        if each > 1:
            place = error_location(failure.error)
            last = one_line(failure.error.traceback.rstrip().rpartition("\n")[2]) or failure.error.type
            room = max(0, cells - 2)
            text = f"at {short_place(place, room - 3)}" if place else last
            text = clip(glyphs.name(text), room, glyphs.ellipsis)
            yield f"  {self._palette.paint('mainstage.dim', self._palette.link(text, file_of(failure.error)))}"


class LogsPiece(Static):
    """The last lines that were written."""

    name = "logs"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, count: int) -> None:
        super().__init__(palette, glyphs, most=count)
        self._history = History(palette, glyphs)
        self._lines: deque[str] | None = None

    def history_lines(self, event: Event, state: RunState) -> list[str] | None:
        """Keep what is written, under the name that its task has now; return None: the usual lines."""
        if isinstance(event, TextWritten):
            self._kept(state, but=1).extend(self._history.lines(event, state)[-self.most :])
        return None

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return the last lines, each cut to the width."""
        lines = list(self._kept(scene.state))[-room:] if room > 0 else []
        return [crop(line, scene.columns - 1) for line in lines]

    def _kept(self, state: RunState, but: int = 0) -> deque[str]:
        """Return the last lines; when first asked, those of the state, without the last `but` texts."""
        if self._lines is None:
            self._lines = deque(maxlen=self.most)
            for text in islice(state.texts, max(0, len(state.texts) - but)):
                self._lines.extend(self._history.lines(text, state))
        return self._lines


class CustomPiece(Static):
    """A Rich renderable, or what a function of (state, now), or of the state alone, returns.

    Where its code cannot run, or takes too long, while the moment is borrowed, the last lines serve. What it raises
    goes through.
    """

    def __init__(
        self,
        palette: Palette,
        glyphs: Glyphs,
        *,
        name: str,
        render: Callable[[WidgetContext], RenderableType],
        most: int = CUSTOM_ROWS,
    ) -> None:
        super().__init__(palette, glyphs, most=most)
        self.name = name
        self._render = render
        self._last: list[str] = []
        self._code = UserCode()

    def lines(self, scene: WidgetContext, room: int) -> list[str]:
        """Return its lines; a Rich layout fills the room it gets."""
        cells = max(1, scene.columns - 1)
        if room > 0:
            made = lambda: self._made(scene, cells, room)  # noqa: E731  # called here, or not at all
            self._last = self._code.call(made, self._last, borrowed=scene.in_signal_handler)
        return [crop(line, cells) for line in self._last[: max(0, room)]]

    def _made(self, scene: WidgetContext, cells: int, room: int) -> list[str]:
        renderable = self._render(scene)
        height = room if isinstance(renderable, RichLayout) else None
        return lines_of(renderable, cells, self._palette, self._glyphs, height=height)
