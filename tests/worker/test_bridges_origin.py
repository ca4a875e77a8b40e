from __future__ import annotations

import asyncio
import functools
import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

from mainstage.tasks.integrations.origin import asked_by_program, code_of, is_function_of_program, is_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType

ASKING = """
import sys
def asked(*_): return sys._getframe()
def call(fn, *args): return fn(*args)
class Method:
    def run(self): pass
    def __call__(self): pass
"""


def module_at(path: str) -> dict[str, Any]:
    """Return the names of a module whose code stands in the file of that name."""
    names: dict[str, Any] = {}
    exec(compile(ASKING, path, "exec"), names)
    return names


LIBRARY = module_at("/usr/lib/python3/site-packages/library/work.py")
PROGRAM = module_at("/home/ann/work.py")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/home/ann/work.py", True),
        ("<stdin>", True),
        ("/home/ann/.venv/lib/python3.12/site-packages/library/work.py", False),
        ("/usr/lib/python3/dist-packages/library.py", False),
        (json.__file__, False),
        ("<frozen runpy>", False),
        (is_program.__wrapped__.__code__.co_filename, False),
    ],
)
def test_files_are_the_program_s_unless_they_were_installed(file: str, expected: bool) -> None:
    assert is_program(file) is expected


def work() -> None:
    """Be called."""


@pytest.mark.parametrize(
    ("call", "args"),
    [
        (work, ()),
        (functools.partial(functools.partial(work)), ()),
        (copy_context().run, (functools.partial(work),)),
        (functools.partial(copy_context().run, work), ()),
    ],
)
def test_the_code_of_what_is_called_in_the_end_is_found(call: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert code_of(call, args) is work.__code__


def test_methods_and_objects_that_are_called_are_those_of_their_class() -> None:
    for names, expected in ((PROGRAM, True), (LIBRARY, False)):
        one = names["Method"]()
        assert is_function_of_program(one.run) is expected
        assert is_function_of_program(one) is expected
    assert not is_function_of_program(len)


def test_who_asks_is_the_first_that_is_neither_python_s_nor_ours() -> None:
    def asks(names: dict[str, Any]) -> bool:
        frame: FrameType = names["call"](functools.partial(map, PROGRAM["asked"]), [1]).__next__()
        assert frame.f_back is not None
        return asked_by_program(frame.f_back)

    assert asks(PROGRAM)
    frame = LIBRARY["call"](PROGRAM["asked"])
    assert asked_by_program(frame)
    assert not asked_by_program(frame.f_back)


def test_what_an_event_loop_calls_back_was_asked_for_by_nobody() -> None:
    found: list[bool] = []

    def standard(module: ModuleType) -> Any:
        names: dict[str, Any] = {}
        exec(compile("import sys\ndef called(): told(sys._getframe())", str(module.__file__), "exec"), names)
        names["told"] = lambda frame: found.append(asked_by_program(frame))
        return names["called"]

    async def main() -> None:
        asyncio.get_running_loop().call_soon(standard(json))
        await asyncio.sleep(0)

    asyncio.run(main())
    standard(json)()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(standard(json)).result()
    assert found == [False, True, False]
