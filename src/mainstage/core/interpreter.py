"""Whether this code runs in an interpreter beside the main one, in the same process (PEP 734)."""

from __future__ import annotations

import _thread


def is_beside_the_main_one() -> bool:
    """Return whether it does: its threads have to end before it does, and `os._exit` would end everybody."""
    allowed = getattr(_thread, "daemon_threads_allowed", None)  # Python 3.12
    return allowed is not None and not allowed()
