"""Another library's own tests, each `from library import` of theirs changed into ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 300


def outcomes(
    folder: Path, modules: Sequence[str], swapped: Mapping[str, str], into: Path, *, within_run: bool
) -> dict[str, str]:
    """Run `modules` of `folder` in a process of its own, with imports `swapped`; return what became of each test."""
    tests = into / "tests"
    shutil.copytree(folder, tests, ignore=shutil.ignore_patterns("__pycache__"))
    for name in modules:
        path = tests / name
        text = path.read_text(encoding="utf-8")
        for theirs, ours in swapped.items():
            text = re.sub(rf"^(\s*from ){re.escape(theirs)}( import )", rf"\g<1>{ours}\g<2>", text, flags=re.MULTILINE)
            text = re.sub(
                rf"^(\s*)import {re.escape(theirs)}$", rf"\g<1>import {theirs}, {ours}", text, flags=re.MULTILINE
            )
        path.write_text(text, encoding="utf-8")
    report = into / "report.xml"
    plugins = ["-p", "within_run"] if within_run else []
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(into), "-p", "no:cacheprovider",
         *plugins, f"--junitxml={report}", *(str(tests / name) for name in modules)],
        cwd=into,
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT / 'src'}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert report.exists(), ran.stdout + ran.stderr
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        marks = {child.tag for child in case}
        word = next((word for word in ("error", "failure", "skipped") if word in marks), "passed")
        found[f"{str(case.get('classname')).rpartition('.')[2]}::{case.get('name')}"] = word
    return found
