"""From `pkg.module:function` or `path/to/file.py:function` to the function."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mainstage.errors import explain, text_of, traceback_of
from mainstage.tasks.stepwise import stepwise

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

FORM = "pkg.module:function or path/to/file.py:function"


class Target(NamedTuple):
    """What to call, and the name that its results are kept under."""

    name: str
    function: Callable[[str], Any]
    file: ModuleType | None = None
    """What was loaded from a file that was named."""


def load_target(text: str) -> Target:
    """Import what `text` names; `click.UsageError` says what is wrong with it and what would be right.

    The current folder is importable, as for `python -m`, and so is the folder of a `file.py`, as for `python file.py`.
    """
    place, colon, attribute = text.rpartition(":")
    if not colon or not place or not attribute:
        raise click.UsageError(f"TARGET must be {FORM}, not {text!r}")
    _importable(os.getcwd())  # noqa: PTH109  # sys.path holds strings
    is_file = place.endswith(".py") or os.sep in place
    module = _load_file(place) if is_file else _load_module(place)
    found = _find(module, place, attribute)
    function = _runnable(found, text)
    _check_arity(found, text)
    name = f"{os.path.normpath(place) if is_file else place}:{attribute}"
    return Target(name, function, module if is_file else None)


def register_by_value(target: Target) -> None:
    """Pickle a target from a file by value for the workers of a cluster: they have no such module."""
    try:
        import cloudpickle  # noqa: PLC0415  # an extra, which those of clusters bring
    except ImportError:
        return  # the engine is missing too, and is told
    if target.file is not None:
        cloudpickle.register_pickle_by_value(target.file)


def _importable(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _load_file(path: str) -> ModuleType:
    if not os.path.isfile(path):  # noqa: PTH113  # a word of the command line
        raise click.UsageError(f"TARGET: there is no file {path!r}")
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100  # as above
    _importable(folder)
    stem = name.removesuffix(".py")
    known = stem in sys.modules or stem in sys.stdlib_module_names
    spec = importlib.util.spec_from_file_location(f"target_{stem}" if known else stem, path)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"TARGET: {path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # as import does: dataclasses and pickle look there
    loader = spec.loader
    _guarded(path, lambda: loader.exec_module(module))
    return module


def _load_module(name: str) -> ModuleType:
    found: list[ModuleType] = []
    _guarded(name, lambda: found.append(importlib.import_module(name)))
    return found[0]


def _guarded(place: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(error.name + ".")):
            raise click.UsageError(
                f"TARGET: there is no module {error.name!r} here or in sys.path; for a file: path/file.py:function"
            ) from error
        raise click.UsageError(f"TARGET: {place!r} could not be imported: {text_of(error)}") from error
    except (Exception, SystemExit) as error:
        where = _last_line(error)
        raise click.UsageError(f"TARGET: {place!r} could not be imported: {explain(error)}{where}") from error


def _last_line(error: BaseException) -> str:
    traceback = traceback_of(error)
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f" ({traceback.tb_frame.f_code.co_filename}, line {traceback.tb_lineno})"


def _find(module: ModuleType, place: str, attribute: str) -> Any:
    found: Any = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            near = difflib.get_close_matches(name, [n for n in dir(found) if callable(getattr(found, n, None))], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"TARGET: {place!r} has no {attribute!r}{hint}") from error
    return found


def _check_arity(found: Any, text: str) -> None:
    """Raise `click.UsageError` for a function that cannot be called with one input."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # a built-in function that does not tell
        return
    try:
        signature.bind("")
    except TypeError as error:
        raise click.UsageError(
            f"TARGET: {text!r} takes {signature}, and is called with one input: {error}{_place_of(found)}"
        ) from error


def _place_of(found: Any) -> str:
    code = getattr(inspect.unwrap(found), "__code__", None)
    return "" if code is None else f" ({code.co_filename}, line {code.co_firstlineno})"


def _runnable(found: Any, text: str) -> Callable[[str], Any]:
    if not callable(found):
        raise click.UsageError(
            f"TARGET: {text!r} is of type {type(found).__name__}; it must be a function of one input"
        )
    if inspect.iscoroutinefunction(found):
        raise click.UsageError(f"TARGET: {text!r} is async; wrap it in a function that calls asyncio.run")
    if inspect.isgeneratorfunction(found):
        found = stepwise(found)  # what it yields is progress: a generator as a result is of use to nobody
    function: Callable[[str], Any] = found
    return function
