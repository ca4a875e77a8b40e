"""What four bars in a notebook send and cost, beside tqdm.notebook's and Rich's: a real kernel, its messages counted.

The cell that shows nothing is measured too, and taken off. Bytes are those of whole messages, headers included: it is
what a server forwards to each browser.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple

from bench.rows import Row, listed, median

ROUNDS = 3
STEPS = 150
ROOT = Path(__file__).parents[1]
PREPARED = f"""
import threading, time

def work(advance):
    for _ in range({STEPS}):
        time.sleep(0.033)
        advance()

def together(job):
    threads = [threading.Thread(target=job, args=(n,)) for n in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
CASES = {
    "nothing": ("pass", "together(lambda n: work(lambda: None))"),
    "mainstage": (
        "import mainstage.run.run, mainstage.ui.display.notebook",
        f"""
def job(n):
    with mainstage.task(f"file-{{n}}", total={STEPS}) as task:
        work(task.advance)
with mainstage.Run("files", max_workers=4) as run:
    list(run.map(job, range(4)))
""",
    ),
    "tqdm.notebook": (
        "from tqdm.notebook import tqdm",
        f"""
def job(n):
    with tqdm(total={STEPS}, desc=f"file-{{n}}") as bar:
        work(bar.update)
together(job)
""",
    ),
    "Rich": (
        "from rich.progress import Progress",
        f"""
with Progress() as progress:
    def job(n):
        task = progress.add_task(f"file-{{n}}", total={STEPS})
        work(lambda: progress.advance(task))
    together(job)
""",
    ),
}


class Sent(NamedTuple):
    """What a cell has sent, a second of it, and the seconds of processor time that its kernel took in all."""

    messages: float
    kilobytes: float
    cpu_s: float


def run(client: Any, code: str) -> list[Any]:
    """Run a cell; return its messages."""
    number, messages = client.execute(code), []
    while True:
        message = client.get_iopub_msg(timeout=60)
        messages.append(message)
        ended = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
        if ended and message["parent_header"].get("msg_id") == number:
            return messages


def measured(name: str) -> Sent:
    from jupyter_client.manager import KernelManager  # noqa: PLC0415  # it may be missing

    imported, code = CASES[name]
    manager = KernelManager(kernel_name="python3", transport="ipc")
    manager.start_kernel(env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        run(client, f"{imported}\n{PREPARED}")
        messages = run(client, f"spent, began = time.process_time(), time.monotonic()\n{code}")
        told = run(client, "print(time.process_time() - spent, time.monotonic() - began)")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    cpu_s, seconds = map(float, next(m for m in told if m["msg_type"] == "stream")["content"]["text"].split())
    sent = [m for m in messages if m["msg_type"] not in ("status", "execute_input")]
    parts = ("header", "parent_header", "metadata", "content")
    size = sum(len(json.dumps({part: message[part] for part in parts}, default=str)) for message in sent)
    return Sent(len(sent) / seconds, size / seconds / 1000, cpu_s)


def rows() -> list[Row]:
    for module in ("ipykernel", "ipywidgets"):
        if importlib.util.find_spec(module) is None:
            return [Row("a notebook's bars", "-", "-", 0, None, remark=f"not measured: {module} is not installed")]
    found: dict[str, list[Sent]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, results in found.items():
            try:
                results.append(measured(name))
            except Empty:
                return [Row("a notebook's bars", "-", "-", 0, None, remark=f"not measured: the kernel of {name} hung")]
    sent = {name: Sent(*map(median, zip(*results, strict=True))) for name, results in found.items()}
    nothing = sent.pop("nothing").cpu_s
    ours = sent.pop("mainstage")
    cpu = {name: one.cpu_s - nothing for name, one in sent.items()}
    own = ours.cpu_s - nothing
    return [
        Row(
            "messages of a notebook's four bars",
            f"{ours.messages:.1f} /s",
            listed({name: one.messages for name, one in sent.items()}, "/s", ".1f"),
            ours.messages,
            11,
            "/s",
        ),
        Row(
            "their bytes / tqdm.notebook's",
            f"{ours.kilobytes:.0f} kB/s",
            listed({name: one.kilobytes for name, one in sent.items()}, "kB/s", ".0f"),
            ours.kilobytes / sent["tqdm.notebook"].kilobytes,
            1.3,
        ),
        Row(
            "processor time of the kernel / the least of theirs",
            f"{own * 1e3:.0f} ms",
            listed({name: one * 1e3 for name, one in cpu.items()}, "ms", ".0f"),
            own / min(cpu.values()),
            1,
        ),
    ]
