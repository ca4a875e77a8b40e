"""What type checkers know of the worker's side. Checked by mypy and pyright, never run.

An ignored line is one that must be an error: both checkers complain of an ignore that is not needed.
"""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, assert_type

import mainstage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@mainstage.stepwise
def download(url: str, *, retries: int = 0) -> Generator[int | tuple[str, int], None, Path]:
    yield ("total", retries)
    yield len(url)
    return Path(url)


@mainstage.stepwise
def count(n: int) -> Iterator[int]:
    yield n


class Client:
    @mainstage.stepwise
    def fetch(self, url: str) -> Generator[int, None, bytes]:
        yield 1
        return url.encode()


def steps() -> None:
    assert_type(download("a", retries=2), Path)
    assert_type(count(3), Any)
    assert_type(Client().fetch("a"), bytes)
    assert_type(partial(download, "a")(), Path)
    download(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    download("a", tries=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def loops() -> None:
    for number in mainstage.track([1, 2], "Reading", total=2, unit="rows", fields={"host": "a"}):
        assert_type(number, int)
    assert_type(len(mainstage.track("abc")), int)
    mainstage.track(5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def tasks() -> None:
    with mainstage.task("a", total=3, unit="B", fields={"host": "b"}) as task:
        assert_type(task, mainstage.Task)
        task.advance()
        task.advance(0.5)
        task.set(completed=1, total=2, description="b", status="c", fields={"host": "d"})
        task.sleep(1)
        assert_type(task.completed, float)
        assert_type(task.total, float | None)
        assert_type(task.cancelled, bool)
        assert_type(task.wrap_file(io.BytesIO()), IO[bytes])
        assert_type(task.wrap_file(io.StringIO()).read(), str)
        task.advance("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        task.completed = 3  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    assert_type(mainstage.current_task(), mainstage.Task)
