"""Read pages in a loop under tqdm's bar."""

import time

import mainstage


def read(page):
    time.sleep(0.04)
    return page * page


total = 0
for page in mainstage.track(range(60), "Reading"):
    total += read(page)
print(f"total {total}")
