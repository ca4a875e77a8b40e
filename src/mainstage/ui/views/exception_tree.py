"""What is in an exception group, as a short tree below the line of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.ui.views.text import clip, one_line

if TYPE_CHECKING:
    from mainstage.events import ErrorReport
    from mainstage.ui.views.palette import Glyphs

INDENT = "  "


def heading_of(error: ErrorReport) -> str:
    """Return what an exception says of itself: of a group without what is in it."""
    return error.text.partition(f"\n{INDENT}")[0] if is_group(error) else error.text


def is_group(error: ErrorReport) -> bool:
    """Return whether its text lists what is in it: see `describe_error`."""
    return error.type.endswith("Group") and f"\n{INDENT}" in error.text


def tree_of(error: ErrorReport, glyphs: Glyphs, cells: int) -> list[str]:
    """Return a line for each exception in a group, drawn as a tree, each of at most `cells`; none for any other."""
    if not is_group(error):
        return []
    texts = [line for line in error.text.split("\n")[1:] if line.startswith(INDENT)]
    depths = [(len(text) - len(text.lstrip())) // len(INDENT) for text in texts]
    lines = []
    for place, text in enumerate(texts):
        margin = "".join(_margin(depths, place, level, glyphs) for level in range(1, depths[place] + 1))
        lines.append(clip(margin + glyphs.name(one_line(text.strip())), cells, glyphs.ellipsis))
    return lines


def _margin(depths: list[int], place: int, level: int, glyphs: Glyphs) -> str:
    """Return what stands at `level` before the text at `place`: whether a sibling follows there decides."""
    follows = False
    for depth in depths[place + 1 :]:
        if depth <= level:
            follows = depth == level
            break
    if level == depths[place]:
        return glyphs.branch if follows else glyphs.last_branch
    return glyphs.stem if follows else " " * len(glyphs.stem)
