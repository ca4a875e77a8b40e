"""The test suites of tqdm, Rich and anyio, plain and under `mainstage exec`: `python -m bench.suites [NAME ...]`.

Each runs four times: plain and under `exec`, in a pipe and on a terminal. Every test has to have the outcome under
`exec` that it has without, in the same place. Exit status 1 if one has not.

The suites come with the source distributions of tqdm and anyio and with Debian's source package of Rich, whose own
distribution has none. They run in an environment of their own, with the releases that the suites are of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from tests.system.terminals import ROOT, Pty

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 900.0
"""Seconds that one run of a suite may take."""
RELEASE = "trixie main"
"""The release of Debian whose source packages are taken."""


class Suite(NamedTuple):
    """The tests of a library: what to install to run them, and the files, from the top of its source."""

    name: str
    needs: Sequence[str]
    tests: Sequence[str]
    debian: bool = False


SUITES = [
    Suite("tqdm", ["pytest-asyncio", "pytest-timeout"], ["tests"]),
    Suite(
        "rich", ["attrs"], [f"tests/test_{name}.py" for name in ("console", "live", "progress", "status")], debian=True
    ),
    Suite(
        "anyio",
        ["blockbuster", "hypothesis", "psutil", "pytest-mock", "pytest-timeout", "trio", "trustme"],
        ["tests/test_taskgroups.py", "tests/test_to_thread.py"],
    ),
]


def source(suite: Suite, folder: Path) -> Path:
    """Download the source of a library; return the folder that it is in."""
    (debian if suite.debian else distribution)(suite.name, folder)
    (archive,) = [*folder.glob(f"{suite.name}*.tar.gz"), *folder.glob(f"{suite.name}*.orig.tar.xz")]
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (found,) = [path for path in folder.iterdir() if path.is_dir() and path.name.startswith(f"{suite.name}-")]
    return found


def distribution(name: str, folder: Path) -> None:
    """Download the source distribution from the package index."""
    argv = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        str(folder),
        name,
    ]
    subprocess.run(argv, check=True)


def debian_archive() -> str:
    """Return the address of the archive that this machine takes Debian's packages from."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return min(listed, key=len)  # those of security and updates are longer


def debian(name: str, folder: Path) -> None:
    """Download Debian's source package, with lists of our own: the machine's stay as they are."""
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb-src {debian_archive()} {RELEASE}\n")
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": os.devnull,
        "Dir::State::Lists": lists,
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
    subprocess.run(["apt-get", "-qq", *options, "source", "--download-only", name], cwd=folder, check=True)


def environment(suite: Suite, where: Path, folder: Path) -> str:
    """Return the Python of an environment with the library, at the release of its source, and with this package."""
    place = folder / f"env-{suite.name}"
    venv.create(place, with_pip=True)
    python = str(place / "bin/python")
    release = where.name.removeprefix(f"{suite.name}-")
    wanted = ["pytest", f"{suite.name}=={release}", *suite.needs, str(ROOT)]
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted], check=True)
    return python


def outcomes(argv: Sequence[str], where: Path, *, on_terminal: bool) -> dict[str, str]:
    """Run a suite and return what became of each test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        whole = [*argv, f"--junitxml={report}"]
        if on_terminal:
            with Pty(["env", "-C", str(where), "-u", "PYTHONPATH", *whole], columns=100, rows=40) as program:
                program.wait(SECONDS)
        else:
            env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            subprocess.run(whole, cwd=where, env=env, capture_output=True, timeout=SECONDS, check=False)
        if not report.exists():
            raise SystemExit(f"{' '.join(argv)} in {where} has run no test: run it there to see why")
        cases = ET.parse(report).getroot().iter("testcase")
        return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ET.Element) -> str:
    return next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")


def compare(suite: Suite, python: str, where: Path) -> int:
    """Tell which tests have another outcome under `exec`; return how many."""
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *suite.tests]
    different = 0
    for on_terminal in (False, True):
        place = "on a terminal" if on_terminal else "in a pipe"
        plain = outcomes([python, *tests], where, on_terminal=on_terminal)
        ours = outcomes([python, "-m", "mainstage", "exec", *tests], where, on_terminal=on_terminal)
        others = sorted(name for name in plain | ours if plain.get(name) != ours.get(name))
        passed = sum(outcome == "passed" for outcome in plain.values())
        print(f"{'ok   ' if not others else 'FAILS'} {suite.name} {place}: {passed} of {len(plain)} pass", flush=True)
        for name in others:
            print(f"      {name}: {plain.get(name)}, under exec {ours.get(name)}", flush=True)
        different += len(others)
    return different


def main(names: Sequence[str]) -> int:
    """Compare the suites named, or all; 1: a test has another outcome."""
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        for suite in SUITES:
            if not names or suite.name in names:
                place = Path(folder) / suite.name
                place.mkdir()
                where = source(suite, place)
                different += compare(suite, environment(suite, where, place), where)
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
