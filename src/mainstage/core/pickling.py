"""What crosses a process border: values pickled, exceptions packed so that they arrive, and the culprit named if not.

Large buffers (of NumPy arrays, of anything that speaks pickle protocol 5) travel beside the pickle: no second copy.
"""

from __future__ import annotations

import pickle
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.core.describe import describe
from mainstage.errors import (
    RemoteTraceback,
    Unpicklable,
    add_note,
    args_of,
    cause_of,
    describe_error,
    explain,
    is_instance,
    notes_of,
    set_args,
    set_cause,
    set_traceback,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstage.events import ErrorReport

PROTOCOL = 5
MAIN = b"__main__"
"""What a pickle has in it that needs the main program."""
LARGE = 1 << 16
"""Bytes from which on a buffer travels beside the pickle."""
DEEP = 4
"""Levels that are looked into for what would not pickle."""
MANY = 64
MOVE = "put it into a module that they can import, or install mainstage[cloudpickle]"


class Pickled(NamedTuple):
    """A pickled value and its large buffers."""

    data: bytes
    buffers: list[memoryview]


class PickleContext(threading.local):
    """What stands for things that stay on their side, while this thread pickles something for the other one."""

    replace: Callable[[Any], tuple[Any, ...]] | None = None
    by_value = False
    """Whether the other side cannot import the main program: what is of it travels by value, where that is possible."""


context = PickleContext()


@contextmanager
def substituting(replace: Callable[[Any], tuple[Any, ...]], *, forked: bool = False) -> Iterator[None]:
    """Pickle things that stay here (raw queues) as what `replace` returns for them.

    `forked`: the other side has this program in memory.
    """
    context.replace = replace
    context.by_value = not forked and _main_is_no_file()
    try:
        yield
    finally:
        context.replace = None
        context.by_value = False


def pack(value: Any, what: str) -> Pickled:
    """Pickle `value`; `Unpicklable` names `what`, and what in it would not."""
    return _pack(value, what, LARGE)


def pickle_inline(value: Any, what: str) -> bytes:
    """As `pack`, with nothing beside it: for ways that carry bytes and no more."""
    return _pack(value, what, None).data


def _pack(value: Any, what: str, large: int | None) -> Pickled:
    try:
        cargo = _load(value, pickle.dumps, large)
        if context.by_value and MAIN in cargo.data:
            return _by_value(value, large) or cargo
        return cargo
    except BaseException as error:  # noqa: BLE001  # a __reduce__ of the user's may raise anything
        by_value = _by_value(value, large)
        if by_value is not None:
            return by_value
        raise _refusal(value, what, error) from None


def _load(value: Any, dumps: Callable[..., bytes], large: int | None) -> Pickled:
    """Pickle `value` with `dumps`, its buffers from `large` bytes on beside it."""
    buffers: list[memoryview] = []

    def beside(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if large is None or raw.nbytes < large:
            return True
        buffers.append(raw)
        return False

    return Pickled(dumps(value, PROTOCOL, buffer_callback=beside), buffers)


def pack_many(values: list[Any]) -> list[bytes] | None:
    """Pickle each of many small values; None: some are not so simple, and are to be packed one by one."""
    found: list[pickle.PickleBuffer] = []
    dumps = pickle.dumps
    try:
        packed = [dumps(value, PROTOCOL, buffer_callback=found.append) for value in values]
    except BaseException:  # noqa: BLE001  # whatever it is, `pack` tells
        return None
    if found or (context.by_value and any(MAIN in data for data in packed)):
        return None
    return packed


def pack_call(fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, forked: bool) -> Pickled:
    """Pickle a call; `forked`: the other side has this program in memory."""
    if not forked and unimportable(fn):
        cargo = _by_value((fn, args, kwargs), LARGE)
        if cargo is None:
            raise Unpicklable(_unreachable(fn))
        return cargo
    return pack((fn, args, kwargs), "the call")


def _unreachable(fn: Any) -> str:
    name = getattr(fn, "__qualname__", describe(fn))
    return (
        f"{name} belongs to a program on stdin, from -c or of a prompt, which worker processes cannot import: "
        "put it into a file, or install mainstage[cloudpickle]"
    )


def pack_function(fn: Any, *, forked: bool = False, large: int | None = LARGE) -> Pickled:
    """Pickle a function; one of a program that cannot be imported travels by value, where cloudpickle is installed.

    With `large=None` there is nothing beside it.
    """
    if not forked and unimportable(fn):
        cargo = _by_value(fn, large)
        if cargo is None:
            raise Unpicklable(_unreachable(fn))
        return cargo
    return _pack(fn, "the function", large)


def pickle_by_value(value: Any, what: str, *, large: int | None = LARGE) -> Pickled:
    """Pickle `value` for workers that have another main program than this one: what is of it goes by value.

    So does what is of a module of which cloudpickle was told so (`register_pickle_by_value`). `large` as above.
    """
    packed = _pack(value, what, large)
    told = getattr(sys.modules.get("cloudpickle"), "list_registry_pickle_by_value", tuple)
    if any(module.encode() in packed.data for module in ("__main__", *told())):
        by_value = _by_value(value, large)
        if by_value is not None:
            return by_value
        if getattr(value, "__module__", "") == "__main__":
            name = getattr(value, "__qualname__", describe(value))
            raise Unpicklable(f"{what} {name} is of the main program, which workers of a cluster do not have: {MOVE}")
    return packed


def unimportable(fn: Any) -> bool:
    """Return whether `fn` is of a main program that is no file."""
    try:
        module = getattr(fn, "__module__", None)
    except Exception:  # noqa: BLE001  # a callable object of the user's may raise anything
        return False
    return type(module) is str and module == "__main__" and _main_is_no_file()


def _main_is_no_file() -> bool:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return file is None or file.startswith("<")


def unpack(data: bytes | bytearray | memoryview, buffers: Sequence[bytearray] = ()) -> Any:
    """Return the value; raises whatever its making raises."""
    return pickle.loads(data, buffers=buffers)  # noqa: S301  # from a process of our own, over a pipe of our own


def not_made(error: BaseException) -> Unpicklable:
    """Return the error of a call that could not be unpickled where it was to run."""
    made = Unpicklable(f"function or arguments could not be made in the worker: {explain(error)}")
    made.__cause__ = error
    return made


def _by_value(value: Any, large: int | None) -> Pickled | None:
    """Pickle with cloudpickle; None: it is not installed, or cannot either."""
    try:
        import cloudpickle  # noqa: PLC0415  # an extra
    except ImportError:
        return None
    try:
        return _load(value, cloudpickle.dumps, large)
    except BaseException:  # noqa: BLE001  # it says less than pickle about what is wrong
        return None


def _refusal(value: Any, what: str, error: BaseException) -> Unpicklable:
    try:
        path, culprit = _culprit(value, "", DEEP)
    except BaseException:  # noqa: BLE001  # attributes of the user's may raise anything
        path, culprit = "", value
    where = f"{what}{path}" if path else what
    hint = ""
    if callable(culprit):
        hint = "; define it at the top level of a module, or install mainstage[cloudpickle]"
    return Unpicklable(f"{where} cannot be sent to another process: {describe(culprit)} ({explain(error)}){hint}")


def _refuses(value: Any) -> bool:
    try:
        pickle.dumps(value, PROTOCOL)
    except BaseException:  # noqa: BLE001  # as above
        return True
    return False


def _culprit(value: Any, path: str, levels: int) -> tuple[str, Any]:
    """Return the innermost part that refuses, and the way to it."""
    if levels:
        for step, part in _parts(value):
            if _refuses(part):
                return _culprit(part, path + step, levels - 1)
    return path, value


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        parts = [(f"[{describe(key)}]", part) for key, part in value.items()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [(f"[{index}]", part) for index, part in enumerate(value)]
    else:
        parts = [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]
    return parts[:MANY]


# --- exceptions ---


def pack_error(error: BaseException) -> bytes:
    """Pickle an exception with its description, so that the other side can make it, whatever its constructor wants."""
    report = describe_error(error)
    set_traceback(error, None)
    notes = notes_of(error)
    try:
        data = pickle.dumps(error, PROTOCOL)
        if type(pickle.loads(data)) is type(error):  # noqa: S301  # just made
            return pickle.dumps((tuple(report), data, None, notes), PROTOCOL)
    except BaseException:  # noqa: BLE001, S110  # then in parts
        pass
    return pickle.dumps((tuple(report), None, _in_parts(error), notes), PROTOCOL)


def _in_parts(error: BaseException) -> bytes | None:
    """Pickle class, arguments and attributes by themselves, what refuses as its description; None: not the class."""

    def safe(value: Any) -> Any:
        try:
            pickle.loads(pickle.dumps(value, PROTOCOL))  # noqa: S301  # just made
        except BaseException:  # noqa: BLE001  # as above
            return describe(value)
        return value

    try:
        args = tuple(safe(arg) for arg in args_of(error))
        state = {name: safe(value) for name, value in state_of(error).items() if name != "__notes__"}
        data = pickle.dumps((type(error), args, state), PROTOCOL)
        _assemble(data)
    except BaseException:  # noqa: BLE001  # a class of some function, say
        return None
    return data


def _assemble(data: bytes) -> BaseException:
    kind, args, state = pickle.loads(data)  # noqa: S301  # as in `unpack`
    error: BaseException = kind.__new__(kind, *args)
    set_args(error, args)
    state_of(error).update(state)
    return error


def unpack_error(data: bytes | bytearray | memoryview) -> tuple[BaseException, ErrorReport]:
    """Return the exception that `pack_error` packed, the worker's traceback as its cause, and its description."""
    from mainstage.events import ErrorReport  # noqa: PLC0415  # only failures pay for it

    told, whole, parts, notes = pickle.loads(data)  # noqa: S301  # as in `unpack`
    report = ErrorReport(*told)
    made: object = None
    try:
        made = pickle.loads(whole) if whole is not None else _assemble(parts) if parts is not None else None  # noqa: S301
    except BaseException as trouble:  # noqa: BLE001  # this side may lack a module
        notes.append(f"it could not be made here ({explain(trouble)})")
    error: BaseException = Unpicklable(
        f"{report.type}: {report.text} (the exception itself cannot be sent between processes)"
    )
    if is_instance(made, BaseException):
        error = made
    for note in notes:
        add_note(error, note)
    if cause_of(error) is None:
        set_cause(error, RemoteTraceback(report.traceback))
    return error, report
