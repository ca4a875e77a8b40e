"""`tqdm.autonotebook`: the same class everywhere."""

from __future__ import annotations

from mainstage.tqdm.std import tqdm, trange

__all__ = ["tqdm", "trange"]
