"""An engine as its adapter is written: all of it in one file, beside its line in `mainstage.pool.options.ENGINES`."""

from __future__ import annotations

from typing import Any

from tests.backends.test_bundles import Engine


class FakeEngine(Engine):
    """Threads of this process, whatever cluster is asked for."""

    name = "fake"

    def __init__(self, cluster: Any = None, max_workers: int = 2) -> None:
        del cluster, max_workers
        super().__init__()
