"""Load regions in a task group; one of them fails, and the program with it."""

import asyncio


async def load(region):
    await asyncio.sleep(1.0 + len(region) / 10)
    if region == "west":
        raise LookupError(f"no map of the {region}")
    return region


async def main():
    async with asyncio.TaskGroup() as group:
        for region in ("north", "south", "west", "highlands"):
            group.create_task(load(region), name=region)


asyncio.run(main())
