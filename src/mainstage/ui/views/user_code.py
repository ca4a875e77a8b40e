"""Code of users that a picture needs: a function of a panel, columns of Rich's.

While the main thread is in other code, a picture is drawn in a signal handler, in the middle of anything. A lock that
the user's function takes may then be held by the very code that the handler has interrupted, and never be given back.
So the call is interrupted where it takes too long (`limit`, which the heartbeat provides), and not made there again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import ClassVar

T = TypeVar("T")

MOST = 0.5
"""Seconds that such a call may take in a signal handler."""


class OverTime(BaseException):
    """Raised in the middle of a call that takes too long, by what limits it."""


class UserCode:
    """The calls of one piece."""

    limit: ClassVar[Callable[[float], AbstractContextManager[object]] | None] = None
    """Returns a block that raises `OverTime` within itself after so many seconds; None: nothing can interrupt it."""

    def __init__(self) -> None:
        self._too_slow = False

    def call(self, make: Callable[[], T], last: T, *, borrowed: bool) -> T:
        """Return `make()`, or `last` where the moment is `borrowed` and the call is not possible, or takes too long."""
        limit = UserCode.limit
        if not borrowed:
            return make()
        if self._too_slow or limit is None:
            return last
        try:
            with limit(MOST):
                return make()
        except OverTime:
            self._too_slow = True
            return last
