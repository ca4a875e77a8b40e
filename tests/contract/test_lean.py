"""The stand-ins for `typing` that the worker side runs with do as the real ones, as far as they are used."""

from __future__ import annotations

import pickle
import typing
from typing import Any

from mainstage import _typing


class Ours(_typing.NamedTuple):
    """Fields."""

    name: str
    size: int = 3

    def doubled(self) -> int:
        return 2 * self.size


class Theirs(typing.NamedTuple):
    """Fields."""

    name: str
    size: int = 3

    def doubled(self) -> int:
        return 2 * self.size


def test_a_named_tuple_is_as_that_of_typing() -> None:
    kind: Any = Ours  # a checker sees the names of typing where our modules use these
    ours, theirs = kind("a"), Theirs("a")
    for known in ("_fields", "_field_defaults", "__match_args__", "__module__", "__doc__"):
        assert getattr(kind, known) == getattr(Theirs, known)
    assert kind.__qualname__ == "Ours"
    assert kind.__annotations__ == {"name": "str", "size": "int"}
    assert tuple(ours) == tuple(theirs) == ("a", 3)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours.doubled() == 6
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert typing.get_type_hints(kind) == {"name": str, "size": int}


def test_a_generic_class_has_slots_and_no_more() -> None:
    generic: Any = _typing.Generic
    box: Any = type("Box", (generic["T"],), {"__slots__": ("held",)})
    assert not hasattr(box(), "__dict__")
    assert box[int] is box


def test_the_rest_hands_back_what_it_is_given() -> None:
    thing = object()
    assert _typing.cast("int", thing) is thing
    assert _typing.overload(test_a_generic_class_has_slots_and_no_more) is test_a_generic_class_has_slots_and_no_more
    assert _typing.ParamSpec("P") == "P"
