"""`tqdm.notebook`: the same class everywhere; a notebook shows what it writes."""

from __future__ import annotations

from mainstage.tqdm.std import tqdm, trange

__all__ = ["tnrange", "tqdm", "tqdm_notebook", "trange"]

tqdm_notebook = tqdm
tnrange = trange
