"""What modules that every worker imports take instead of `typing`, which costs as much as a bare interpreter start.

A type checker sees the names of `typing`; the running program gets these, which do what is needed of them and no more:

    if TYPE_CHECKING:
        from typing import NamedTuple
    else:
        from mainstage._typing import NamedTuple

Measured: `import mainstage` took 2.7 bare starts with `typing`, and takes 2.1 without.
"""

from __future__ import annotations

import collections

TYPE_CHECKING = False
"""False, as `typing` has it; a type checker takes any name like this one for true."""

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_GIVEN = ("__module__", "__qualname__", "__annotations__", "__dict__", "__weakref__")
"""What a class has of its own, or gets from the fields."""


class _Tuples(type):
    """The kind of classes that name the fields of a tuple."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        if not bases:
            return super().__new__(cls, name, bases, body)
        kinds = body.get("__annotations__", {})
        defaults = [body.pop(field) for field in kinds if field in body]
        make: Any = collections.namedtuple  # noqa: PYI024  # a type checker wants a literal there
        made = make(name, kinds, defaults=defaults, module=body["__module__"])
        made.__annotations__ = kinds
        for key, value in body.items():
            if key not in _GIVEN:
                setattr(made, key, value)
        return made


class NamedTuple(metaclass=_Tuples):
    """As `typing.NamedTuple`, as a base class only."""


class Generic:
    """As `typing.Generic`: `Generic[T]` is a base class; it tells nothing of its parameters."""

    __slots__ = ()

    def __class_getitem__(cls, _parameters: object) -> type:
        return cls


class Protocol:
    """As `typing.Protocol`: a class that others are like, and need not know of."""

    __slots__ = ()


def type_variable(name: str, **_how: object) -> str:
    """Return what stands for a `TypeVar` or a `ParamSpec` where only a type checker looks at it."""
    return name


TypeVar = ParamSpec = type_variable


def overload(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn`: the definition after the last overload counts."""
    return fn


def cast(_kind: object, value: Any) -> Any:
    """Return `value`."""
    return value
