# %%
import time

import mainstage

# %%
squares = []
for n in mainstage.track(range(40), "Reading"):
    time.sleep(0.03)
    squares.append(n * n)

# %%
print(sum(squares))
