"""asyncio: gather, then a group, threads in between; one coroutine fails. Usage: coroutines.py [SECONDS]."""

import asyncio
import sys

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05


async def visit(place: str, order: int) -> str:
    await asyncio.sleep(4 * pause * order)
    if place == "Atlantis":
        raise ConnectionError("it has sunk")
    return f"{place} was visited"


async def main() -> None:
    places = ["Rome", "Atlantis", "Kyoto", "Lima"]
    answers = await asyncio.gather(*map(visit, places, range(4)), return_exceptions=True)
    for answer in answers:
        print(answer)
    print(await asyncio.to_thread(sum, [1, 2, 3]))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(visit(place, 1), name=f"again {place}") for place in ("Oslo", "Cairo")]
    print([task.result() for task in tasks])


asyncio.run(main())
