"""What makes other libraries' output ours while a run is live. None of those libraries is ever imported from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mainstage.worker.capture import Capture


class Bridge(Protocol):
    """One library's way of writing, redirected for a while."""

    def start(self) -> None:
        """Redirect it."""
        ...

    def stop(self) -> None:
        """Give it back as it was."""
        ...

    def leave_in_child(self) -> None:
        """Give it back in a forked child: take no lock, send nothing."""
        ...


def bridges_for(capture: Capture) -> list[Bridge]:
    """Return a bridge for each library that is known."""
    from mainstage.worker.bridges.logs import LoggingBridge  # noqa: PLC0415  # each builds on this module
    from mainstage.worker.bridges.prompts import PromptBridge  # noqa: PLC0415
    from mainstage.worker.bridges.rich_bars import RichBridge  # noqa: PLC0415
    from mainstage.worker.bridges.tqdm_bars import TqdmBridge  # noqa: PLC0415
    from mainstage.worker.bridges.warns import WarningsBridge  # noqa: PLC0415

    return [
        LoggingBridge(capture),
        WarningsBridge(capture),
        TqdmBridge(capture),
        RichBridge(capture),
        PromptBridge(capture),
    ]
