"""Fetch pages on a pool of threads; some fail, and the program handles that."""

import time
from concurrent.futures import ThreadPoolExecutor, as_completed


def fetch(page):
    time.sleep(0.3 + page % 3 / 10)
    if page % 12 == 7:
        raise OSError(f"page {page} is gone")
    return page * 10


good, bad = 0, 0
with ThreadPoolExecutor(max_workers=4) as pool:
    futures = [pool.submit(fetch, page) for page in range(24)]
    for future in as_completed(futures):
        try:
            good += future.result()
        except OSError:
            bad += 1
print(f"{good} bytes, {bad} pages gone")
