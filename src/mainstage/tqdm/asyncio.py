"""`tqdm.asyncio`: bars over async iterables, `as_completed` and `gather`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.std import tqdm as std_tqdm

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterable
    from typing import Self

    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
else:
    from mainstage._typing import TypeVar

    T = TypeVar("T")

__all__ = ["tarange", "tqdm", "tqdm_asyncio", "trange"]


class tqdm_asyncio(std_tqdm[T]):  # noqa: N801  # tqdm's name
    """A bar that `async for` goes through too, over async and plain iterables."""

    _source: Any = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        source = self._begun()
        try:
            item: T = await anext(source) if hasattr(source, "__anext__") else next(source)
        except (StopIteration, StopAsyncIteration):
            self.close()
            raise StopAsyncIteration from None
        except BaseException:
            self.close()
            raise
        self.update()
        return item

    def _begun(self) -> Any:
        if self._source is None:
            items: Any = self.iterable
            self._source = aiter(items) if hasattr(items, "__aiter__") else iter(items)
        return self._source

    def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send to the generator that it goes through."""
        return self._begun().send(*args, **kwargs)

    @classmethod
    def as_completed(
        cls,
        fs: Iterable[Awaitable[Any]],
        *,
        loop: Any = None,  # noqa: ARG003  # tqdm's; asyncio takes none any more
        timeout: float | None = None,
        total: float | None = None,
        **tqdm_kwargs: Any,
    ) -> Generator[Any, None, None]:
        """Yield as `asyncio.as_completed` does, with a bar."""
        awaited = list(fs)
        total = len(awaited) if total is None else total
        yield from cls(asyncio.as_completed(awaited, timeout=timeout), total=total, **tqdm_kwargs)  # type: ignore[arg-type]  # of any type

    @classmethod
    async def gather(
        cls,
        *fs: Awaitable[Any],
        loop: Any = None,
        timeout: float | None = None,  # noqa: ASYNC109  # tqdm's
        total: float | None = None,
        return_exceptions: bool = False,
        **tqdm_kwargs: Any,
    ) -> list[Any]:
        """Return what `asyncio.gather` does, with a bar."""

        async def numbered(number: int, one: Awaitable[Any]) -> tuple[int, Any]:
            try:
                return number, await one
            except Exception as error:
                if not return_exceptions:
                    raise
                return number, error

        calls = [numbered(number, one) for number, one in enumerate(fs)]
        ended = cls.as_completed(calls, loop=loop, timeout=timeout, total=total, **tqdm_kwargs)
        results = [await one for one in ended]
        return [result for _, result in sorted(results, key=_number)]


def _number(result: tuple[int, Any]) -> int:
    return result[0]


def tarange(*args: int, **kwargs: Any) -> tqdm_asyncio[int]:
    """Return `tqdm_asyncio(range(*args), **kwargs)`."""
    return tqdm_asyncio(range(*args), **kwargs)


tqdm = tqdm_asyncio
trange = tarange
