"""The descriptors of the standard streams: where the shell has closed them, and where a stream is shown elsewhere."""

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


def is_cell_stream(stream: object) -> bool:
    """Return whether a notebook's kernel shows below its cells what is written to `stream`, whatever its descriptor.

    That leads to the terminal of the server.
    """
    return type(getattr(stream, "original", stream)).__module__ == "ipykernel.iostream"
