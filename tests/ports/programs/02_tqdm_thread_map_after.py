"""Fetch pages on eight threads under tqdm's bar."""

import time

import mainstage


def fetch(page):
    time.sleep(0.3)
    return page * 2


sizes = list(mainstage.map(fetch, range(60), max_workers=8, description="Fetching"))
print(f"{len(sizes)} pages, {sum(sizes)} bytes")
