"""What type checkers know of the owner's side. Checked by mypy and pyright, never run.

An ignored line is one that must be an error: both checkers complain of an ignore that is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import assert_type

import mainstage


def weigh(name: str, *, scale: float = 1.0) -> float:
    return len(name) * scale


def submit() -> None:
    with mainstage.Run("weighing", max_workers=2) as run:
        assert_type(run, mainstage.Run)
        assert_type(run.submit(weigh, "a", scale=2.0), Future[float])
        assert_type(run.options(retries=2).submit(weigh, "a"), Future[float])
        assert_type(list(run.as_completed([run.submit(weigh, "a")])), list[Future[float]])
        run.submit(weigh, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        run.submit(weigh, "a", size=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        run.submit(weigh)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def mapped() -> None:
    assert_type(mainstage.map(weigh, ["a", "b"], max_workers=2), Iterator[float])
    with mainstage.Run() as run:
        assert_type(run.map(weigh, ["a", "b"]), Iterator[float])
    mainstage.Run(on_error="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mainstage.no_such_name  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018


def errors() -> None:
    try:
        submit()
    except mainstage.Terminated as stop:
        assert_type(stop.signum, int)
