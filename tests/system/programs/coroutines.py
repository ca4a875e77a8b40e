"""A program on an event loop to interrupt, or to block: coroutines.py WHERE [uvloop].

It writes READY straight to its terminal once its coroutines are at work and a picture may stand.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

import mainstage
from mainstage import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LONG = 60.0


def say(text: str) -> None:
    os.write(2, text.encode() + b"\r\n")


async def ready() -> None:
    """Say it once this is over: a signal that comes at once meets those that wait, and nobody who is about to end."""
    await asyncio.sleep(0.7)
    asyncio.get_running_loop().call_later(0.1, say, "READY")


async def tidy(n: int) -> None:
    """Wait for long, and clean up when that is cancelled."""
    try:
        await asyncio.sleep(LONG)
    finally:
        await asyncio.sleep(0.05)
        say(f"TIDIED {n}")


async def group(run: mainstage.Run) -> None:
    async with aio.TaskGroup() as tg:
        for n in range(3):
            tg.create_task(tidy(n))
        await ready()


async def gathered(run: mainstage.Run) -> None:
    await aio.gather(tidy(0), tidy(1), tidy(2), ready())


async def mapped(run: mainstage.Run) -> None:
    async def one(n: int) -> None:
        await (ready() if n == 3 else tidy(n))

    async for _ in aio.map(one, range(4)):
        pass


async def shielded(run: mainstage.Run) -> None:
    """Clean up behind a shield, for longer than anybody waits."""
    try:
        with mainstage.task("waiting"):
            await ready()
            await asyncio.sleep(LONG)
    finally:
        say("CLEANING")
        await asyncio.shield(asyncio.sleep(LONG))


async def thread(run: mainstage.Run) -> None:
    """Wait for a thread that reports as it goes."""

    def count() -> None:
        try:
            for _ in mainstage.track(range(6000)):
                time.sleep(0.01)
        finally:
            say("TIDIED 0")

    await aio.gather(aio.to_thread(count), ready())


async def submitted(run: mainstage.Run) -> None:
    """Leave the block while threads of the run work."""

    def count() -> None:
        try:
            for _ in mainstage.track(range(6000)):
                time.sleep(0.01)
        finally:
            say("TIDIED 0")

    run.submit(count)
    await ready()


async def swallowed(run: mainstage.Run) -> None:
    """Go on after the cancellation."""
    try:
        with mainstage.task("waiting"):
            await ready()
            await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        say("SWALLOWED")


async def fetch() -> None:
    """Block the loop."""
    time.sleep(3)  # noqa: ASYNC251  # the subject
    say("FREE")


async def blocked(run: mainstage.Run) -> None:
    async with aio.TaskGroup() as tg:
        tg.create_task(fetch())
        tg.create_task(asyncio.sleep(0.1))


async def failing(run: mainstage.Run) -> None:
    """Fail, in a group within a group."""

    async def part(n: int) -> None:
        await asyncio.sleep(0.2)
        raise LookupError(f"no part {n}")

    async def whole() -> None:
        async with aio.TaskGroup() as tg:
            for n in range(2):
                tg.create_task(part(n))
            await asyncio.sleep(LONG)

    async with aio.TaskGroup() as tg:
        tg.create_task(whole(), name="the whole")
        await ready()


async def bare() -> None:
    """Be shown without a block."""
    await aio.gather(tidy(0), tidy(1), tidy(2), ready())


PLACES: dict[str, Callable[[mainstage.Run], Awaitable[None]]] = {
    place.__name__: place
    for place in (group, gathered, mapped, shielded, thread, submitted, swallowed, blocked, failing)
}


async def main(place: str) -> None:
    if place == "bare":
        await bare()
        return
    async with mainstage.Run("coroutines", grace=LONG) as run:
        await PLACES[place](run)
    say("AFTER")


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.run(main(sys.argv[1]))
    elif "legacy" in sys.argv:
        asyncio.new_event_loop().run_until_complete(main(sys.argv[1]))
    else:
        asyncio.run(main(sys.argv[1]))
