"""What workers of every kind of pool do in these tests: importable; what must be seen from outside goes by files."""

from __future__ import annotations

import threading
from pathlib import Path

import mainstage


def double(n: int) -> int:
    return 2 * n


def picky(n: int) -> int:
    if n == 3:
        raise ValueError(f"no {n}")
    return n


def size_of(data: bytes) -> int:
    return len(data)


def zeros(n: int) -> bytes:
    return bytes(n)


def fail(kind: str) -> None:
    match kind:
        case "exit":
            raise SystemExit(3)
        case "stop":
            raise mainstage.Cancelled("by itself")
        case _:
            raise BaseException(kind)  # noqa: TRY002  # the point


def second_time(file: str) -> str:
    """Fail the first time."""
    if not Path(file).exists():
        Path(file).touch()
        raise OSError("not yet")
    return "done"


def begin_and_wait(began: str, seconds: float) -> float:
    """Say that it has begun, and wait for a request to stop."""
    Path(began).touch()
    mainstage.current_task().sleep(seconds)
    return seconds


def track_some(n: int) -> int:
    return sum(mainstage.track(range(n)))


def name_of_thread(_: int) -> str:
    return threading.current_thread().name
