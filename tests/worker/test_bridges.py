from __future__ import annotations

import logging
import logging.handlers
import sys
import warnings
from typing import TYPE_CHECKING

from tests.worker.captured import captured, take_warnings

if TYPE_CHECKING:
    import pytest


def test_a_handler_made_before_writes_to_its_task_and_gets_its_stream_back() -> None:
    logger = logging.getLogger("tests.before")
    logger.propagate = False
    with captured() as outer:
        assert outer.capture is not None
        outer.capture.stop()
        handler = logging.StreamHandler()
        logger.addHandler(handler)
        outer.capture.start()
        try:
            outer.run(lambda: logger.error("seen"))
            outer.capture.stop()
            assert handler.stream is outer.stderr
        finally:
            logger.removeHandler(handler)
    assert outer.lines(7, "stderr") == ["seen"]
    assert outer.passed() == ""


def test_a_handler_that_only_another_handler_knows_is_found() -> None:
    logger = logging.getLogger("tests.memory")
    logger.propagate = False
    with captured() as stage:
        assert stage.capture is not None
        stage.capture.stop()
        inner = logging.handlers.MemoryHandler(1, target=logging.StreamHandler(sys.stdout))
        stage.capture.start()
        logger.addHandler(inner)
        try:
            stage.run(lambda: logger.error("seen"))
        finally:
            logger.removeHandler(inner)
            inner.close()
    assert stage.lines(7, "stdout") == ["seen"]


def test_a_handler_made_meanwhile_is_left_with_the_original() -> None:
    with captured() as stage:
        handler = logging.StreamHandler()
        assert handler.stream is sys.stderr
        assert stage.capture is not None
        stage.capture.stop()
        assert handler.stream is stage.stderr


def test_a_warning_is_a_line_of_its_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    take_warnings(monkeypatch)
    with captured() as stage:
        stage.run(lambda: warnings.warn_explicit("old", UserWarning, "here.py", 3, registry={}))
    assert stage.lines(7, "warning") == ["here.py:3: UserWarning: old"]
    assert warnings.showwarning is warnings._showwarning_orig  # type: ignore[attr-defined]


def test_warnings_that_somebody_records_stay_his() -> None:
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        with captured() as stage:
            stage.run(lambda: warnings.warn_explicit("old", UserWarning, "here.py", 3, registry={}))
    assert [str(warning.message) for warning in recorded] == ["old"]
    assert stage.texts() == []


def test_a_hook_of_the_program_stays_the_programs() -> None:
    seen: list[object] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args, **_: seen.append(args[0])
        with captured() as stage:
            stage.run(lambda: warnings.warn_explicit("old", UserWarning, "here.py", 3, registry={}))
    assert len(seen) == 1
    assert stage.texts() == []


def test_a_handler_on_a_closed_stream_fails_nothing() -> None:
    with captured() as stage:
        assert stage.capture is not None
        stage.capture.stop()
        handler = logging.StreamHandler()
        stage.stderr.close()
        stage.capture.start()
        assert handler.stream is sys.stderr
        stage.capture.stop()
        assert handler.stream is stage.stderr
