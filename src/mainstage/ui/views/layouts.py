"""The layouts by name, and what else may be given as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from mainstage.core.names import nearest
from mainstage.errors import DisplayError
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.composed import ComposedView
from mainstage.ui.views.grid import GridRows
from mainstage.ui.views.lanes import LaneRows
from mainstage.ui.views.nodes import NodeRows
from mainstage.ui.views.steps import StepRows
from mainstage.ui.views.tree import TreeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.progress import ProgressColumn

    from mainstage.ui.views import View
    from mainstage.ui.views.dashboard_pieces import Widget
    from mainstage.ui.views.palette import Glyphs, Palette

    Factory: TypeAlias = Callable[[Palette, Glyphs], View]


class Layout(Protocol):
    """A look of the live view that is no name: it makes a view for one run."""

    def view(self, palette: Palette, glyphs: Glyphs) -> View:
        """Return a new view in these colours and characters."""
        ...


def _of(piece: Callable[[Palette, Glyphs], Widget]) -> Factory:
    return lambda palette, glyphs: ComposedView([piece(palette, glyphs)], palette, glyphs)


LAYOUTS: Mapping[str, Factory] = {
    "bars": BarsView,
    "lanes": _of(LaneRows),
    "tree": _of(TreeRows),
    "steps": _of(StepRows),
    "grid": _of(GridRows),
    "nodes": _of(NodeRows),
}
"""Each makes a view for one run, the default first."""


def factory(
    layout: str | Layout, said: str = "layout=", *, columns: Sequence[str | ProgressColumn] | None = None
) -> Factory:
    """Return what makes the view of `layout`; `columns` are for bars.

    `DisplayError` if there is no such layout, `said` being where it was named; `TypeError` for what is none at all.
    """
    if not isinstance(layout, str):
        if not hasattr(layout, "view"):
            raise TypeError(f"{said}{layout!r} is neither the name of a layout nor a Dashboard")
        return layout.view
    if columns is not None and layout in ("", "bars"):
        return lambda palette, glyphs: BarsView(palette, glyphs, columns=columns)
    try:
        return LAYOUTS[layout or "bars"]
    except KeyError:
        raise DisplayError(
            f"{said}{layout!r} is no layout; take one of {', '.join(LAYOUTS)}{nearest(layout, LAYOUTS)}"
        ) from None
