"""Coroutines, a thread and an async generator under one display: `python examples/crawl.py`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import mainstage
from mainstage import aio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def links(site: str) -> AsyncIterator[str]:
    """Find the pages of a site, one after the other."""
    for n in range(12):
        await asyncio.sleep(0.02)
        yield f"{site}/page-{n}.html"


async def fetch(page: str) -> int:
    """Load a page; the size is made up."""
    await asyncio.sleep(0.1)
    if page.endswith("north/page-7.html"):
        raise ConnectionError("reset by peer")
    return 100 + len(page)


def index(site: str) -> str:
    """Do what blocks, in a thread."""
    for _ in mainstage.track(range(10)):
        time.sleep(0.02)
    return site


async def crawl(site: str) -> int:
    """Load all pages of a site, and index them."""
    size, lost = 0, 0
    pages = mainstage.track(links(site), "links", total=12)
    sizes: AsyncIterator[object] = aio.map(fetch, pages, limit=4, on_error="collect")
    async for found in sizes:
        if isinstance(found, int):
            size += found
        else:
            lost += 1
    await aio.to_thread(index, site)
    if lost:
        mainstage.current_task().log(f"{site}: {lost} page lost")
    return size


async def main() -> None:
    """Crawl three sites at once."""
    async with mainstage.Run("Crawl", on_error="collect"), aio.TaskGroup() as group:
        tasks = {site: group.create_task(crawl(site), name=site) for site in ("north", "south", "west")}
    print(*(f"{site}={task.result()}" for site, task in tasks.items()))


if __name__ == "__main__":
    asyncio.run(main())
