"""The shape of the package stays: no circle of modules, few layers, few entries at its top, one meaning for a name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture import shape

if TYPE_CHECKING:
    import pytest


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = shape.circles(shape.import_graph(shape.modules()))
    assert found == []


def test_a_circle_is_found_through_imports_for_types_too() -> None:
    modules = {}
    for name, imported in (
        ("mainstage.a", "mainstage.b"),
        ("mainstage.b", "mainstage.c"),
        ("mainstage.c", "mainstage.a"),
    ):
        text = f"if TYPE_CHECKING:\n    from {imported} import Thing\n"
        modules[name] = shape.Module(name, shape.PACKAGE / "x.py", text, ast.parse(text))
    assert shape.circles(shape.import_graph(modules)) == [sorted(modules)]
    assert shape.circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_the_import_contract_has_few_layers() -> None:
    assert len(shape.layers()) <= shape.LAYERS


def test_the_top_of_the_package_has_few_entries() -> None:
    assert len(shape.entries()) <= shape.ENTRIES, shape.entries()


def test_no_two_classes_or_public_functions_share_a_name() -> None:
    assert shape.shared_names(shape.modules()) == {}


def test_docstrings_are_plain_english() -> None:
    assert shape.odd_docstrings(shape.modules()) == []


def test_every_figure_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert shape.main([]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(shape.figures())
