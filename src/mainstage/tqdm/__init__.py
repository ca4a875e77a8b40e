"""tqdm's import path, one word changed: `from mainstage.tqdm import tqdm`. tqdm itself is never imported.

docs/from-tqdm.md says what becomes of each argument, and which of tqdm's own tests pass.
"""

from __future__ import annotations

from mainstage.channels.from_children import show_children
from mainstage.run.early import allow_calls
from mainstage.tasks.bar import hold_run
from mainstage.tqdm.frames import tqdm_pandas
from mainstage.tqdm.std import (
    TqdmDeprecationWarning,
    TqdmExperimentalWarning,
    TqdmKeyError,
    TqdmMonitorWarning,
    TqdmSynchronisationWarning,
    TqdmTypeError,
    TqdmWarning,
    tqdm,
    trange,
)

__all__ = [
    "TqdmDeprecationWarning",
    "TqdmExperimentalWarning",
    "TqdmKeyError",
    "TqdmMonitorWarning",
    "TqdmSynchronisationWarning",
    "TqdmTypeError",
    "TqdmWarning",
    "__version__",
    "tnrange",
    "tqdm",
    "tqdm_notebook",
    "tqdm_pandas",
    "trange",
]

__version__ = "4.70.0"
"""The version of tqdm whose documentation this follows."""

tqdm_notebook = tqdm
tnrange = trange

allow_calls()
show_children(hold_run)
