"""`tqdm.contrib.logging`: log records above the bars."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.std import tqdm

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

__all__ = ["logging_redirect_tqdm", "tqdm_logging_redirect"]


class TqdmLoggingHandler(logging.StreamHandler[Any]):
    """Writes records by `tqdm_class.write`."""

    def __init__(self, tqdm_class: type[tqdm[Any]] = tqdm) -> None:
        super().__init__()
        self.tqdm_class = tqdm_class

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; errors are the handler's own, but for an interrupt."""
        try:
            self.tqdm_class.write(self.format(record), file=self.stream)
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception:  # noqa: BLE001  # as every handler of `logging` does
            self.handleError(record)


_TqdmLoggingHandler = TqdmLoggingHandler


def _is_console_logging_handler(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)


def _get_first_found_console_logging_handler(handlers: Iterable[logging.Handler]) -> logging.Handler | None:
    return next((one for one in handlers if _is_console_logging_handler(one)), None)


@contextmanager
def logging_redirect_tqdm(
    loggers: Sequence[logging.Logger] | None = None, tqdm_class: type[tqdm[Any]] = tqdm
) -> Generator[None, None, None]:
    """Within the block, what the loggers (the root) would write to the console is written above the bars."""
    chosen = [logging.root] if loggers is None else list(loggers)
    before = [logger.handlers for logger in chosen]
    try:
        for logger in chosen:
            logger.handlers = [*_kept(logger), _handler_like(logger, tqdm_class)]
        yield
    finally:
        for logger, handlers in zip(chosen, before, strict=True):
            logger.handlers = handlers


def _kept(logger: logging.Logger) -> list[logging.Handler]:
    return [one for one in logger.handlers if not _is_console_logging_handler(one)]


def _handler_like(logger: logging.Logger, tqdm_class: type[tqdm[Any]]) -> TqdmLoggingHandler:
    """Return a handler that formats and filters as the logger's own for the console."""
    handler = TqdmLoggingHandler(tqdm_class)
    model = _get_first_found_console_logging_handler(logger.handlers)
    if isinstance(model, logging.StreamHandler):
        handler.setFormatter(model.formatter)
        handler.setLevel(model.level)
        handler.stream = model.stream
        for one in model.filters:
            handler.addFilter(one)
    return handler


@contextmanager
def tqdm_logging_redirect(*args: Any, **kwargs: Any) -> Generator[tqdm[Any], None, None]:
    """Give a bar, `tqdm_class(*args, **kwargs)`, within `logging_redirect_tqdm(loggers)`."""
    loggers = kwargs.pop("loggers", None)
    tqdm_class = kwargs.pop("tqdm_class", tqdm)
    with tqdm_class(*args, **kwargs) as bar, logging_redirect_tqdm(loggers=loggers, tqdm_class=tqdm_class):
        yield bar
