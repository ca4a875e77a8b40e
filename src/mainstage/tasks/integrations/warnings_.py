"""Warnings: shown as lines of their own stream, "warning", where the program has not said how they are shown."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from mainstage.errors import RenderingViolation
from mainstage.tasks.integrations.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.tasks.capture.streams import Capture
    from mainstage.tasks.integrations.patching import Patch


class WarningsBridge:
    """Takes the place of `warnings.showwarning` while that is the standard one."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._original: Any = None
        self._patch: Patch | None = None

    def start(self) -> None:
        """Replace it, if stderr is captured and warnings are not being recorded."""
        default = getattr(warnings, "_showwarning_orig", None)
        recorded = getattr(getattr(warnings, "_showwarnmsg_impl", None), "__name__", "") != "_showwarnmsg_impl"
        if "stderr" in self._capture.routers and warnings.showwarning is default and not recorded:
            self._original = default
            self._patch = wrap(warnings, "showwarning", self._showwarning)

    def stop(self) -> None:
        """Restore it, unless it has been replaced."""
        if self._patch is not None:
            self._patch.undo()
        self._original = self._patch = None

    reset_after_fork = stop

    def _showwarning(self, _original: Callable[..., None]) -> Callable[..., None]:
        def showwarning(*args: Any, **kwargs: Any) -> None:
            self._show(*args, **kwargs)

        return showwarning

    def _show(  # the signature of warnings.showwarning
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        capture = self._capture
        text = warnings.formatwarning(message, category, filename, lineno, line)
        with capture.lock:
            if file is None and capture.live and not capture.sets_bypass(capture.task()):
                if capture.strict:
                    raise RenderingViolation(f"a warning while a strict run is live: {text.rstrip()}")
                capture.send(capture.task(), "warning", text.removesuffix("\n"))
                return
        warnings_shown = self._original or getattr(warnings, "_showwarning_orig")  # noqa: B009  # no public name
        warnings_shown(message, category, filename, lineno, file, line)
