"""The descriptors of the standard streams, where the shell has closed them."""

from __future__ import annotations

import os

STANDARD = 2
"""The descriptors up to it are the standard streams'."""


def reserve_standard() -> None:
    """Keep the numbers of standard streams that the shell has closed (`>&-`) from what is opened from now on.

    What C code and children write to 1 and 2 would go into our terminal, log, pipe or journal. Children still find it
    closed.
    """
    try:
        while (fd := os.open(os.devnull, os.O_RDWR)) <= STANDARD:
            pass
    except OSError:  # nothing can be opened: nothing takes that place either
        return
    os.close(fd)
