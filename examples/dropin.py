"""A program for `concurrent.futures` whose import was changed. Nothing else in it knows of a display."""

from __future__ import annotations

import time

from mainstage.futures import ThreadPoolExecutor, as_completed


def count_words(text: str) -> int:
    """Return how many words there are, slowly."""
    time.sleep(0.05)
    return len(text.split())


def main() -> None:
    """Count the words of many texts."""
    texts = ["to be or not to be " * n for n in range(1, 61)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        futures = [pool.submit(count_words, text) for text in texts]
        total = sum(future.result() for future in as_completed(futures))
    print(f"{total} words")


if __name__ == "__main__":
    main()
