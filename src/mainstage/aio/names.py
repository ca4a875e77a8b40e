"""What coroutines are called on the screen."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import TYPE_CHECKING, Any

from mainstage.core.item_names import describe_named
from mainstage.errors import traceback_of
from mainstage.tasks.outcome import describe_call

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

_NUMBERED = re.compile(r"Task-\d+")
MOST = 2
"""So many arguments are told."""


def describe_coroutine(coroutine: object, error: BaseException | None = None) -> str:
    """Return the name of its function with the first arguments, as they are now: `fetch(https://example.org)`.

    Of one that has ended only `error` still knows them. Never raises.
    """
    name = getattr(coroutine, "__name__", None) or type(coroutine).__name__
    code = getattr(coroutine, "cr_code", None)
    if not inspect.iscode(code):
        return str(name)
    frame = getattr(coroutine, "cr_frame", None)
    values = frame.f_locals if frame is not None else _found(code, error)
    if "func" in values and name in ("to_thread", "run_in_executor"):
        return describe_call(values["func"], values.get("args", ()))
    given = [word for word in code.co_varnames[: code.co_argcount] if word not in ("self", "cls")][:MOST]
    return describe_named(str(name), [values[word] for word in given if word in values])


def _found(code: CodeType, error: BaseException | None) -> Mapping[str, Any]:
    """Return the variables of the function that `error` went through."""
    where = traceback_of(error) if error is not None else None
    while where is not None:
        if where.tb_frame.f_code is code:
            return where.tb_frame.f_locals
        where = where.tb_next
    return {}


def describe_future(future: asyncio.Future[Any]) -> str:
    """Return the name that its maker gave a task, or what its coroutine is called."""
    name = future.get_name() if isinstance(future, asyncio.Task) else ""
    coroutine = future.get_coro() if isinstance(future, asyncio.Task) else None
    if name and not _NUMBERED.fullmatch(name):
        return name
    return describe_coroutine(coroutine) if coroutine is not None else type(future).__name__
