"""The shape of the package in figures: `make shape`. It reads the source as text and imports nothing.

Imports count wherever they stand: at the top, under `if TYPE_CHECKING`, and inside functions.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
import tokenize
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "mainstage"
ENTRIES = 20
LAYERS = 13
CONSTRUCTOR = 30
MODULE = 800
ODD = re.compile(
    r"^(Have|Let|Be|Learn|Know|Hear)\b|\b(whoever|whosoever|nobody|somebody|as ever|is told|are told|at any rate|lest"
    r"|whence|thereby|what has come|to be had)\b"
)
"""How a docstring begins, or what it says, where it is not plain English."""
PUBLIC_TWICE = {"Progress", "map", "track"}
"""Names on two public faces, as `mainstage.map` and `mainstage.aio.map`; those of `mainstage.rich` are Rich's."""
BLANK = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


class Module(NamedTuple):
    """One file of the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def file(self) -> str:
        return str(self.path.relative_to(PACKAGE))


@functools.cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, text, ast.parse(text))
    return found


def import_graph(known: dict[str, Module]) -> dict[str, set[str]]:
    """Return which modules each module imports."""
    graph: dict[str, set[str]] = {}
    for module in known.values():
        named: set[str] = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:  # ruff bans relative imports
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    named.add(full if full in known else str(node.module))
        graph[module.name] = {name for name in named if name in known and name != module.name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of modules that import each other, directly or not: modules that reach each other."""
    reach = {name: _reached(graph, name) for name in graph}
    found: list[list[str]] = []
    placed: set[str] = set()
    for name in graph:
        if name not in placed and name in reach[name]:
            circle = sorted(other for other in reach[name] if name in reach[other])
            placed.update(circle)
            found.append(circle)
    return found


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += graph[name]
    return seen


def layers() -> list[str]:
    """Return the layers of the import contract, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    found: list[str] = next(one["layers"] for one in contracts if one["type"] == "layers")
    return found


def entries() -> list[str]:
    """Return the modules and packages at the top of the package."""
    return sorted(path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or list(path.glob("*.py")))


def shared_names(known: dict[str, Module]) -> dict[str, list[str]]:
    """Return the public names that more than one class, or more than one function of a module, has; with the files."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in known.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module.file)
        functions = [node for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for name in {node.name for node in functions}:
            places[name].append(module.file)
    shared = {name: files for name, files in sorted(places.items()) if len(files) > 1 and not name.startswith("_")}
    return {name: files for name, files in shared.items() if name not in PUBLIC_TWICE}


def lines_of_code(module: Module) -> int:
    """Return how many lines hold code: neither blank, nor a comment, nor of a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in BLANK:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def long_constructors(known: dict[str, Module]) -> list[str]:
    found = []
    for module in known.values():
        for owner in ast.walk(module.tree):
            for node in owner.body if isinstance(owner, ast.ClassDef) else ():
                if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                    size = (node.end_lineno or node.lineno) - node.lineno
                    if size > CONSTRUCTOR:
                        found.append(f"{module.file}:{node.lineno} {size}")
    return found


def odd_docstrings(known: dict[str, Module]) -> list[str]:
    found = []
    for module in known.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                text = ast.get_docstring(node)
                if text and ODD.search(text):
                    found.append(f"{module.file}:{getattr(node, 'lineno', 1)} {text.splitlines()[0]}")
    return found


@functools.cache
def figures() -> list[tuple[str, int, object, list[str]]]:
    """Return each figure with its goal, and what it counts."""
    known = modules()
    ignores = [module.file for module in known.values() for _ in re.findall(r"# type: ignore", module.text)]
    large = [module.file for module in known.values() if module.text.count("\n") > MODULE]
    found = circles(import_graph(known))
    shared = [f"{name}: {', '.join(files)}" for name, files in shared_names(known).items()]
    constructors, odd = long_constructors(known), odd_docstrings(known)
    return [
        ("entries at the top of the package", len(entries()), ENTRIES, entries()),
        ("layers of the import contract", len(layers()), LAYERS, layers()),
        ("circles of modules", len(found), 0, [" ".join(circle) for circle in found]),
        ("modules", len(known), 135, []),
        ("lines of code", sum(map(lines_of_code, known.values())), 19_500, []),
        (f"modules over {MODULE} lines", len(large), 0, large),
        ("names that two classes or public functions share", len(shared), 0, shared),
        ("type: ignore", len(ignores), "none on types of our own", []),
        (f"constructors over {CONSTRUCTOR} lines", len(constructors), 0, constructors),
        ("docstrings in odd English", len(odd), 0, odd),
    ]


def main(words: list[str]) -> int:
    """Print the figures; with `-v` what is counted too."""
    for name, count, goal, counted in figures():
        sys.stdout.write(f"{name:<50} {count:>7,}   goal {goal}\n")
        if "-v" in words:
            sys.stdout.writelines(f"    {one}\n" for one in counted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
