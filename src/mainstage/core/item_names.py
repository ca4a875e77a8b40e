"""The name of a call on the screen, the same in threads, processes, engines, coroutines and joblib."""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING, Any

from mainstage.core.describe import PLAIN, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    ItemName: TypeAlias = str | Callable[..., object]

MOST = 2
"""Arguments that a name has."""


def describe_call(fn: Any, args: Sequence[Any]) -> str:
    """Return what a call is called: its first argument's text where that is a string or a path, else `fetch(3, 4)`."""
    return _described(function_name, fn, args)


def describe_named(name: str, args: Sequence[Any]) -> str:
    """Return the same for a call of the function called `name`."""
    return _described(str, name, args)


def _described(name: Callable[[Any], str], of: Any, args: Sequence[Any]) -> str:
    kind = type(args[0]) if args else None
    if kind is not None and kind not in PLAIN and issubclass(kind, (str, os.PathLike)):  # its `__class__` may raise
        text = describe(args[0])
        if text.strip():
            return text
    told = ", ".join(map(describe, args[:MOST]))
    called = name(of)
    return f"{called}({told})" if called and told else called or told


def function_name(fn: Any) -> str:
    """Return the name of a function, of what a `partial` calls, of a callable's class; "" of a lambda, and of None."""
    while type(fn).__name__ == "partial" and callable(getattr(fn, "func", None)):
        fn = fn.func
    if fn is None:
        return ""
    name = getattr(fn, "__name__", None)
    if not isinstance(name, str):
        name = type(fn).__name__
    return "" if name == "<lambda>" else name


def namer(name: ItemName | None, fn: Any, count: int) -> Callable[[Sequence[Any]], str]:
    """Return what gives an item of `count` arguments its name: by `name`, a format string or a function of them.

    Where that raises, and without one, the item is called as its call is.

    Raises:
        TypeError: `name` is neither.
        ValueError: it is no format string for so many arguments.
    """
    if name is None:
        return lambda args: describe_call(fn, args)
    if isinstance(name, str):
        _check_format(name, count)
        make: Callable[..., object] = name.format
    elif callable(name):
        make = name
    else:
        raise TypeError(f"name= takes a format string or a function of the item, not {type(name).__name__}")

    def named(args: Sequence[Any]) -> str:
        try:
            return describe(make(*args)) or describe_call(fn, args)
        except Exception:  # noqa: BLE001  # a name is no reason to fail
            return describe_call(fn, args)

    return named


def _check_format(text: str, count: int) -> None:
    """Raise `ValueError` where `text` is no format string for `count` arguments."""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        raise ValueError(f"name={text!r} is no format string: {error}") from None
    for number, field in enumerate(fields):
        first = field.replace("[", ".").partition(".")[0]
        if not first.isdigit() and first:
            raise ValueError(
                f"name={text!r}: {{{field}}} names nothing; the item is {{}}, or {{0}}, {{0[key]}}, {{0.attr}}"
            )
        if int(first or number) >= count:
            wanted = f"{count} iterables give {count} arguments" if count > 1 else "one iterable gives one argument, {}"
            raise ValueError(f"name={text!r} has too many fields: {wanted}")
