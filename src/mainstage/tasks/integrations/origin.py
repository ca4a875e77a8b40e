"""Whose work it is: begun by the program, or by a library for itself.

A call is the program's where its function is, or where the code that asks for it is, whatever of the standard library
stands in between. For what an event loop calls back only the function tells.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
"""What is in the path of a module that was installed."""
_STANDARD = (os.path.dirname(os.__file__) + os.sep, "<frozen ")  # noqa: PTH120  # as code objects have it
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep  # noqa: PTH100, PTH120  # as above
_LOOPS = ("run_forever", "run_until_complete", "_run_once")


@functools.lru_cache(1000)
def is_between(file: str) -> bool:
    """Return whether the code of `file` asks for others: the standard library, or us."""
    return file.startswith(_OURS) or (file.startswith(_STANDARD) and not any(part in file for part in INSTALLED))


@functools.lru_cache(1000)
def is_program(file: str) -> bool:
    """Return whether the code of `file` is the program's own: not installed, or of the package that is run."""
    if is_between(file):
        return False
    return not any(part in file for part in INSTALLED) or file.startswith(_package_that_is_run())


@functools.lru_cache(1)
def _package_that_is_run() -> str:
    main = sys.modules.get("__main__")
    package = str(getattr(main, "__package__", None) or "").partition(".")[0]
    file = getattr(sys.modules.get(package), "__file__", None) or getattr(main, "__file__", None) or "<nowhere>"
    return os.path.dirname(file) + os.sep if package else str(file)  # noqa: PTH120  # as above


def asked_by_program(frame: FrameType | None) -> bool:
    """Return whether the program asks for what `frame` is about to begin."""
    while frame is not None:
        code = frame.f_code
        if not is_between(code.co_filename):
            return is_program(code.co_filename)
        if code.co_name in _LOOPS or (code.co_name == "getaddrinfo" and "asyncio" in code.co_filename):
            return False
        frame = frame.f_back
    return False


def is_function_of_program(call: Any, args: Any = ()) -> bool:
    """Return whether a function that is to be called, or what it is to call, is the program's."""
    code = code_of(call, args)
    return code is not None and is_program(code.co_filename)


def code_of(call: Any, args: Any = ()) -> CodeType | None:
    """Return the code of what is called in the end: within partial functions and contexts."""
    while True:
        if isinstance(call, functools.partial):
            args, call = (*call.args, *args), call.func
        elif getattr(call, "__name__", "") in ("run", "_process_chunk") and args and _hands_on(call):
            call, args = args[0], args[1:]
        else:
            break
    if not hasattr(call, "__code__"):
        call = getattr(call, "__func__", None) or vars(type(call)).get("__call__")
    code: CodeType | None = getattr(call, "__code__", None)
    return code


def _hands_on(call: Any) -> bool:
    owner = getattr(call, "__self__", None)
    return type(owner).__name__ == "Context" or getattr(call, "__module__", "") == "concurrent.futures.process"
