"""What is made from the code is up to date; links lead somewhere; pictures show nothing of the machine."""

from __future__ import annotations

import getpass
import importlib.util
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click
import pytest
from tests.system.terminals import ROOT

if TYPE_CHECKING:
    from types import ModuleType

from mainstage.cli.main import main

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PICTURES = sorted(file.name for file in (DOCS / "images").glob("*.svg"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
MOST_BYTES = 150_000


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/build.py, as a module."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "docs_build", module)
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_events_is_what_events_py_says(build: ModuleType) -> None:
    assert (DOCS / "events.md").read_text(encoding="utf-8") == build.events_page(), "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_or_heading_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if heading:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_whole_and_small_and_says_what_it_shows(name: str) -> None:
    file = DOCS / "images" / name
    assert file.stat().st_size < MOST_BYTES
    root = ET.parse(file).getroot()
    assert root.get("role") == "img"
    assert root.findtext("{http://www.w3.org/2000/svg}desc")
    assert "@font-face" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_nothing_of_the_machine(name: str) -> None:
    shown = "\n".join(ET.parse(DOCS / "images" / name).getroot().itertext())
    for secret in (str(ROOT), str(Path.home()), "/home/", "/Users/", socket.gethostname()):
        assert secret not in shown
    assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", shown)
    assert "Traceback" not in shown


def test_the_page_of_the_command_has_every_option_and_no_other() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert isinstance(main, click.Group)
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    real = {option for command in commands if command for one in command.params for option in one.opts}
    real = {option for option in real if option.startswith("-")}
    told = set(re.findall(r"(?<![\w-])--?[a-zA-Z0][\w-]*", "".join(re.findall(r"^\| (`-.*?) \|", page, re.MULTILINE))))
    assert told == real


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
