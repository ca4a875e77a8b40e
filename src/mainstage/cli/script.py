"""A program as Python itself would run it: `python script.py args` and `python -m module args`, from within."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import os
import pkgutil
import runpy
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from mainstage.run.exit import without_ours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType


class Program(NamedTuple):
    """What to run: the words of a command line from the script, or module, on."""

    words: Sequence[str]
    is_module: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return self.words[0] if self.is_module else os.path.basename(self.words[0])  # noqa: PTH119  # a word

    def trouble(self) -> str:
        """Return why a script cannot be run, as Python says it; "" if nothing is known to be in the way."""
        path = self.words[0]
        if self.is_module or os.path.isdir(path):  # noqa: PTH112  # a word
            return ""
        try:
            with open(path, "rb"):  # noqa: PTH123  # as above
                return ""
        except OSError as error:
            return f"can't open file {_absolute(path)!r}: [Errno {error.errno}] {error.strerror}"

    def run(self) -> None:
        """Run it as `__main__`, in the place of the module that has this name. Raises what it does."""
        main = ModuleType("__main__")
        vars(main)["__builtins__"] = builtins
        if sys.version_info < (3, 14):
            main.__annotations__ = {}
        sys.argv = list(self.words)
        sys.modules["__main__"] = main
        code = self._module(main) if self.is_module else self._file(main)
        exec(code, vars(main))  # noqa: S102  # that is what it is for

    # --- python -m module ---

    def _module(self, main: ModuleType) -> CodeType:
        sys.argv[0] = "-m"
        _put_first(os.getcwd())  # noqa: PTH109  # sys.path holds strings
        code = _found(main, lambda: runpy._get_module_details(self.words[0], _NotFound))  # type: ignore[attr-defined]  # noqa: SLF001  # as pdb and others do
        sys.argv[0] = str(main.__file__)
        return code

    # --- python script.py, folder or archive ---

    def _file(self, main: ModuleType) -> CodeType:
        path = self.words[0]
        if pkgutil.get_importer(path) is not None:
            _put_first(path)
            return _found(main, lambda: runpy._get_main_module_details(_NotFound))  # type: ignore[attr-defined]  # noqa: SLF001  # as above
        whole = _absolute(path)
        _put_first(os.path.dirname(os.path.realpath(path)))  # noqa: PTH120  # as above
        with io.open_code(whole) as file:
            code: CodeType | None = pkgutil.read_code(file)  # as runpy does
        loader: Any = importlib.machinery.SourcelessFileLoader if code else importlib.machinery.SourceFileLoader
        main.__loader__ = loader("__main__", whole)
        main.__file__ = whole
        main.__cached__ = None  # type: ignore[attr-defined]  # as a script has it
        if code is None:
            with io.open_code(whole) as file:
                code = compile(file.read(), whole, "exec", dont_inherit=True)
        return code


class _NotFound(Exception):
    """What runpy raises when there is nothing to run."""


def _found(main: ModuleType, find: Any) -> CodeType:
    spec: ModuleSpec
    code: CodeType
    try:
        _, spec, code = find()
    except _NotFound as trouble:
        from mainstage.cli.shell import say  # noqa: PLC0415  # a program that is found needs it not

        say(f"{sys.executable}: {trouble}", err=True)
        sys.exit(1)
    main.__spec__ = spec
    main.__loader__ = spec.loader
    main.__package__ = spec.parent
    main.__file__ = spec.origin
    main.__cached__ = spec.cached  # type: ignore[attr-defined]  # as runpy does
    return code


def _put_first(folder: str) -> None:
    """Put `folder` first in the import path, in place of ours, unless Python runs in safe-path mode."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _absolute(path: str) -> str:
    """Return `path` as Python makes it absolute: nothing in it is resolved."""
    if os.path.isabs(path):  # noqa: PTH117  # a word
        return path
    return os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118  # as above


# --- how it ends ---


def report(error: BaseException) -> None:
    """Call the program's `sys.excepthook` for `error`, as the interpreter would. Raises `SystemExit` if it does."""
    where = without_ours(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, where
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, where)
    except SystemExit:
        raise
    except BaseException as trouble:  # noqa: BLE001  # whatever a hook of the program's raises
        sys.stderr.write("Error in sys.excepthook:\n")
        traceback.print_exception(type(trouble), trouble, without_ours(trouble))
        sys.stderr.write("\nOriginal exception was:\n")
        traceback.print_exception(type(error), error, where)


def die_silently(interrupt: KeyboardInterrupt) -> NoReturn:
    """Leave by an interrupt that was told of: the interpreter ends as after any, and then of SIGINT."""
    sys.excepthook = _say_nothing
    raise interrupt


def _say_nothing(*_: object) -> None:
    """Take what would be told twice."""
