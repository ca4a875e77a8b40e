"""Process records in a loop under Rich's bar."""

import time

from rich.progress import track


def process(record):
    time.sleep(0.04)
    return record % 7


total = 0
for record in track(range(60), "Processing"):
    total += process(record)
print(f"total {total}")
