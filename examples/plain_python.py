"""A program that knows nothing of mainstage. `mainstage exec examples/plain_python.py` runs it under the display."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

PAGES = ["index", "about", "news", "shop", "help", "jobs", "blog", "legal"]


def render(page: str, seed: int) -> int:
    """Pretend to render a page; one has a broken template."""
    rng = random.Random(seed)
    time.sleep(0.1 + 0.3 * rng.random())
    if page == "legal":
        raise LookupError("no template for 'legal'")
    return 1000 + rng.randrange(9000)


async def upload(page: str, size: int) -> str:
    """Pretend to upload it; return its address."""
    await asyncio.sleep(size / 20_000)
    return f"https://example.org/{page}"


async def upload_all(sizes: dict[str, int]) -> None:
    """Upload all pages at the same time."""
    async with asyncio.TaskGroup() as group:
        for page, size in sizes.items():
            group.create_task(upload(page, size))


sizes = {}
with ThreadPoolExecutor(max_workers=3) as pool:
    futures = {pool.submit(render, page, seed): page for seed, page in enumerate(PAGES)}
    for future in as_completed(futures):
        if future.exception() is None:
            sizes[futures[future]] = future.result()
subprocess.run(["echo", "a child writes to the terminal by itself"], stdout=sys.stderr, check=True)
asyncio.run(upload_all(sizes))
print(f"{len(sizes)} of {len(PAGES)} pages, {sum(sizes.values())} bytes")
