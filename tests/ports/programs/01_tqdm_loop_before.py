"""Read pages in a loop under tqdm's bar."""

import time

from tqdm import tqdm


def read(page):
    time.sleep(0.04)
    return page * page


total = 0
for page in tqdm(range(60), desc="Reading"):
    total += read(page)
print(f"total {total}")
