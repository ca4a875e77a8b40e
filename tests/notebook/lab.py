"""A real JupyterLab in a real browser: Debian's Chromium, driven by Playwright.

`python -m tests.notebook.lab` makes the pictures of docs/notebooks.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEADLINE = 60.0
"""Seconds that any single wait may take: the first page of JupyterLab on a busy machine."""
EXTENSIONS = "@jupyterlab/apputils-extension"


class Lab:
    """A server of `folder`, and the browser that looks at it."""

    def __init__(self, folder: Path, browser: Any, *, theme: str = "JupyterLab Light", size: tuple[int, int]) -> None:
        self.folder = folder
        settings = folder / ".settings" / EXTENSIONS
        settings.mkdir(parents=True)
        (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
        (settings / "notification.jupyterlab-settings").write_text(
            json.dumps({"fetchNews": "false", "checkForUpdates": False})
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = secrets.token_hex(8)
        own = {
            "PYTHONPATH": str(ROOT / "src"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
            **{f"JUPYTER_{name}_DIR": str(folder / f".{name}") for name in ("CONFIG", "DATA", "RUNTIME")},
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
            "IPYTHONDIR": str(folder / ".ipython"),
        }
        options = [f"--port={port}", f"--ServerApp.token={token}", f"--ServerApp.root_dir={folder}"]
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *options]
        with (folder / ".log").open("w") as log:
            self._server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log, cwd=folder)
        self._address, self._token = f"http://127.0.0.1:{port}", token
        _until(self._answers)
        self.page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.set_default_timeout(DEADLINE * 1000)
        # A slow machine gets questions: which kernel, and whether to wait for it.
        self.page.add_locator_handler(
            self.page.locator(".jp-Dialog"), lambda dialog: dialog.locator("button.jp-mod-accept").click()
        )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"{self._address}/api?token={self._token}", timeout=5).status == 200)
        return False

    def close(self) -> None:
        """End the server and its kernels."""
        self.page.close()
        self._server.terminate()
        self._server.wait(20)

    def open(self, name: str, cells: Sequence[str]) -> None:
        """Make a notebook of `cells` and open it, its kernel ready."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        about: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made = [{**about, "id": f"cell-{number}", "source": cell} for number, cell in enumerate(cells)]
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(notebook))
        self.show(name)

    def show(self, name: str) -> None:
        """Open the notebook `name`, and no other."""
        self.page.goto(f"{self._address}/lab/tree/{name}?token={self._token}&reset")
        self.wait_for_idle()

    def save(self, name: str, text: str) -> None:
        """Save the notebook `name`, and wait until `text` is in its file; a run that moves changes it again."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        _until(lambda: text in (self.folder / name).read_text(encoding="utf-8"))

    def reload(self) -> None:
        """Load the page again: a new front end of the same kernel."""
        self.page.reload()
        self.wait_for_idle()

    def wait_for_idle(self) -> None:
        """Wait until the notebook is there and its kernel idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")

    def run(self, number: int) -> None:
        """Run the cell `number`, counted from 0; once the page takes keys."""
        prompt = self.page.locator(f".jp-Notebook .jp-CodeCell >> nth={number} >> .jp-InputPrompt")
        before = prompt.inner_text()

        def ran() -> bool:
            text = prompt.inner_text()
            return text != before and any(mark in text for mark in "*0123456789")

        ends = time.monotonic() + DEADLINE
        while not ran() and time.monotonic() < ends:
            prompt.click()
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(TimeoutError):
                _until(ran, seconds=5)

    def stop(self) -> None:
        """Press the button with the square."""
        self.page.click("[data-command='notebook:interrupt-kernel'], [data-jp-item-name=interrupt] button")

    def output(self, number: int) -> str:
        """Return the text of the output of the cell `number`."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        found: str = "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())
        return found

    def wait_for(self, number: int, text: str) -> str:
        """Wait until `text` is in the output of the cell `number`; return all of it."""
        _until(lambda: text in self.output(number), lambda: f"{text!r} is not in {self.output(number)!r}")
        return self.output(number)

    def changes(self, number: int, times: int) -> bool:
        """Return whether the output of the cell changes so many times within three seconds each."""
        for _ in range(times):
            before, ends = self.output(number), time.monotonic() + 3
            while self.output(number) == before:
                if time.monotonic() > ends:
                    return False
                time.sleep(0.05)
        return True


def _until(true: Callable[[], bool], told: Callable[[], str] = str, *, seconds: float = DEADLINE) -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(told())
        time.sleep(0.1)


@contextlib.contextmanager
def jupyterlab(*, theme: str = "JupyterLab Light", size: tuple[int, int] = (1200, 900)) -> Iterator[Lab]:
    """Return a JupyterLab with nothing in it, and end it."""
    with tempfile.TemporaryDirectory(prefix="lab", ignore_cleanup_errors=True) as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        lab = Lab(Path(folder), browser, theme=theme, size=size)
        try:
            yield lab
        finally:
            lab.close()
            browser.close()


# --- the pictures of the docs ---

SETUP = """import time
import mainstage

def fetch(name, size):
    with mainstage.task(name, total=size, unit="kB") as task:
        for _ in range(size):
            time.sleep(0.012)  # the work
            task.advance()
    if size > 250:
        print(f"{name} is large")
    if size == 143:
        raise ValueError(f"{name} is not a TIFF file")
    return size

names = [f"island-{n}.tif" for n in range(12)]
sizes = [60 + n * 83 % 240 for n in range(12)]"""
RUN = """with mainstage.Run("islands", max_workers=4, on_error="skip") as run:
    total = sum(run.map(fetch, names, sizes))
print(f"{total} kB")"""


def pictures() -> None:
    """Make the pictures of docs/notebooks.md."""
    images = ROOT / "docs" / "images"
    for name, theme in (("light", "JupyterLab Light"), ("dark", "JupyterLab Dark")):
        with jupyterlab(theme=theme, size=(980, 760)) as lab:
            lab.open("islands.ipynb", [SETUP, RUN])
            lab.page.keyboard.press("Control+b")  # without the list of files
            lab.run(0)
            lab.wait_for_idle()
            lab.run(1)
            lab.wait_for(1, "is not a TIFF file")
            time.sleep(0.7)
            panel = lab.page.locator(".jp-NotebookPanel-notebook")
            cell = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(1)
            cell.screenshot(path=images / f"notebook-{name}-live.png")
            lab.wait_for(1, " kB\n")
            lab.page.locator("details").first.click()
            time.sleep(0.3)
            cell.screenshot(path=images / f"notebook-{name}.png")
            panel.screenshot(path=Path(tempfile.gettempdir()) / f"panel-{name}.png")


if __name__ == "__main__":
    pictures()
