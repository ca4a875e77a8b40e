"""A new engine takes one file, its adapter, and one line in one table."""

from __future__ import annotations

import pytest
from tests.pool.conformance.conftest import DEADLINE
from tests.pool.conformance.work import double, picky

import mainstage
from mainstage.pool.options import ENGINES

pytestmark = pytest.mark.timeout(2 * DEADLINE)


def test_an_engine_is_one_file_and_one_line_in_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "fake", "tests.pool.conformance.fake_engine:FakeEngine")
    with mainstage.Run("new", executor="fake", view="silent", on_error="collect") as run:
        assert run.submit(double, 21).result() == 42
        assert list(run.map(double, range(50))) == [2 * n for n in range(50)]
        assert isinstance(run.submit(picky, 3).exception(), ValueError)


def test_an_engine_that_is_in_no_table_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(ValueError, match=r"'fake' is not one of .*'interpreter', 'dask', 'ray'"):
        mainstage.Run("new", executor="fake").__enter__()
