"""Suites of other libraries, from their source distributions: nothing of them is in this repository."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TQDM = "4.70.1"
FILES = (
    "asyncio",
    "concurrent",
    "contrib",
    "contrib_logging",
    "itertools",
    "notebook",
    "pandas",
    "rlock",
    "synchronisation",
    "tqdm",
)
"""The modules of tqdm's tests that are run; the others are of parts that `mainstage.tqdm` does not have."""


class Outcomes(NamedTuple):
    """What became of the tests of a suite, by name."""

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]


@functools.cache
def tqdm_source() -> Path | None:
    """Return the unpacked source distribution of tqdm; None: it is not to be had here."""
    cache = Path(os.environ.get("MAINSTAGE_SUITES") or Path(tempfile.gettempdir()) / f"mainstage-suites-{os.getuid()}")
    folder = cache / f"tqdm-{TQDM}"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        try:
            subprocess.run([*pip, f"tqdm=={TQDM}", "-d", str(cache)], check=True, capture_output=True, timeout=240)
            with tarfile.open(cache / f"tqdm-{TQDM}.tar.gz") as archive:
                archive.extractall(cache / "new", filter="data")
            (cache / "new" / folder.name).rename(folder)
        except (subprocess.SubprocessError, OSError):
            return None
    return folder


def run_tqdm(how: str) -> Outcomes:
    """Run tqdm's tests with the module swapped: `how` is "text", "tasks", or "none" for tqdm itself."""
    source = tqdm_source()
    assert source is not None
    env = {**os.environ, "SWAPPED_AS": how, "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT / "src")])}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-p", "swap_tqdm", "-p", "no:cacheprovider", "-c", os.devnull]
        command += ["--rootdir", str(source), "--import-mode=importlib", "-q", "--no-header", "-W", "error"]
        command += ["-o", "log_level=INFO", "--junit-xml", str(report)]
        files = [f"tests/tests_{name}.py" for name in FILES]
        done = subprocess.run([*command, *files], cwd=source, env=env, capture_output=True, text=True, check=False)
        if not report.exists():
            raise RuntimeError(f"the suite did not run: {done.stdout}{done.stderr}")
        cases = ET.parse(report).getroot().iter("testcase")
        found = [(_outcome(case), _name(case)) for case in cases]
    return Outcomes(
        *(frozenset(name for outcome, name in found if outcome == one) for one in ("passed", "failed", "skipped"))
    )


def _outcome(case: ET.Element) -> str:
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def _name(case: ET.Element) -> str:
    return case.get("name", "")
