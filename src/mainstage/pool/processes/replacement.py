"""How often a worker process that dies, or a fork server that is killed, is replaced before the pool gives up.

A worker that has worked is replaced for ever: its task alone is lost. What is bounded are those that die before they
are ready, one after the other: the next would too.
"""

from __future__ import annotations

from mainstage.errors import PoolBroken
from mainstage.pool.options import NO_GUARD, UNGUARDED

UNBORN = 3
"""Workers in a row that may end before they are ready."""
KILLED_UNBORN = 50
"""Workers in a row that may be killed before they are ready: somebody else's doing, and it may pass."""
SERVERS = 20
"""Fork servers that are started again at most where they are killed before a worker is ready."""


class Replacement:
    """Counts workers of a pool that died before they were ready, and fork servers that were killed, in a row."""

    def __init__(self) -> None:
        self._unborn = 0
        self._servers = 0

    def came_up(self) -> None:
        """Count anew: a worker is ready."""
        self._unborn = self._servers = 0

    def may_start_server(self) -> bool:
        """Return whether a fork server that was killed may be started again."""
        return self._servers < SERVERS

    def server_was_killed(self) -> None:
        """Count a fork server that is started again."""
        self._servers += 1

    def reason_to_give_up(self, how: str, exitcode: int | None) -> PoolBroken | None:
        """Count a worker that died before it was ready; return what ends the pool, None: another is started.

        `how` says how it died.
        """
        self._unborn += 1
        if exitcode == NO_GUARD:
            return PoolBroken(UNGUARDED)
        most = UNBORN if exitcode is not None and exitcode >= 0 else KILLED_UNBORN
        if exitcode == 1 or self._unborn >= most:
            return PoolBroken(f"worker processes do not come up: {how} before it was ready; see its output")
        return None
