# %%
import time

import mainstage


def fetch(n):
    time.sleep(0.1)
    if n % 10 == 0:
        print(f"page {n} has moved")
    return n * 3


# %%
sizes = list(mainstage.map(fetch, range(30), max_workers=4, description="Fetching"))

# %%
print(sum(sizes))
