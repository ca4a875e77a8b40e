from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from rich.theme import Theme

import mainstage


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"max_workers": "8"}, TypeError, "max_workers must be a whole number, not '8'"),
        ({"max_workers": 2.5}, TypeError, "max_workers must be a whole number, not 2.5"),
        ({"timeout": "30"}, TypeError, "timeout must be a number of seconds, not '30'"),
        ({"retries": "3"}, TypeError, "retries must be a whole number, not '3'"),
        ({"grace": None}, TypeError, "grace must be a number of seconds, not None"),
        ({"executor": "processes"}, ValueError, "executor='processes' .*; did you mean 'process'?"),
        ({"on_error": "colect"}, ValueError, "on_error='colect' .*; did you mean 'collect'?"),
        ({"desc": "Reading"}, TypeError, "no keyword 'desc': use title="),
        ({"description": "Reading"}, TypeError, "no keyword 'description': use title="),
        ({"n_jobs": 8}, TypeError, "no keyword 'n_jobs': use max_workers="),
        ({"transient": True}, TypeError, "no keyword 'transient': .*leave=False"),
        ({"refresh_per_second": 4}, TypeError, "at the pace of the display"),
        ({"layuot": "tree"}, TypeError, "did you mean layout="),
    ],
)
def test_an_argument_of_a_run_that_makes_no_sense_is_named(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message.replace("?", r"\?")):
        mainstage.Run(**arguments)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"view": "silnt"}, ValueError, "view='silnt' is no view; .*; did you mean 'silent'?"),
        ({"view": 3}, TypeError, "view=3 is neither the name of a view nor a View"),
        ({"layout": "tre"}, ValueError, "layout='tre' is no layout; .*; did you mean 'tree'?"),
        ({"layout": 3}, TypeError, "layout=3 is neither the name of a layout nor a Dashboard"),
        (
            {"theme": {"bar.complet": "red"}},
            ValueError,
            "theme= has no style 'bar.complet'; did you mean 'bar.complete'?",
        ),
        ({"theme": {"bar.complete": "gren"}}, ValueError, "theme= 'bar.complete': 'gren' is no colour .*'green'?"),
        ({"theme": Theme({"bar.bakc": "red"})}, ValueError, "theme= has no style 'bar.bakc'"),
    ],
)
def test_an_argument_of_the_display_that_makes_no_sense_is_named_where_there_is_no_terminal_too(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message.replace("?", r"\?")), mainstage.Run(**arguments):
        pass


def test_a_theme_may_add_names_of_its_own_and_take_all_that_rich_takes() -> None:
    theme = {"acme.warning": "bold red on white", "bar.complete": "not bold #ff0000", "bar.back": "link https://a.b"}
    with mainstage.Run(view="silent", theme=theme):
        pass


def test_numbers_of_other_kinds_are_numbers() -> None:
    class Index:
        def __index__(self) -> int:
            return 2

    mainstage.Run(max_workers=True, timeout=Fraction(1, 2))  # type: ignore[arg-type]
