"""Where code stands, in words."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

UNKNOWN = "a place that cannot be told"
_ROUNDS = {"run", "run_forever", "run_until_complete", "_run", "_run_once"}
_STANDARD = (os.path.dirname(os.__file__) + os.sep, "<frozen")  # noqa: PTH120  # as code objects have it
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def user_location(frame: FrameType | None) -> str:
    """Return where the user's code stands, as "app.py:14 in fetch": of libraries only where nothing else is there."""
    library = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("asyncio.") and frame.f_code.co_name in _ROUNDS:
            break  # below it is what started the loop
        if not module.startswith("mainstage."):
            if not _is_library(frame.f_code.co_filename):
                return _told(frame)
            library = library or frame
        frame = frame.f_back
    return _told(library) if library is not None else UNKNOWN


def _is_library(path: str) -> bool:
    return path.startswith(_STANDARD) or any(folder in path for folder in _INSTALLED)


def _told(frame: FrameType) -> str:
    path = frame.f_code.co_filename
    with contextlib.suppress(OSError, ValueError):
        near = os.path.relpath(path)
        path = near if not near.startswith(os.pardir) else path
    return f"{path}:{frame.f_lineno} in {frame.f_code.co_name}"
