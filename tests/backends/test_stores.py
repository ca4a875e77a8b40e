"""`map(store=)` on a cluster: what its workers have computed is not computed again, here or there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mainstage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backends.clusters import Cluster


def test_results_of_a_cluster_are_kept_and_serve_any_executor(cluster: Cluster, tmp_path: Path) -> None:
    path, items = tmp_path / "x.db", range(-20, 0)
    with mainstage.Run(view="silent", executor=cluster.engine, cluster=cluster.joined, max_workers=2) as run:
        assert list(run.map(abs, items, store=path)) == list(range(20, 0, -1))
        assert list(run.map(abs, range(-25, 0), store=path)) == list(range(25, 0, -1))
        assert run._live().show.loop.state.before == 20
    with mainstage.Run(view="silent") as run:
        assert list(run.map(abs, range(-25, 0), store=path)) == list(range(25, 0, -1))
        assert run._live().show.loop.state.before == 25
