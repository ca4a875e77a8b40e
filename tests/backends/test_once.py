"""An attribute that is set once, by whichever thread or handler comes first, without lock and dictionary."""

from __future__ import annotations

import gc
import threading
from typing import Any

from mainstage.core.once import Once


class Thing:
    mark: object = None


class Intruded(Thing):
    """Calls `intrude` where the attribute is looked at, as a signal handler or another thread would come in between."""

    intrude: Any = staticmethod(lambda: None)

    def __getattribute__(self, name: str) -> Any:
        if name == "mark":
            intrude, Intruded.intrude = Intruded.intrude, staticmethod(lambda: None)
            intrude()
        return super().__getattribute__(name)


def test_the_first_value_stays_and_is_given_to_all() -> None:
    once, thing, values = Once("mark"), Thing(), [object() for _ in range(3)]
    assert [once.first(thing, value) for value in values] == [values[0]] * 3
    assert thing.mark is values[0]
    assert not once._now


def test_whoever_comes_in_between_is_second_and_gets_the_firsts_value() -> None:
    once, thing, first, second = Once("mark"), Intruded(), object(), object()
    seen: list[object] = []
    Intruded.intrude = staticmethod(lambda: seen.append(once.first(thing, second)))
    assert once.first(thing, first) is first
    assert seen == [first]
    assert thing.mark is first
    assert not once._now


def test_of_many_threads_one_is_the_first() -> None:
    once = Once("mark")
    for _ in range(200):
        thing, start, seen = Thing(), threading.Barrier(4), list[tuple[object, object]]()

        def come(thing: Thing = thing, start: Any = start, seen: Any = seen) -> None:
            mine = object()
            start.wait()
            seen.append((once.first(thing, mine), mine))

        threads = [threading.Thread(target=come) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({value for value, _ in seen}) == 1
        assert sum(value is mine for value, mine in seen) == 1


def test_no_dictionary_is_made_for_it() -> None:
    thing = Thing()
    thing.other = [1]  # type: ignore[attr-defined]  # an object that the collector follows
    gc.collect()
    Once("mark").first(thing, object())
    assert not any(isinstance(part, dict) for part in gc.get_referents(thing))
