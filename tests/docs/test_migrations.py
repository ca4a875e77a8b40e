"""Each right-hand side of the README's table "Coming from" is a program that runs, and does what the left one did."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

START = """
import mainstage, threading
from rich.progress import BarColumn, TextColumn
from tqdm import tqdm
xs, fn, n, k = [3, 1, 2], abs, 10, 5
"""
PROGRAMS = {
    'for x in mainstage.track(xs, "Reading")': """
        seen = []
        for x in mainstage.track(xs, "Reading"):
            seen.append(x)
        assert seen == xs
        """,
    "the same: the text is shown above the rows, in whole lines": """
        def noisy(x):
            tqdm.write(f"wrote {x}")
            print(f"printed {x}")
        list(mainstage.map(noisy, xs))
        """,
    "list(mainstage.map(fn, xs, max_workers=8))": "assert list(mainstage.map(fn, xs, max_workers=8)) == xs",
    'with mainstage.track(total=n, description="Reading") as bar': """
        with mainstage.track(total=n, description="Reading") as bar:
            bar.advance(k)
        assert bar.completed == k
        """,
    'with mainstage.task("name", total=n, unit="B") as task': """
        def work():
            with mainstage.task("name", total=n, unit="B") as task:
                task.advance(k)
                return task.completed
        with mainstage.Run() as run:
            assert run.submit(work).result() == k
        """,
    'mainstage.track(xs, "Reading")': 'assert list(mainstage.track(xs, "Reading")) == xs',
    "mainstage.Run(columns=[TextColumn(...), BarColumn()])": """
        with mainstage.Run(columns=[TextColumn("{task.description}"), BarColumn()]) as run:
            assert list(run.map(fn, xs)) == xs
        """,
    "mainstage.task(...)": """
        def work():
            with mainstage.task("inside", total=n) as task:
                for _ in range(n):
                    task.advance(1)
            assert task.completed == n
        with mainstage.Run() as run:
            run.submit(work)
        """,
    'with mainstage.joblib("fits")': """
        import joblib
        with mainstage.joblib("fits"):
            assert joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(fn)(x) for x in xs) == xs
        """,
    "mainstage.aio.gather(*calls)": """
        import asyncio
        async def work(x):
            await asyncio.sleep(0)
            return x
        async def main():
            assert await mainstage.aio.gather(*map(work, xs)) == xs
            async with mainstage.aio.TaskGroup() as group:
                task = group.create_task(work(1))
            assert task.result() == 1
        asyncio.run(main())
        """,
    "run.queue(total=n)": """
        def worker(q):
            for _ in range(n):
                q.put(1)
            q.put(None)
        with mainstage.Run() as run:
            q = run.queue(total=n)
            threading.Thread(target=worker, args=(q,)).start()
        assert q.completed == n
        """,
    "from mainstage.futures import ThreadPoolExecutor": """
        from mainstage.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="t") as pool:
            assert list(pool.map(fn, xs)) == xs
            assert pool.submit(fn, -1).result(timeout=5) == 1
        """,
}
"""Programs by what the right column begins with."""


def right_hand_sides() -> list[str]:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Coming from")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    return [right.replace("`", "", 1) if right.startswith("`") else right for _, right in rows]


def program_of(right: str) -> str:
    fitting = [begin for begin in PROGRAMS if right.startswith(begin)]
    assert fitting, f"no test runs {right!r}"
    return PROGRAMS[max(fitting, key=len)]


@pytest.mark.parametrize("right", right_hand_sides())
def test_a_right_hand_side_runs(right: str, tmp_path: Path) -> None:
    script = tmp_path / "migrated.py"
    script.write_text(START + re.sub(r"^        ", "", program_of(right), flags=re.MULTILINE), encoding="utf-8")
    if "import joblib" in script.read_text(encoding="utf-8"):
        pytest.importorskip("joblib")
    command = [sys.executable, "-W", "error", str(script)]
    env = environment({"MAINSTAGE_VIEW": "plain"})
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=env)
    assert done.returncode == 0, done.stderr


def test_every_program_belongs_to_a_row() -> None:
    rights = right_hand_sides()
    assert len(rights) == len(PROGRAMS)
    assert all(any(right.startswith(begin) for right in rights) for begin in PROGRAMS)
