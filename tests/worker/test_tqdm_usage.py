"""tqdm as its documentation and other packages use it: the counts of a captured bar are those of a bar that draws."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING, Any

import pytest
import tqdm.asyncio
import tqdm.contrib
import tqdm.contrib.concurrent
from tests.worker.captured import captured
from tqdm.std import tqdm as Bar  # noqa: N812  # several are at hand
from tqdm.std import trange

from mainstage.events import TaskEnded, TaskStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.worker.captured import Stage


@pytest.fixture(autouse=True)
def no_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread would outlive the test."""
    monkeypatch.setattr(Bar, "monitor_interval", 0)


def iterable() -> None:
    for _ in Bar(["a", "b", "c", "d"]):
        pass


def a_range() -> None:
    for _ in trange(100, desc="bar"):
        pass


def described_anew() -> None:
    bar = Bar(["a", "b", "c", "d"])
    for letter in bar:
        bar.set_description(f"Processing {letter}")


def manual() -> None:
    with Bar(total=100) as bar:
        for _ in range(10):
            bar.update(10)


def manual_with_del() -> None:
    bar = Bar(total=100)
    for _ in range(10):
        bar.update(10)
    bar.close()


def nested() -> None:
    for _ in trange(4, desc="1st loop"):
        for _ in trange(5, desc="2nd loop"):
            for _ in trange(50, desc="3rd loop", leave=False):
                pass


def stats() -> None:
    with trange(10, bar_format="{desc}{percentage:3.0f}%|{bar}| {postfix}") as bar:
        for number in bar:
            bar.set_description(f"GEN {number}")
            bar.set_postfix(loss=number / 3, gen=number, refresh=False)


class UpTo(Bar):  # type: ignore[type-arg]  # as the documentation has it
    """Counts to a position, as `urlretrieve` reports it."""

    def update_to(self, blocks: int = 1, size: int = 1, total: int | None = None) -> bool | None:
        if total is not None:
            self.total = total
        return self.update(blocks * size - self.n)


def hook() -> None:
    with UpTo(unit="B", unit_scale=True, unit_divisor=1024, miniters=1, desc="eg_link.zip") as bar:
        for block in range(11):
            bar.update_to(block, 100, 1000)


def wrapped_reads() -> None:
    with Bar.wrapattr(io.BytesIO(b"x" * 5000), "read", total=5000, miniters=1, desc="a file") as file:
        while file.read(512):
            pass


def wrapped_writes() -> None:
    with Bar.wrapattr(io.BytesIO(), "write", total=300, miniters=1, desc="a file") as file:
        for _ in range(30):
            file.write(b"x" * 10)


def resumed() -> None:
    with Bar(total=20, initial=8) as bar:
        bar.update(12)


def reset() -> None:
    with Bar(total=5) as bar:
        bar.update(5)
        bar.reset(total=7)
        bar.update(7)


def dynamic_total() -> None:
    with Bar(total=1) as bar:
        for number in range(6):
            bar.total = number + 1
            bar.refresh()
            bar.update()


def writes() -> None:
    for number in trange(10):
        if not number % 3:
            tqdm.tqdm.write(f"Done task {number}")


def contrib() -> None:
    for _ in tqdm.contrib.tenumerate("abc"):
        pass
    for _ in tqdm.contrib.tzip("abcd", range(4)):
        pass
    assert list(tqdm.contrib.tmap(str.upper, "abcde")) == list("ABCDE")


def threads() -> None:
    assert tqdm.contrib.concurrent.thread_map(abs, range(-30, 0), max_workers=3) == list(range(30, 0, -1))


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def answer(number: int) -> int:
    return number


def asynchronous() -> None:
    async def main() -> None:
        async for _ in tqdm.asyncio.tqdm(numbers(9)):
            pass
        for future in tqdm.asyncio.tqdm.as_completed([answer(n) for n in range(6)]):
            await future
        assert await tqdm.asyncio.tqdm.gather(*map(answer, range(4))) == [0, 1, 2, 3]

    asyncio.run(main())


def left_early() -> None:
    for number in trange(100):
        if number == 5:
            break


def hidden() -> None:
    for _ in Bar(range(5), disable=True):
        pass


USES = (
    *(iterable, a_range, described_anew, manual, manual_with_del, nested, stats, hook, wrapped_reads, wrapped_writes),
    *(resumed, reset, dynamic_total, writes, contrib, threads, asynchronous, left_early, hidden),
)


def drawn(use: Callable[[], None]) -> list[float]:
    """Return the counts at which bars that draw by themselves end."""
    counts: list[float] = []
    close = Bar.close

    def counting(bar: Any) -> None:
        if not bar.disable:
            counts.append(bar.n)
        close(bar)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bar, "close", counting)
        patch.setattr(sys, "stderr", io.StringIO())
        use()
    return counts


def ended(stage: Stage) -> list[float]:
    """Return the counts at which nested tasks ended."""
    nested_ones = {e.task for e in stage.events() if isinstance(e, TaskStarted) and e.task != 7}
    return [e.completed for e in stage.events() if isinstance(e, TaskEnded) and e.task in nested_ones]


@pytest.mark.parametrize("use", USES)
def test_a_bar_counts_as_one_that_draws(use: Callable[[], None]) -> None:
    counts = drawn(use)
    with captured() as stage:
        stage.run(use)
    assert sorted(ended(stage)) == sorted(counts)
    assert (counts == []) is (use is hidden)
    assert stage.passed() == ""


def failing(number: int) -> int:
    return 10 // number


@pytest.mark.parametrize("behaviour", ["ignore", "immediate"])
def test_bars_inside_somebody_elses_package_are_nested_and_exact(behaviour: str) -> None:
    """pqdm opens a bar while work is queued, one while it is processed and one while results are collected."""
    pqdm = pytest.importorskip("pqdm.threads", reason="pqdm is not installed")

    def work() -> None:
        try:
            found = pqdm.pqdm(range(-3, 12), failing, n_jobs=3, exception_behaviour=behaviour)
        except ZeroDivisionError:
            assert behaviour == "immediate"
        else:
            assert found[4:] == [10 // number for number in range(1, 12)]

    counts = drawn(work)
    with captured() as stage:
        stage.run(work)
    assert len(counts) == 3
    assert sorted(ended(stage)) == sorted(counts)
    assert stage.passed() == ""
