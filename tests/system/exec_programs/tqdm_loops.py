"""A loop under tqdm, one in it, and lines between them. Usage: tqdm_loops.py [SECONDS]."""

import sys
import time

from tqdm import tqdm, trange

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05

total = 0
for epoch in trange(3, desc="epochs"):
    with tqdm(total=8, desc=f"batches {epoch}", unit="batch", leave=False) as bar:
        for batch in range(8):
            time.sleep(pause)
            total += batch
            bar.set_postfix(loss=1 / (total + 1))
            bar.update()
    tqdm.write(f"epoch {epoch} is over")
print("total", total)
