# %%
import time

from tqdm.notebook import tqdm

# %%
squares = []
for n in tqdm(range(40), desc="Reading"):
    time.sleep(0.03)
    squares.append(n * n)

# %%
print(sum(squares))
