"""The warnings and errors of the drop-in, by tqdm's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TqdmTypeError(TypeError):
    """An argument is of the wrong type."""


class TqdmKeyError(KeyError):
    """There is no argument of that name."""


class TqdmWarning(Warning):
    """A warning; one that is given `fp_write` is written by it, below the bars, as well as raised or warned of."""

    def __init__(self, msg: str, fp_write: Callable[[str], object] | None = None, *args: object) -> None:
        if fp_write is None:
            super().__init__(msg, *args)
        else:
            super().__init__()
            fp_write(f"\n{type(self).__name__}: {str(msg).rstrip()}\n")


class TqdmExperimentalWarning(TqdmWarning, FutureWarning):
    """Something may change."""


class TqdmDeprecationWarning(TqdmWarning, DeprecationWarning):
    """There is another way now."""


class TqdmMonitorWarning(TqdmWarning, RuntimeWarning):
    """Never given: no thread looks after bars here. Programs name it."""


class TqdmSynchronisationWarning(TqdmWarning, RuntimeWarning):
    """Never given, as above."""
