"""`tqdm.auto`: the class that serves plain and async loops. A notebook needs no other."""

from __future__ import annotations

from mainstage.tqdm.asyncio import tarange as trange
from mainstage.tqdm.asyncio import tqdm_asyncio as tqdm

__all__ = ["tqdm", "trange"]
