"""What makes other libraries' output ours while a run is live. None of those libraries is ever imported from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mainstage.tasks.capture.streams import Capture


class Bridge(Protocol):
    """One library's way of writing, redirected for a while."""

    def start(self) -> None:
        """Redirect it."""
        ...

    def stop(self) -> None:
        """Give it back as it was."""
        ...

    def reset_after_fork(self) -> None:
        """Give it back in a forked child: take no lock, send nothing."""
        ...


def bridges_for(capture: Capture) -> list[Bridge]:
    """Return a bridge for each library that is known."""
    from mainstage.tasks.integrations.fullscreen import FullScreenBridge  # noqa: PLC0415  # each builds on this module
    from mainstage.tasks.integrations.logging_ import LoggingBridge  # noqa: PLC0415
    from mainstage.tasks.integrations.prompts import PromptBridge  # noqa: PLC0415
    from mainstage.tasks.integrations.rich import RichBridge  # noqa: PLC0415
    from mainstage.tasks.integrations.tqdm import TqdmBridge  # noqa: PLC0415
    from mainstage.tasks.integrations.warnings_ import WarningsBridge  # noqa: PLC0415

    return [
        LoggingBridge(capture),
        WarningsBridge(capture),
        TqdmBridge(capture),
        RichBridge(capture),
        PromptBridge(capture),
        FullScreenBridge(capture),
    ]
