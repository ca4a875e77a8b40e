"""Logging: handlers that hold a captured stream write to its router while a run is live.

Handlers made meanwhile find the router by themselves, so a logging that is imported later needs nothing at its import.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.tasks.capture.streams import Capture


class LoggingBridge:
    """Points stream handlers to routers and back."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def start(self) -> None:
        """Point handlers that hold an original to its router."""
        for handler in _stream_handlers():
            router = self._capture.router_of(handler.stream)
            if router is not None and handler.stream is not router:
                _set_stream(handler, router)

    def stop(self) -> None:
        """Point handlers that hold a router to its original."""
        for handler in _stream_handlers():
            router = self._capture.router_of(handler.stream)
            if router is not None and handler.stream is router:
                _set_stream(handler, router.original)

    def reset_after_fork(self) -> None:
        """Do so without the handlers' locks, which a thread of the parent may hold for ever."""
        for handler in _stream_handlers():
            router = self._capture.router_of(handler.stream)
            if router is not None:
                handler.stream = router.original


def _set_stream(handler: Any, stream: Any) -> None:
    try:
        handler.setStream(stream)  # flushes the old one, which may be closed
    except (OSError, ValueError):
        handler.stream = stream


def _stream_handlers() -> Iterator[Any]:
    """Yield every handler that has a stream of its own, once: loggers' own, and those that only other handlers know."""
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "StreamHandler"):
        return
    known = [reference() for reference in list(getattr(logging, "_handlerList", ()))]
    loggers = [logging.root, *list(logging.root.manager.loggerDict.values())]
    known += [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    for handler in {id(handler): handler for handler in known}.values():
        if isinstance(handler, logging.StreamHandler) and "stream" in vars(handler):
            yield handler
