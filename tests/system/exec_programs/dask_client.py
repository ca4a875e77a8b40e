"""A cluster within the process, whose own coroutines and threads are none of the reader's business."""

import asyncio
import time

from distributed import Client, LocalCluster


def work(n):
    time.sleep(0.02)
    return n * n


async def wait(n):
    await asyncio.sleep(0.3)
    return n


async def main():
    return await asyncio.gather(*(wait(n) for n in range(3)))


if __name__ == "__main__":
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster, Client(cluster) as client:
        print("squares:", sum(client.gather(client.map(work, range(10)))))
    print("waited for:", asyncio.run(main()))
