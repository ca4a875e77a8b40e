"""What type checkers know of `mainstage.tqdm`. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from mainstage.tqdm import tqdm, trange
from mainstage.tqdm.asyncio import tqdm_asyncio
from mainstage.tqdm.auto import tqdm as auto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def annotated(bar: tqdm[int]) -> Iterator[int]:
    return iter(bar)


class Named(tqdm[str]):
    """As programs make one of their own."""

    def update_to(self, done: int, total: int | None = None) -> None:
        if total is not None:
            self.total = total
        self.update(done - self.n)


async def gathered(source: AsyncIterator[bytes]) -> None:
    assert_type(await tqdm_asyncio.gather(desc="x"), list[Any])
    bar: tqdm_asyncio[bytes] = tqdm_asyncio(total=3)
    async for data in bar:
        assert_type(data, bytes)


def use(names: list[str]) -> None:
    for name in tqdm(names, desc="Reading", unit="B", leave=False):
        assert_type(name, str)
    for number in trange(3):
        assert_type(number, int)
    for name in auto(names):
        assert_type(name, str)
    with tqdm(total=60, postfix={"loss": 0.5}) as bar:
        bar.update(2)
        bar.set_postfix(loss=0.1)
        assert_type(bar.n, float)
        assert_type(bar.total, float | None)
    list(annotated(trange(4)))
    tqdm.write("text")
    tqdm(names, leaf=3)
    tqdm(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bar.update("2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
