"""What a call is called: by its string or path, as a call, or as its map says."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mainstage.core.item_names import describe_call, namer


def deep() -> None:
    """Do nothing."""


def throw(error: object, *_: object) -> object:
    return error


def test_a_call_is_named_by_its_function_and_first_arguments() -> None:
    assert describe_call(deep, ()) == "deep"
    assert describe_call(throw, (1, "a", 2)) == "throw(1, a)"
    assert describe_call(partial(throw, 5), (1,)) == "throw(1)"
    assert describe_call(lambda n: n, (1,)) == "1"
    assert describe_call(lambda: None, ()) == ""


@pytest.mark.parametrize("item", ["4-jura.zip", Path("4-jura.zip"), PurePosixPath("4-jura.zip")])
def test_a_call_with_a_string_or_a_path_first_is_called_by_it(item: object) -> None:
    assert describe_call(throw, (item, 3)) == "4-jura.zip"


def test_an_item_is_named_by_a_format_string_or_a_function() -> None:
    assert namer("page {}", throw, 1)((3,)) == "page 3"
    assert namer("{1} of {0[name]}", throw, 2)(({"name": "a"}, 3)) == "3 of a"
    assert namer(lambda item: item * 2, throw, 1)((3,)) == "6"


@pytest.mark.parametrize("name", ["{0.missing}", lambda item: item / 0, ""])
def test_a_name_that_cannot_be_made_is_that_of_the_call(name: Any) -> None:
    assert namer(name, throw, 1)((3,)) == "throw(3)"


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        (3, TypeError, "a format string or a function"),
        ("{", ValueError, "no format string"),
        ("{item}", ValueError, "{item} names nothing"),
        ("{} and {}", ValueError, "one iterable gives one argument"),
    ],
)
def test_a_name_that_makes_no_sense_is_refused(name: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=re.escape(said)):
        namer(name, throw, 1)
