"""What `TQDM_*` variables say where a program says nothing: `TQDM_DISABLE=1`, `TQDM_MININTERVAL=5`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

PREFIX = "TQDM_"
NO = ("", "0", "false", "no", "off")
INTEGERS = ("ncols", "nrows", "position")
TRUTHS = ("leave", "disable", "dynamic_ncols", "write_bytes", "gui")
MIXED = ("ascii", "unit_scale")
"""Arguments that are a truth or something else."""
NUMBERS = ("total", "mininterval", "maxinterval", "miniters", "smoothing", "initial", "unit_divisor", "delay")


def defaults_from(env: Mapping[str, str], function: FunctionType) -> tuple[Any, ...]:
    """Return the defaults of the function, those replaced that a variable names; what makes no sense is ignored."""
    said = {name[len(PREFIX) :].lower(): text for name, text in env.items() if name.upper().startswith(PREFIX)}
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    return tuple(
        _read(name, said[name], default) if name in said else default
        for name, default in zip(names, defaults, strict=True)
    )


def _read(name: str, text: str, default: Any) -> Any:
    try:
        if name in INTEGERS:
            return int(text)
        if name in NUMBERS:
            return _number(text)
        if name in TRUTHS:
            return text.lower() not in NO
        if name in MIXED:
            return _mixed(text)
    except ValueError:
        return default
    return text if name in ("desc", "unit", "bar_format", "colour") else default


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _mixed(text: str) -> Any:
    if text.lower() in NO or text.lower() in ("1", "true", "yes", "on"):
        return text.lower() not in NO
    try:
        return _number(text)
    except ValueError:
        return text
