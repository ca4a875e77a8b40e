"""The same program, one word changed."""

# ruff: noqa: INP001, TID251  # what a picture shows

import time

from mainstage.tqdm import tqdm

for chapter in tqdm(["Geology", "Rivers", "Coasts"], desc="Atlas"):
    for _page in tqdm(range(60), desc=chapter, unit="page", leave=False):
        time.sleep(0.025)
    tqdm.write(f"{chapter}: 60 pages scanned")
