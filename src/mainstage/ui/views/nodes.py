"""A row for each machine of a cluster: how many of its workers are at work, what they did, what they are at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views import formatting
from mainstage.ui.views.dashboard_pieces import TaskRows
from mainstage.ui.views.row_choice import RowChoice
from mainstage.ui.views.text import fit, one_line, width

if TYPE_CHECKING:
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import TaskState
    from mainstage.ui.state.workers import WorkerState
    from mainstage.ui.views.dashboard_pieces import WidgetContext
    from mainstage.ui.views.palette import Glyphs, Palette

HERE = "here"
"""The node of workers whose names tell none: threads and processes of this program."""
TITLES = ("node", "busy", "used", "done", "failed")
WITH = (0, 0, 48, 32, 24)
"""Columns from which on each of these is told."""
LONGEST_NAME, SHORTEST_NAME = 24, 6
FEW = 256
"""Workers up to which they are counted for each picture; more are counted once a second."""


class Node:
    """A machine, by what its workers are and did."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.workers = 0
        self.at_work = 0
        self.used = 0.0
        self.done = 0
        self.failed = 0
        self.oldest: TaskState | None = None
        """Of its running tasks."""

    def add(self, worker: WorkerState, now: float) -> None:
        """Count a worker in."""
        self.workers += 1
        self.at_work += bool(worker.tasks)
        self.used += worker.busy(now)
        self.done += worker.done - worker.failed
        self.failed += worker.failed
        first = next(iter(worker.tasks.values()), None)
        if first is not None and (self.oldest is None or first.started_at < self.oldest.started_at):
            self.oldest = first

    def texts(self) -> tuple[str, ...]:
        """Return what stands below `TITLES`, without the name."""
        busy = f"{formatting.count(self.at_work)}/{formatting.count(self.workers)}"
        return (
            busy,
            formatting.percent(self.used / self.workers),
            formatting.count(self.done),
            formatting.count(self.failed),
        )


def node_of(worker: str) -> str:
    """Return the machine that a worker's name tells: what stands before the last slash."""
    return worker.rpartition("/")[0] or HERE


def nodes_of(state: RunState, now: float) -> list[Node]:
    """Return the nodes of a run, in the order in which they came."""
    nodes: dict[str, Node] = {}
    for worker in state.workers.values():
        name = node_of(worker.name)
        node = nodes.get(name)
        if node is None:
            node = nodes[name] = Node(name)
        node.add(worker, now)
    return list(nodes.values())


class NodeRows(TaskRows):
    """The nodes, in the order in which they came; where not all have room, those with failures and at work first."""

    name = "nodes"

    def __init__(self, palette: Palette, glyphs: Glyphs, *, most: int | None = None) -> None:
        super().__init__(palette, glyphs, most=most)
        self._nodes: list[Node] = []
        self._counted: tuple[int, float] | None = None
        """How many workers were counted, and when."""

    def choose(self, scene: WidgetContext, room: int) -> RowChoice:
        """Choose no tasks: none has a row of its own."""
        del scene, room
        return RowChoice([], 0)

    def until(self, scene: WidgetContext) -> float:
        """Return `now`: what is counted changes with anything."""
        return scene.now

    def compose(self, scene: WidgetContext, chosen: RowChoice, room: int) -> list[str]:  # noqa: ARG002  # as it is declared
        """Return the names of the columns and a line for each node."""
        self._count(scene)
        nodes = self._nodes
        titled = room > 2  # noqa: PLR2004  # a name of a column costs a row of a node
        room -= titled
        hidden = len(nodes) - room
        if hidden > 0:
            room -= room > 1
            last = set(map(id, sorted(nodes, key=lambda node: (not node.failed, not node.at_work))[:room]))
            nodes = [node for node in nodes if id(node) in last]
        return self._lines(scene, nodes, titled=titled) + self.more(scene, len(self._nodes) - len(nodes), "more nodes")

    def _count(self, scene: WidgetContext) -> None:
        workers, now = len(scene.state.workers), scene.now
        if self._counted is None or workers <= FEW or now >= self._counted[1] + 1.0 or now < self._counted[1]:
            self._nodes = nodes_of(scene.state, now)
            self._counted = (workers, now)

    def _lines(self, scene: WidgetContext, nodes: list[Node], *, titled: bool) -> list[str]:
        cells = scene.columns - 1
        longest = min(LONGEST_NAME, max(SHORTEST_NAME, cells // 4))
        names = [self._glyphs.name(one_line(node.name)) for node in nodes]
        size = min(longest, max([len(TITLES[0]), *map(width, names)]))
        shown = [place for place, least in enumerate(WITH[1:]) if scene.columns >= least]
        texts = [[node.texts()[place] for place in shown] for node in nodes]
        heads = [TITLES[1:][place] for place in shown]
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        lines = []
        if titled:
            head = " ".join([fit(TITLES[0], size, ""), *(text.rjust(w) for text, w in zip(heads, widths, strict=True))])
            lines.append(self.dim(head + ("  now" if cells > len(head) + len("  now") else ""), cells))
        for node, name, cut in zip(nodes, names, texts, strict=True):
            row = [text.rjust(w) for text, w in zip(cut, widths, strict=True)]
            lines.append(self._line(node, fit(name, size, self._glyphs.ellipsis), row, cells))
        return lines

    def _line(self, node: Node, name: str, row: list[str], cells: int) -> str:
        plain = " ".join([name, *row])
        if width(plain) > cells:
            return self.dim(plain, cells)
        if node.failed and len(row) == len(TITLES) - 1:
            row = [*row[:-1], self._palette.paint("mainstage.failed", row[-1])]
        line = " ".join([self._palette.paint("mainstage.prefix", name), *row])
        left = cells - width(plain) - 2
        if left < SHORTEST_NAME:
            return line
        if node.oldest is None:
            return f"{line}  {self.dim(f'{self._glyphs.idle} idle', left)}"
        return f"{line}  {self.dim(self._glyphs.name(one_line(node.oldest.description)), left)}"
