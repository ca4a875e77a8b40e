"""Fetch pages on eight threads under tqdm's bar."""

import time

import mainstage
from tqdm.contrib.concurrent import thread_map


def fetch(page):
    time.sleep(0.3)
    return page * 2


with mainstage.Run("Pages"):
    sizes = thread_map(fetch, range(60), max_workers=8, desc="Fetching")
print(f"{len(sizes)} pages, {sum(sizes)} bytes")
