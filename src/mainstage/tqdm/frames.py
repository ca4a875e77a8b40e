"""`tqdm.pandas()`: `progress_apply` and the like, on pandas' own classes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mainstage.tqdm.warning import TqdmDeprecationWarning

if TYPE_CHECKING:
    from collections.abc import Callable


class CallBars:
    """Makes the bar of each call; the first may be one that exists already."""

    def __init__(self, make: Callable[..., Any], arguments: dict[str, Any], first: Any | None) -> None:
        self._make = make
        self._arguments = arguments
        self._first = first

    def next(self, total: int | None) -> Any:
        """Return a bar of so many steps, unless the program has said how many there are."""
        total = self._arguments.get("total", total)
        bar, self._first = self._first, None
        if bar is None:
            return self._make(**{**self._arguments, "total": total})
        bar.total = total
        return bar


def register(cls: type[Any], arguments: dict[str, Any], first: Any | None = None) -> None:
    """Give the classes of pandas the methods; bars are made by `cls(**arguments)`."""
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415  # it is the program's
    from pandas.core.groupby.generic import (  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
        DataFrameGroupBy,
        SeriesGroupBy,
    )
    from pandas.core.groupby.groupby import GroupBy  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
    from pandas.core.window.expanding import Expanding  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
    from pandas.core.window.rolling import Rolling  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    bars = CallBars(cls, arguments, first)
    places = [
        (pd.Series, "apply", _rows),
        (pd.Series, "map", _rows),
        (pd.DataFrame, "apply", _by_axis),
        (pd.DataFrame, "map", _columns),
        (pd.DataFrame, "applymap", _cells),
        *((kind, "apply", _groups) for kind in (DataFrameGroupBy, SeriesGroupBy, GroupBy)),
        *((kind, "apply", _unknown) for kind in (Rolling, Expanding)),
    ]
    for kind, name, count in places:
        if hasattr(kind, name):
            setattr(kind, f"progress_{name}", _counted(name, count, bars))


def _counted(name: str, count: Callable[[Any, dict[str, Any]], int | None], bars: CallBars) -> Callable[..., Any]:
    def method(frame: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        bar = bars.next(count(frame, kwargs))
        if args:
            text = "positional arguments are not supported: give keyword arguments instead"
            TqdmDeprecationWarning(text, fp_write=getattr(bar.fp, "write", sys.stderr.write))
        call = _builtin(func)

        def step(*values: Any, **named: Any) -> Any:
            if bar.total is None or bar.n < bar.total:  # pandas may try the first one twice
                bar.update(1)
            return call(*values, **named)

        try:
            return getattr(frame, name)(step, **kwargs)
        finally:
            bar.close()

    return method


def _builtin(func: Any) -> Any:
    """Return what pandas would call for `func`: its own sum for the builtin one."""
    import pandas as pd  # noqa: PLC0415  # it is loaded

    find = getattr(pd.core.common, "is_builtin_func", None)
    try:
        return func if find is None else find(func)
    except TypeError:  # it cannot be a key
        return func


def _rows(series: Any, _kwargs: dict[str, Any]) -> int:
    return len(series)


def _by_axis(frame: Any, kwargs: dict[str, Any]) -> int:
    return int(frame.shape[1] if kwargs.get("axis", 0) in (0, "index") else frame.shape[0])


def _columns(frame: Any, _kwargs: dict[str, Any]) -> int:
    return int(frame.shape[1])


def _cells(frame: Any, _kwargs: dict[str, Any]) -> int:
    return int(frame.size)


def _groups(grouped: Any, _kwargs: dict[str, Any]) -> int:
    return int(grouped.ngroups)


def _unknown(_window: Any, _kwargs: dict[str, Any]) -> None:
    """Return None: a window has no length."""


def tqdm_pandas(tclass: Any, **tqdm_kwargs: Any) -> None:
    """Do what `tclass.pandas(**tqdm_kwargs)` does, which is to be used instead; also of a bar that exists."""
    of_class = isinstance(tclass, type)
    file = tqdm_kwargs.get("file") if of_class else tclass.fp
    TqdmDeprecationWarning("use tqdm.pandas(...)", fp_write=getattr(file, "write", sys.stderr.write))
    if of_class:
        tclass.pandas(**tqdm_kwargs)
    else:
        register(type(tclass), tqdm_kwargs, tclass)
