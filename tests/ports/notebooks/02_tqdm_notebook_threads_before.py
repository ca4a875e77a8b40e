# %%
import time

from tqdm.contrib.concurrent import thread_map
from tqdm.notebook import tqdm


def fetch(n):
    time.sleep(0.1)
    if n % 10 == 0:
        print(f"page {n} has moved")
    return n * 3


# %%
sizes = list(thread_map(fetch, range(30), max_workers=4, desc="Fetching", tqdm_class=tqdm))

# %%
print(sum(sizes))
