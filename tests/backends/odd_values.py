"""Exceptions, messages and results that do not like to be looked at: importable, as workers need it."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, NoReturn

IN = os.getpid()
"""The process that has loaded this module: a forked worker has its parent's."""


def made(kind: str, home: int) -> Exception:
    """Make an exception anew, in its own process; in any other raise what ends a thread."""
    if os.getpid() == home:
        return Elsewhere(kind)
    raise {"exit": SystemExit, "interrupt": KeyboardInterrupt, "generator": GeneratorExit}[kind]("made elsewhere")


class Elsewhere(Exception):
    """Pickled well, and not to be made anywhere else."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __reduce__(self) -> Any:
        return made, (self.kind, os.getpid())


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted(Exception):
    name: str


class OddNotes(Exception):
    def __init__(self) -> None:
        super().__init__("odd")
        self.__notes__: Any = 5


class OddNote(Exception):
    def __init__(self) -> None:
        super().__init__("odd")
        self.__notes__: Any = [5, "a note", None]


class NoClass(Exception):
    @property  # type: ignore[misc]  # the subject
    def __class__(self) -> NoReturn:  # type: ignore[override]  # as above
        raise ValueError("no class")


class NoAttributes(Exception):
    def __getattribute__(self, name: str) -> NoReturn:
        raise ValueError(name)


class NoText(Exception):
    def __str__(self) -> NoReturn:
        raise SystemExit("no text")

    __repr__ = __str__


class NoTruth(Exception):
    def __bool__(self) -> NoReturn:
        raise ValueError("no truth")


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__name__", "__qualname__"):
            raise ValueError(name)
        return super().__getattribute__(name)


class NoPickle(Exception):
    def __reduce__(self) -> NoReturn:
        raise SystemExit("no pickle")


class NoName(Exception, metaclass=Meta):
    pass


ODD: dict[str, Any] = {
    "frozen": lambda: Frozen("x"),
    "slotted": lambda: Slotted("x"),
    "odd notes": OddNotes,
    "odd note": OddNote,
    "no class": NoClass,
    "no attributes": NoAttributes,
    "no text": NoText,
    "no truth": NoTruth,
    "no name": NoName,
    "no pickle": NoPickle,
    "exit elsewhere": lambda: Elsewhere("exit"),
    "interrupt elsewhere": lambda: Elsewhere("interrupt"),
    "generator elsewhere": lambda: Elsewhere("generator"),
}


def raises(name: str) -> str:
    """Raise what is odd by that name, else return it."""
    if name in ODD:
        error: BaseException = ODD[name]()
        raise error
    return name


async def raises_soon(name: str) -> str:
    """As `raises`, on an event loop."""
    return raises(name)


class Result:
    """A result that is made well here, and raises in the parent."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __reduce__(self) -> Any:
        return made, (self.kind, os.getpid())


class Refusing:
    """A result that ends whoever pickles it."""

    def __reduce__(self) -> NoReturn:
        raise SystemExit("no")


class NoLook:
    """An argument of which nothing may be asked."""

    @property  # type: ignore[misc]  # the subject
    def __class__(self) -> NoReturn:  # type: ignore[override]  # as above
        raise ValueError("no class")

    def __repr__(self) -> NoReturn:
        raise SystemExit("no text")

    def __reduce__(self) -> NoReturn:
        raise KeyboardInterrupt


def returns(kind: str) -> Any:
    """Return an odd result."""
    if kind == "refusing":
        return Refusing()
    return Result(kind) if kind in ("exit", "interrupt") else kind


def takes(thing: Any) -> str:
    """Take an argument."""
    return "taken" if thing is not None else "none"


def deep(levels: int) -> list[Any]:
    """Return lists within lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def depth(value: list[Any]) -> int:
    """Count them."""
    count = 0
    while value:
        value, count = value[0], count + 1
    return count


class Number:
    """A count that ends whoever asks for it."""

    def __init__(self, home: int) -> None:
        self.home = home

    def __float__(self) -> float:
        if os.getpid() != self.home:
            raise SystemExit("no number")
        return 1.0

    def __reduce__(self) -> Any:
        return Number, (self.home,)


def puts(queue: Any, kind: str) -> str:
    """Put an odd message, then a plain one."""
    queue.put(Number(os.getpid()) if kind == "number" else Result(kind))
    queue.put(1)
    return kind


def scribbles(what: str) -> str:
    """Write what is no message of ours to the pipe of this worker, or into its journal."""
    from mainstage.pool.processes import worker_main  # noqa: PLC0415  # only a worker has one

    end = worker_main._here[0]._end
    if what == "pipe":
        os.write(end._fd, b"stray bytes that a library wrote to the wrong descriptor, more than a head\n" * 3)
    elif what == "zeros":
        os.write(end._fd, bytes(200))
    elif what == "journal":
        with end._lock:
            end._journal.add(b"garbage" * 100)
        os._exit(3)
    elif what == "words":
        for word in range(2):
            end._journal._words[word] = (1 << 63) + 5
        os._exit(3)
    return what
