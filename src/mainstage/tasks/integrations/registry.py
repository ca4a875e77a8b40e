"""The integrations that every capture has: one line for each library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.tasks.integrations.fullscreen import FullScreenBridge
from mainstage.tasks.integrations.logging_ import LoggingBridge
from mainstage.tasks.integrations.prompts import PromptBridge
from mainstage.tasks.integrations.rich import RichBridge
from mainstage.tasks.integrations.tqdm import TqdmBridge
from mainstage.tasks.integrations.warnings_ import WarningsBridge

if TYPE_CHECKING:
    from mainstage.tasks.capture.streams import Capture
    from mainstage.tasks.integrations.base import Bridge


def bridges_for(capture: Capture) -> list[Bridge]:
    """Return a bridge for each known library."""
    return [
        LoggingBridge(capture),
        WarningsBridge(capture),
        TqdmBridge(capture),
        RichBridge(capture),
        PromptBridge(capture),
        FullScreenBridge(capture),
    ]
