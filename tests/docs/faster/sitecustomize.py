"""Every sleep of a program is half as long: Python imports this at its start, from a folder on PYTHONPATH.

Programs on the pages take five to ten seconds, so that a reader sees their rows; their tests need not wait as long.
"""

# ruff: noqa: TID251  # a module that Python imports by itself; it is about sleeping

import os
import time
from typing import Any

PART = 0.5
_sleep = time.sleep


def sleep(seconds: Any) -> None:
    """Sleep for a part of `seconds`."""
    _sleep(seconds * PART)


time.sleep = sleep

if os.environ.get("FASTER_ASYNCIO"):
    import asyncio

    _async_sleep = asyncio.sleep

    def async_sleep(delay: float, result: Any = None) -> Any:
        """Return a coroutine that sleeps for a part of `delay`."""
        return _async_sleep(delay * PART, result)

    asyncio.sleep = async_sleep
