"""What a program forks while a run is live is a process as any other: it dies of what it is sent, and draws nothing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.system.terminals import environment

FORKING = """
import os, signal, sys, time
import mainstage

number = int(sys.argv[1])
with mainstage.Run("parent", view="plain") as run:
    run.submit(time.sleep, 0).result()
    ready, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(there, b"here")
            time.sleep(30)
        except KeyboardInterrupt:
            os._exit(3)
        finally:
            os._exit(4)
    os.read(ready, 100)
    os.kill(child, number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    mine = signal.getsignal(number).__name__
print(status, mine)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGINT, 3)])
def test_a_forked_child_dies_of_a_signal_as_it_does_without_us(number: int, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(int(number))],
        capture_output=True,
        text=True,
        timeout=45,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{status} _on_stop\n"
