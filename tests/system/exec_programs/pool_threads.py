"""A thread pool, its futures as they complete, one of them failing. Usage: pool_threads.py [SECONDS]."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05


def load(page: str, size: int) -> int:
    time.sleep(4 * pause)
    if page == "gone":
        raise LookupError(f"no page {page!r}")
    return size


pages = {"home": 3, "news": 5, "gone": 0, "about": 8, "help": 13, "shop": 21, "blog": 34, "jobs": 55}
with ThreadPoolExecutor(max_workers=2) as pool:
    futures = {pool.submit(load, page, size): page for page, size in pages.items()}
    sizes = {}
    for future in as_completed(futures):
        try:
            sizes[futures[future]] = future.result()
        except LookupError as error:
            sizes[futures[future]] = str(error)
for page in pages:
    print(page, sizes[page])
