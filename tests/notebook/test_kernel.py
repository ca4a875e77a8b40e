"""What a run shows in the cells of a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.notebook.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = """
import mainstage, time

def job(n):
    with mainstage.task(f"job {n}", total=10) as task:
        for _ in range(10):
            time.sleep(0.05)
            task.advance()
        print("made", n)
    return n
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run(JOBS)
        yield kernel


def test_a_run_shows_its_rows_in_the_cell_and_leaves_the_summary(kernel: Kernel) -> None:
    cell = kernel.run('with mainstage.Run("nightly", max_workers=2) as run:\n    print(sum(run.map(job, range(6))))')
    shown = cell.pictures()
    assert [m.kind for m in shown].count("display_data") == 1
    assert len({m.content["transient"]["display_id"] for m in shown}) == 1
    assert any("job 0" in m.plain and "nightly" in m.plain for m in shown[:-1])
    assert shown[-1].plain.startswith("✓ nightly: 6 done in ")
    assert "<pre" in shown[-1].content["data"]["text/html"]
    assert "15\n" in cell.printed()
    assert sorted(line for line in cell.printed().splitlines() if "│" in line) == [
        f"job {n} │ made {n}" for n in range(6)
    ]
    assert not [m for m in cell.messages if m.kind.startswith("comm")]
