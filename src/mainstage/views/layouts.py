"""The layouts by name, and what else may be given as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from mainstage.errors import DisplayError
from mainstage.views.bars import BarsView
from mainstage.views.composed import ComposedView
from mainstage.views.lanes import LaneRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.progress import ProgressColumn

    from mainstage.views import View
    from mainstage.views.palette import Glyphs, Palette

    Factory: TypeAlias = Callable[[Palette, Glyphs], View]


class Layout(Protocol):
    """A look of the live view that is no name: it makes a view for one run."""

    def view(self, palette: Palette, glyphs: Glyphs) -> View:
        """Return a new view in these colours and characters."""
        ...


LAYOUTS: Mapping[str, Factory] = {
    "bars": BarsView,
    "lanes": lambda palette, glyphs: ComposedView([LaneRows(palette, glyphs)], palette, glyphs),
}
"""Each makes a view for one run, the default first."""


def factory(
    layout: str | Layout, said: str = "layout=", *, columns: Sequence[str | ProgressColumn] | None = None
) -> Factory:
    """Return what makes the view of `layout`; `columns` are for bars.

    `DisplayError` if there is no such layout, `said` being where it was named.
    """
    if not isinstance(layout, str):
        return layout.view
    if columns is not None and layout in ("", "bars"):
        return lambda palette, glyphs: BarsView(palette, glyphs, columns=columns)
    try:
        return LAYOUTS[layout or "bars"]
    except KeyError:
        raise DisplayError(f"{said}{layout!r} is no layout; take one of {', '.join(LAYOUTS)}") from None
