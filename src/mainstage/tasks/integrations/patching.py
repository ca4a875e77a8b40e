"""Attributes of other libraries' classes, replaced while a run is live, now or as soon as the library is imported."""

from __future__ import annotations

import contextlib
import functools
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec

_MISSING = object()


class Patch:
    """One attribute of a class or module. It is kept as the class has it: a staticmethod comes back as one."""

    def __init__(self, owner: type | ModuleType, name: str, replacement: object) -> None:
        self._owner = owner
        self._name = name
        self._found = vars(owner).get(name, _MISSING)
        self._ours = replacement
        setattr(owner, name, replacement)

    def undo(self) -> bool:
        """Restore it, unless ours has been wrapped: then ours stays inside, and hands on. Return whether it is gone."""
        if vars(self._owner).get(self._name) is not self._ours:
            return False
        if self._found is _MISSING:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._found)
        return True


def wrap(owner: type | ModuleType, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Patch:
    """Replace a method or function by what `make` returns for it; pickle finds it by its name."""
    original = getattr(owner, name)
    ours = functools.wraps(original)(make(original))
    if isinstance(owner, ModuleType):  # `os._exit` says that it is of `posix`, where the original still is
        ours.__module__, ours.__qualname__ = owner.__name__, name
    return Patch(owner, name, ours)


class ImportWatch:
    """Calls a function with each of some modules: at once if it is loaded, else after its import."""

    def __init__(self, wanted: Mapping[str, Callable[[ModuleType], None]]) -> None:
        self._wanted = wanted

    def start(self) -> None:
        """Look at what is loaded, and watch from now on."""
        sys.meta_path.insert(0, self)
        for name, call in self._wanted.items():
            module = sys.modules.get(name)
            if module is not None:
                _tell(call, module)

    def stop(self) -> None:
        """Watch no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find for a wanted module, with a loader that calls us after its own."""
        call = self._wanted.get(name)
        if call is None:
            return None
        for finder in list(sys.meta_path):
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, call)  # type: ignore[assignment]  # a loader in all that is asked
                return spec
        return None


class _Loader:
    """A loader that tells of the module it has loaded, and leaves no trace on it."""

    def __init__(self, loader: Any, call: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the loader."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As the loader, then tell."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _tell(self._call, module)


def _tell(call: Callable[[ModuleType], None], module: ModuleType) -> None:
    with contextlib.suppress(AttributeError, KeyError):  # a version of another shape: it stays as it is
        call(module)
