"""Fetch pages as coroutines."""

import asyncio


async def fetch(page):
    await asyncio.sleep(0.5 + page / 10)
    return page * 2


async def main():
    return sum(await asyncio.gather(*(fetch(page) for page in range(20))))


print(f"{asyncio.run(main())} bytes")
