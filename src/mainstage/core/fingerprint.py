"""What stays the same from one process to the next: bytes of a value, and of what a function is made of.

Two values that are equal and of the same types have the same bytes in every process: sets and dicts in whatever order,
and strings whether they are one object or two. Pickles are not so: they depend on the seed of hashes, and on identity.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import struct
import sys
import sysconfig
import types
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SIZE = 16
"""Bytes of a digest."""
DEEPEST = 200
"""Levels of a value."""
MOST_FILES = 500
"""Files of a program that are looked at."""


class NotCanonical(TypeError):
    """A value has no bytes of this kind; the message says which and why."""


# --- values ---


def digest_of(*values: Any) -> bytes:
    """Return a digest of `values`. Raises `NotCanonical`."""
    digest = blake2b(digest_size=SIZE)
    for value in values:
        digest.update(canonical(value))
    return digest.digest()


def canonical(value: Any) -> bytes:
    """Return the bytes of `value`. Raises `NotCanonical`."""
    if type(value) is tuple and len(value) == 1:  # most are arguments of one plain value
        atom = _ATOMS.get(type(value[0]))
        if atom is not None:
            return _ALONE + atom(value[0])
    return b"".join(_pieces(value, {}))


def _pieces(value: Any, above: dict[int, int]) -> Iterator[bytes]:
    kind = type(value)
    atom = _ATOMS.get(kind)
    if atom is not None:
        yield atom(value)
        return
    if id(value) in above:
        yield b"<" + str(above[id(value)]).encode()  # a circle: how far down it closes
        return
    if len(above) >= DEEPEST:
        raise NotCanonical(f"{kind.__name__} is nested more than {DEEPEST} levels deep")
    above[id(value)] = len(above)
    try:
        if kind in _SEQUENCES:
            yield _SEQUENCES[kind] + _count(value)
            for item in value:
                yield from _pieces(item, above)
        elif kind in (set, frozenset):
            yield (b"{" if kind is set else b"}") + _count(value)
            yield from sorted(b"".join(_pieces(item, above)) for item in value)
        elif kind is dict:
            yield b":" + _count(value)
            for pair in sorted((b"".join(_pieces(key, above)), b"".join(_pieces(value[key], above))) for key in value):
                yield from pair
        else:
            yield from _object(value, above)
    finally:
        del above[id(value)]


_pack_count = struct.Struct("<Q").pack


def _count(value: Any) -> bytes:
    return _pack_count(len(value))


def _sized(sign: bytes, data: bytes) -> bytes:
    return sign + _pack_count(len(data)) + data


def _integer(value: int) -> bytes:
    digits = hex(value).encode()  # hex: Python bounds the digits of a decimal
    return b"i" + _pack_count(len(digits)) + digits


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: _integer,
    float: lambda value: b"f" + struct.pack("<d", value),
    complex: lambda value: b"c" + struct.pack("<dd", value.real, value.imag),
    str: lambda value: _sized(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: _sized(b"b", value),
    bytearray: lambda value: _sized(b"a", bytes(value)),
    type(Ellipsis): lambda _: b"E",
}
_SEQUENCES: dict[type, bytes] = {tuple: b"(", list: b"["}
_ALONE = b"(" + _count("1")
_CONSTANTS = frozenset(_ATOMS) - {bytearray}
_OTHERS = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
"""What comes from other modules, whose files are looked at."""


def _object(value: Any, above: dict[int, int]) -> Iterator[bytes]:
    """Yield the bytes of what pickle would take apart."""
    if isinstance(value, type):
        yield _sized(b"C", _name(value).encode())
        return
    if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
        yield _sized(b"F", fingerprint(value))
        return
    if isinstance(value, types.BuiltinFunctionType):
        yield _sized(b"B", _name(value).encode())
        if not isinstance(value.__self__, types.ModuleType) and value.__self__ is not None:
            yield from _pieces(value.__self__, above)
        return
    if isinstance(value, types.ModuleType):
        yield _sized(b"M", value.__name__.encode())
        return
    if isinstance(value, types.CodeType):
        yield _sized(b"O", _code(value, above))
        return
    try:
        reduced = value.__reduce_ex__(4)  # 5 would hand out buffers
    except Exception as error:  # noqa: BLE001  # whatever a class says
        raise NotCanonical(f"{type(value).__name__} does not pickle ({error})") from None
    if isinstance(reduced, str):
        yield _sized(b"G", f"{_name(type(value))} {reduced}".encode())
        return
    make, args, *rest = reduced
    state, items, pairs = ([*rest, None, None, None])[:3]
    yield b"R"
    yield from _pieces(make, above)
    yield from _pieces(args, above)
    yield from _pieces(state, above)
    for many in (items, pairs):
        yield from _pieces(None if many is None else list(many), above)


def _name(value: Any) -> str:
    """Return what a class or a function is called: of a script as of the module that it would be."""
    module = getattr(value, "__module__", None) or ""
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "__main__").stem
    return f"{module}:{getattr(value, '__qualname__', repr(type(value)))}"


# --- functions ---


def fingerprint(fn: Any, version: str = "", uses: Iterable[Any] = ()) -> bytes:
    """Return what tells `fn` from other functions, and from itself as it was, `version` in the place of its code.

    Its code counts with that of functions of its own module that it names, and of those in `uses`; names of files,
    lines and comments do not. Raises `NotCanonical`: a value that it closes over has no bytes.
    """
    if version:
        return digest_of("version", _name(getattr(fn, "func", fn)), version)
    return digest_of(sys.implementation.cache_tag or "", _made_of(fn, set()), [_made_of(one, set()) for one in uses])


def _made_of(fn: Any, seen: set[int]) -> list[Any]:
    """Return what is known of a callable, as values that have bytes."""
    if isinstance(fn, functools.partial):
        return ["partial", _made_of(fn.func, seen), list(fn.args), dict(fn.keywords)]
    if isinstance(fn, types.MethodType):
        return ["method", _made_of(fn.__func__, seen), fn.__self__]
    if isinstance(fn, types.FunctionType):
        return _function(fn, seen)
    if isinstance(fn, type):
        return ["class", _name(fn), _methods(fn, seen)]
    if hasattr(fn, "__wrapped__"):
        return ["wrapped", _name(type(fn)), _made_of(fn.__wrapped__, seen)]
    call = getattr(type(fn), "__call__", None)  # noqa: B004  # what is looked for is the function
    return ["object", fn, _made_of(call, seen)] if isinstance(call, types.FunctionType) else ["name", _name(fn)]


def _function(fn: types.FunctionType, seen: set[int]) -> list[Any]:
    if id(fn) in seen:
        return ["again", _name(fn)]
    seen.add(id(fn))
    defaults = [fn.__defaults__, fn.__kwdefaults__]
    return ["function", _name(fn), fn.__code__, defaults, _closed_over(fn, seen), _helpers(fn, seen)]


def _methods(kind: type, seen: set[int]) -> list[Any]:
    found = sorted((name, one) for name, one in vars(kind).items() if isinstance(one, types.FunctionType))
    return [[name, _made_of(one, seen)] for name, one in found]


def _closed_over(fn: types.FunctionType, seen: set[int]) -> list[Any]:
    found = []
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not yet set
            continue
        if isinstance(value, types.FunctionType):
            value = _made_of(value, seen)
        try:
            found.append([name, canonical(value)])
        except NotCanonical as error:
            raise NotCanonical(f"it closes over {name}, and {error}") from None
    return found


def _helpers(fn: types.FunctionType, seen: set[int]) -> list[Any]:
    """Return what the code names in its module: functions and classes of it by what they are made of, and constants."""
    found = []
    for name, one in _named(fn):
        if _is_of(one, fn.__module__):
            found.append([name, _made_of(one, seen)])
        elif _is_constant(one):
            found.append([name, one])
    return found


def _named(fn: types.FunctionType) -> list[tuple[str, Any]]:
    names = sorted({name for code in _codes(fn.__code__) for name in code.co_names})
    return [(name, fn.__globals__[name]) for name in names if name in fn.__globals__]


def _is_of(value: Any, module: str) -> bool:
    return isinstance(value, types.FunctionType | type) and value.__module__ == module


def _is_constant(value: Any) -> bool:
    """Return whether a value is as the source says, whatever the program does."""
    return type(value) in _CONSTANTS or (type(value) in (tuple, frozenset) and all(map(_is_constant, value)))


def _is_all_known(fn: Any, seen: set[int]) -> bool:
    """Return whether all that a function names in its own module is in its fingerprint, or a module's of its own."""
    if isinstance(fn, type):
        return all(_is_all_known(one, seen) for one in vars(fn).values() if isinstance(one, types.FunctionType))
    if not isinstance(fn, types.FunctionType) or id(fn) in seen:
        return True
    seen.add(id(fn))
    for _, one in _named(fn):
        if _is_of(one, fn.__module__):
            if not _is_all_known(one, seen):
                return False
        elif not (_is_constant(one) or isinstance(one, _OTHERS)):
            return False
    return True


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


def _code(code: types.CodeType, above: dict[int, int]) -> bytes:
    parts = (
        code.co_code, code.co_consts, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_exceptiontable,
    )  # fmt: skip
    return b"".join(_pieces(parts, above))


# --- files ---


def source_files(functions: Iterable[Any]) -> dict[str, str]:
    """Return the files of the program that functions are made of, each with a digest of what Python makes of it.

    Modules that these name are among them, and so on; the standard library and what is installed are not. Comments
    and blank lines do not count. A function's own file is none if all that counts in it is in the fingerprint.
    """
    modules: dict[str, types.ModuleType] = {}
    waiting: list[types.ModuleType] = []
    found: dict[str, str] = {}
    for fn in map(_innermost, functions):
        module = sys.modules.get(getattr(fn, "__module__", None) or "")
        if module is not None and _is_all_known(fn, set()):
            modules[module.__name__] = module
            waiting += _modules_named_by(module)
        elif module is not None:
            waiting.append(module)
    while waiting and len(found) < MOST_FILES:
        module = waiting.pop()
        path = getattr(module, "__file__", None)
        if module.__name__ in modules or not path or _is_installed(path):
            continue
        modules[module.__name__] = module
        digest = _file_digest(path)
        if digest:
            found[path] = digest
        waiting += _modules_named_by(module)
    return found


def _innermost(fn: Any) -> Any:
    """Return the function in partial ones, methods, decorated ones and callable objects."""
    while not isinstance(fn, types.FunctionType | type):
        for name in ("func", "__wrapped__", "__func__"):
            inner = getattr(fn, name, None)
            if inner is not None:
                break
        else:
            return type(fn)
        fn = inner
    return fn


def _modules_named_by(module: types.ModuleType) -> Iterator[types.ModuleType]:
    for value in list(vars(module).values()):
        if isinstance(value, types.ModuleType):
            yield value
        elif isinstance(value, types.FunctionType | type):
            other = sys.modules.get(value.__module__)
            if other is not None:
                yield other


@functools.cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    own = str(Path(import_module(__name__.partition(".")[0]).__file__ or "").parent)
    return (*{paths[name] for name in names if paths.get(name)}, own)


def _is_installed(path: str) -> bool:
    return "site-packages" in path or path.startswith(_library_folders())


def _file_digest(path: str) -> str:
    """Return a digest of a source file; "": it cannot be read."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return ""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        data = ast.dump(ast.parse(data)).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=SIZE).hexdigest()
