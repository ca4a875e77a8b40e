"""A library that keeps threads, tasks and pools of its own busy, some of which fail, and a program that uses it."""

import asyncio
import concurrent.futures
import sys
import tempfile
from pathlib import Path

LIBRARY = '''
import asyncio, concurrent.futures

pool = concurrent.futures.ThreadPoolExecutor(2)

def probe(n):
    if n % 2:
        raise OSError("nothing there")

async def poll(n):
    await asyncio.sleep(60 if n else 0)
    raise TimeoutError("a try")

class Client:
    """As clients are: probes in threads, pollers on the loop, and what it was given to call."""

    async def __aenter__(self):
        self.probes = [pool.submit(probe, n) for n in range(20)]
        self.pollers = [asyncio.create_task(poll(n)) for n in range(20)]
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        for poller in self.pollers:
            poller.cancel()
        await asyncio.gather(*self.pollers, return_exceptions=True)

    def call(self, fn, *args):
        return asyncio.wrap_future(pool.submit(fn, *args))

    async def fetch(self, n):
        await asyncio.sleep(0.7)
        return n
'''


def work(n):
    return n * n


async def main(client):
    async with client:
        print("called back:", await asyncio.gather(*(client.call(work, n) for n in range(3))))
        print("asked for:", await asyncio.gather(*(client.fetch(n) for n in range(4))))


with tempfile.TemporaryDirectory() as folder:
    place = Path(folder, "site-packages")
    place.mkdir()
    (place / "busy_client.py").write_text(LIBRARY)
    sys.path.append(str(place))
    import busy_client

    asyncio.run(main(busy_client.Client()))
    try:
        busy_client.pool.submit(busy_client.probe, 1).result()
    except OSError as error:
        print("handled:", error)
    concurrent.futures.wait([busy_client.pool.submit(busy_client.probe, 2)])
    busy_client.pool.shutdown()
