"""Programs whose Dask or Ray cluster is their own, ends with them, goes away, or is not installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.backends.clusters import ENGINES, SOON, interrupt, need_for_own, processes, until
from tests.system.terminals import ROOT, environment

import mainstage
from mainstage.core.clock import monotonic
from mainstage.errors import EngineLost

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)  # a cluster may take long to start on a busy machine
PATHS = f"{ROOT}:{ROOT / 'src'}"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cluster_that_was_started_ends_with_the_program_that_ctrl_c_ends(engine: str, tmp_path: Path) -> None:
    need_for_own(engine)
    interrupt(engine, "", tmp_path)
    mark = f"MARK={tmp_path}".encode()
    deadline = monotonic() + SOON
    while left := processes(mark):
        assert monotonic() < deadline, left
        threading.Event().wait(0.05)


GOES_AWAY = """
import os, signal, sys, mainstage
from tests.backends import engines as work

def kill(words):
    for folder in os.listdir("/proc"):
        if folder.isdigit() and int(folder) != os.getpid():
            try:
                with open(f"/proc/{folder}/environ") as environ, open(f"/proc/{folder}/cmdline") as command:
                    if f"MARK={os.environ['MARK']}" in environ.read() and words in command.read():
                        os.kill(int(folder), signal.SIGKILL)
            except OSError:
                pass

if __name__ == "__main__":
    engine, address, folder, killed = sys.argv[1:]
    if engine == "ray":
        from mainstage.pool.engines import ray as ray_engine
        ray_engine.LOOK = 0.5
    with mainstage.Run("gone", executor=engine, cluster=address or None, max_workers=1, on_error="collect") as run:
        future = run.submit(work.wait_for, f"{folder}/here", f"{folder}/there")
        while run.wait([future], timeout=0.05).not_done and not work.exists(f"{folder}/here"):
            pass
        kill(killed)
        error = future.exception(100)
        print(type(error).__name__, error)
        print(*error.__notes__)
        try:
            print(run.submit(work.double, 1).result(100))
        except mainstage.MainstageError as error:
            print(type(error).__name__)
"""


def after_it_went(engine: str, address: str, killed: str, folder: Path, **more: str) -> list[str]:
    """Return what a program prints whose cluster is killed in the middle."""
    program = folder / "gone.py"
    program.write_text(GOES_AWAY, encoding="utf-8")
    argv = [sys.executable, str(program), engine, address, str(folder), killed]
    env = environment({"PYTHONPATH": PATHS, "MARK": str(folder), **more})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False, env=env)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    return said[said.index("EngineLost") :].splitlines()  # Ray writes what its dying process has logged before


def test_a_dask_scheduler_that_goes_away_fails_what_it_had_and_what_comes_after(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    file, env = tmp_path / "scheduler.json", environment({"PYTHONPATH": PATHS, "MARK": str(tmp_path)})
    start = [sys.executable, "-m"]
    quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [*start, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*start, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    with (
        subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **quiet) as one,  # type: ignore[call-overload]
        subprocess.Popen([*worker, "--scheduler-file", str(file)], **quiet) as other,  # type: ignore[call-overload]
    ):
        try:
            address = json.loads(until(file))["address"]
            said = after_it_went("dask", address, "dask_scheduler", tmp_path)
        finally:
            one.kill()
            other.kill()
    assert said[0].startswith("EngineLost the connection to the Dask scheduler is lost")
    assert f"input {tmp_path}" in said[1]
    assert said[2] == "EngineLost"


def test_a_ray_node_that_goes_away_fails_what_it_had_and_what_comes_after(tmp_path: Path) -> None:
    """Where it is the head's own process (GCS) that goes, Ray ends the program itself, after a minute."""
    pytest.importorskip("ray")
    checks = {"RAY_health_check_period_ms": "1000", "RAY_raylet_start_wait_time_s": "120"}
    said = after_it_went("ray", "", "raylet/raylet", tmp_path, **checks)
    assert said[0].startswith("EngineLost the Ray cluster does not answer")
    assert f"input {tmp_path}" in said[1]
    assert said[2] == "EngineLost"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "[::1]:9", "tcp://127.0.0.1:99999"])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_address_where_nothing_answers_is_named(engine: str, address: str) -> None:
    run = mainstage.Run(executor=engine, cluster=address)
    with pytest.raises(EngineLost, match=rf"no {engine.capitalize()} cluster answers at '{re.escape(address)}'"), run:
        pass


def test_what_is_no_address_of_a_scheduler_is_told_with_what_one_looks_like() -> None:
    with (
        pytest.raises(EngineLost, match=r"'nonsense' is no address .*tcp://host:8786"),
        mainstage.Run(executor="dask", cluster="nonsense"),
    ):
        pass


@pytest.mark.parametrize("name", ENGINES)
def test_without_the_engine_the_error_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"dask": "distributed", "ray": "ray"}[name], None)
    monkeypatch.delitem(sys.modules, f"mainstage.pool.engines.{name}", raising=False)
    with pytest.raises(mainstage.MainstageError, match=rf"mainstage\[{name}\]"), mainstage.Run(executor=name):
        pass
