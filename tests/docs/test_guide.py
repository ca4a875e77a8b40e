"""The guide and the page for contributors name files and functions that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "mainstage"
PAGES = ["docs/design.md", "CONTRIBUTING.md", "SECURITY.md"]
NAMED = re.compile(r"`([\w./-]+\.py)(?:::([\w.]+))?`")
CHANGES = 12


def named(page: str) -> list[tuple[str, str]]:
    return NAMED.findall((ROOT / page).read_text(encoding="utf-8"))


def file_of(name: str) -> Path | None:
    return next((base / name for base in (PACKAGE, ROOT) if (base / name).is_file()), None)


def names_of(body: list[ast.stmt], prefix: str = "") -> set[str]:
    """Return the names that `body` binds, with those within its classes as "Class.name"."""
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            found |= names_of(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    assert [name for name, _ in named(page) if file_of(name) is None] == []


def test_every_function_of_the_walks_is_there() -> None:
    walked = [(name, function) for name, function in named("docs/design.md") if function]
    assert len(walked) > 20  # the pattern still finds them
    missing = []
    for name, function in walked:
        file = file_of(name)
        assert file is not None, name
        if function not in names_of(ast.parse(file.read_text(encoding="utf-8")).body):
            missing.append(f"{name}::{function}")
    assert missing == []


def test_each_kind_of_change_has_a_file() -> None:
    rows = [
        line for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    assert len(rows) - 1 >= CHANGES
    assert [row for row in rows[1:] if file_of(NAMED.findall(row)[0][0]) is None] == []
