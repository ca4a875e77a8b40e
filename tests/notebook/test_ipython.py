"""IPython in a terminal is a terminal: its live rows, its Ctrl-C, and no frames of ours in its tracebacks."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from tests.system.terminals import Pty, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(find_spec("IPython") is None, reason="IPython is missing: pip install ipython")


def test_ipython_in_a_terminal_has_the_live_view(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor"]
    env = environment({"CI": "", "GITHUB_ACTIONS": "", "IPYTHONDIR": str(tmp_path)})
    with Pty(command, columns=100, rows=30, env=env) as shell:
        shell.expect("In [1]:")
        shell.send(b"import mainstage, time\n")
        shell.expect("In [2]:")
        shell.send(b"for n in mainstage.track(range(30), 'Reading'): time.sleep(0.05)\n\n")
        shell.expect("/30")
        shell.expect("Reading: 30 in")
        shell.send(b"list(mainstage.map(lambda n: 1 // n, range(4)))\n")
        shell.expect("ZeroDivisionError: ")
        shell.expect("In [4]:")
        assert "mainstage/" not in shell.screen.text
        assert "<details" not in shell.screen.text
        shell.send(b"exit\n")
        assert shell.wait() == 0
