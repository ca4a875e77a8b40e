"""A program of tqdm's, with one word changed: threads, a bar around them, lines above."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from mainstage.tqdm import tqdm


def scan(atlas: str) -> int:
    """Scan the pages of one atlas, with a bar that goes when it is done."""
    pages = 30 + 7 * len(atlas)
    for _ in tqdm(range(pages), desc=atlas, unit="page", leave=False):
        time.sleep(0.01)  # the work
    tqdm.write(f"{atlas}: {pages} pages", file=sys.stderr)
    return pages


ATLASES = ["Alps", "Andes", "Urals", "Pyrenees", "Carpathians", "Atlas"]
with ThreadPoolExecutor(3) as pool:
    total = sum(tqdm(pool.map(scan, ATLASES), total=len(ATLASES), desc="Atlases"))
print(f"{total} pages")
