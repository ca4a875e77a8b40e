# %%
import time

import mainstage

SIZES = {"island.tif": 60, "harbour.tif": 40, "ridge.tif": 50}


# %%
def download(name, size):
    with mainstage.task(name, total=size) as task:
        for _ in range(size):
            time.sleep(0.02)
            task.advance()
    return size


# %%
with mainstage.Run("downloads", max_workers=3) as run:
    total = sum(run.map(download, SIZES.keys(), SIZES.values()))

# %%
print(total)
