# %%
import time
from concurrent.futures import ThreadPoolExecutor

from rich.progress import Progress

SIZES = {"island.tif": 60, "harbour.tif": 40, "ridge.tif": 50}


# %%
def download(progress, name, size):
    task = progress.add_task(name, total=size)
    for _ in range(size):
        time.sleep(0.02)
        progress.advance(task)
    return size


# %%
with Progress() as progress, ThreadPoolExecutor(3) as pool:
    total = sum(pool.map(lambda item: download(progress, *item), SIZES.items()))

# %%
print(total)
