"""What to do about a failed attempt: how often again, after how long, and how long an attempt may take."""

from __future__ import annotations

import random
from typing import NamedTuple

from mainstage.errors import is_instance

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
STOP_GRACE = 1.0
"""Seconds that a worker over its timeout has to come back before it is given up."""


class Policy(NamedTuple):
    """`retries` more attempts after a failure; `timeout` seconds for each attempt (None: no limit)."""

    retries: int = 0
    timeout: float | None = None
    grace: float = 5.0

    def again(self, error: BaseException, attempt: int) -> bool:
        """Return whether an attempt that ended with `error` is followed by another."""
        return attempt <= self.retries and is_instance(error, Exception)

    def but(self, retries: int | None, timeout: float | None) -> Policy:
        """Return it with what is not None; `ValueError` for what makes no sense."""
        return check_policy(
            self.retries if retries is None else retries, self.timeout if timeout is None else timeout, self.grace
        )


def delay_before(attempt: int) -> float:
    """Return the seconds to wait before `attempt` (2, 3, ...): exponential with full jitter.

    The formula is "full jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter" (M. Brooker, 2015).
    """
    ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt - 1, 32))
    return random.uniform(0.0, ceiling)  # noqa: S311  # spreads load, keeps no secret


def check_policy(retries: int, timeout: float | None, grace: float) -> Policy:
    """Return the policy, or raise `TypeError` or `ValueError` naming the argument that makes no sense."""
    if not hasattr(retries, "__index__"):
        raise TypeError(f"retries must be a whole number, not {retries!r}")
    for name, seconds in (("timeout", 0 if timeout is None else timeout), ("grace", grace)):
        if not hasattr(seconds, "__float__"):
            raise TypeError(f"{name} must be a number of seconds, not {seconds!r}")
    if retries < 0:
        msg = f"retries must be 0 or more, not {retries}"
        raise ValueError(msg)
    if timeout is not None and not timeout > 0:
        msg = f"timeout must be more than 0 seconds, or None for no limit, not {timeout}"
        raise ValueError(msg)
    if not grace >= 0:
        msg = f"grace must be 0 seconds or more, not {grace}"
        raise ValueError(msg)
    return Policy(retries, timeout, grace)
