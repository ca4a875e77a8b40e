"""The estimators of tqdm and Rich, line by line as in tqdm 4.70 (`std.py`) and Rich 15 (`progress.py`), on given times.

Copies, since both read a clock and print; tests/bench feeds the originals the same samples and compares.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Protocol

MININTERVAL = 0.1
MAXINTERVAL = 10.0


class Estimator(Protocol):
    """Told what a bar over the whole run is told; says how long it still takes, None: nothing to show."""

    def feed(self, completed: float, at: float) -> None: ...
    def remaining(self, now: float) -> float | None: ...


class Ema:
    """tqdm's moving average."""

    def __init__(self, smoothing: float) -> None:
        self.alpha, self.last, self.calls = smoothing, 0.0, 0

    def __call__(self, x: float | None = None) -> float:
        beta = 1 - self.alpha
        if x is not None:
            self.last = self.alpha * x + beta * self.last
            self.calls += 1
        return self.last / (1 - beta**self.calls) if self.calls else self.last


class Tqdm:
    """tqdm, begun at 0.0; its default is a smoothing of 0.3."""

    def __init__(self, total: float, smoothing: float = 0.3) -> None:
        self.total, self.smoothing = total, smoothing
        self.n = self.last_n = self.last_t = self.miniters = 0.0
        self.dn, self.dt, self.ema_miniters = Ema(smoothing), Ema(smoothing), Ema(smoothing)

    def feed(self, completed: float, at: float) -> None:
        if at - self.last_t >= MAXINTERVAL:
            self.miniters = min(self.miniters, 1.0)  # its monitor thread saw to that
        self.n = completed
        if self.n - self.last_n < self.miniters or at - self.last_t < MININTERVAL:
            return
        dt, dn = at - self.last_t, self.n - self.last_n
        if self.smoothing and dt and dn:
            self.dn(dn)
            self.dt(dt)
        if dt >= MAXINTERVAL:
            self.miniters = dn * MININTERVAL / dt
        elif self.smoothing:
            self.miniters = self.ema_miniters(dn * (MININTERVAL / dt if dt else 1))
        else:
            self.miniters = max(self.miniters, dn)
        self.last_n, self.last_t = self.n, at

    def remaining(self, now: float) -> float | None:
        seconds = self.dt()
        rate = self.dn() / seconds if seconds else self.n / now if now else 0.0
        return (self.total - self.n) / rate if rate else None


class Rich:
    """Rich's Progress, begun at 0.0; its default is a period of 30 s. It keeps 1,000 samples."""

    def __init__(self, total: float, period: float = 30.0) -> None:
        self.total, self.period, self.completed = total, period, 0.0
        self.samples: deque[tuple[float, float]] = deque(maxlen=1000)
        self.sum = 0.0

    def feed(self, completed: float, at: float) -> None:
        samples = self.samples
        while samples and (samples[0][0] < at - self.period or len(samples) == 1000):
            self.sum -= samples.popleft()[1]
        samples.append((at, completed - self.completed))
        self.sum += completed - self.completed
        self.completed = completed

    def remaining(self, now: float) -> float | None:  # noqa: ARG002  # it asks no clock
        if self.completed >= self.total:
            return 0.0
        samples = self.samples
        seconds = samples[-1][0] - samples[0][0] if samples else 0.0
        speed = (self.sum - samples[0][1]) / seconds if seconds else 0.0
        return ceil((self.total - self.completed) / speed) if speed > 0 else None
