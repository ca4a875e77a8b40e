from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 40  # seconds: generous, cores are shared
JOBS = '''
import logging, os, sys, threading, time, warnings
import mainstage
logging.basicConfig(format="%(message)s")

def double(text):
    return int(text) * 2

def name(text):
    return text

def odd_fails(text):
    if int(text) % 2:
        raise ValueError(f"{text} is odd")
    return int(text)

def thing(text):
    return {text}

def at_second_try(text):
    seen = f"seen-{text}"
    if os.path.exists(seen):
        return "at last"
    open(seen, "w").close()
    raise OSError("not yet")

def steps(text):
    yield ("total", 2)
    yield 1
    yield 1
    return text

def slow_for_small(text):
    mainstage.current_task().sleep(0.3 if text == "1" else 0)
    return text

def stuck(text):
    """Say that input 5 was begun, and wait to be stopped, until a file says go."""
    with open("begun", "a") as begun:
        begun.write(text + "\\n")
    if text == "5" and not os.path.exists("go"):
        with open("gate", "w") as gate:
            gate.write("here")
        mainstage.current_task().sleep(60)
    return int(text)

def deaf(text):
    """Say that it was begun, and end well a moment later, whatever is asked of it."""
    with open("gate", "w") as gate:
        gate.write("here")
    time.sleep(0.3)
    return text

begun = threading.Event()

def race(text):
    """"slow" takes a second and wakes when it is asked to stop, "bad" fails once "slow" has begun."""
    if text == "slow":
        begun.set()
        mainstage.current_task().sleep(1)
    elif text == "bad":
        begun.wait(30)
        raise ValueError("bad")
    else:
        begun.wait(30)
        mainstage.current_task().sleep(0.05)
    return text

def noisy(text):
    """Write in every way that Python has."""
    print(f"out {text} 1")
    sys.stderr.write(f"err {text} 1\\n")
    logging.getLogger("noisy").warning("log %s", text)
    with mainstage.task("part"):
        print(f"part {text}")
    warnings.warn(f"warned {text}")
    mainstage.current_task().log(f"said {text}")
    print("x" * 100_000)
    print(f"out {text} end", end="")
    if text == "bad":
        raise ValueError(f"no {text}")
    return text

def twice(text):
    """Write, and fail the first time."""
    task = mainstage.current_task()
    print(f"attempt {task.attempt}")
    if task.attempt == 1:
        raise OSError("not yet")

def fails(text):
    number = int(text)
    raise ValueError(f"no {number}")

class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")

def unspeakable(text):
    raise Unspeakable

async def later(text):
    return text

NUMBER = 1
'''

Command: TypeAlias = "subprocess.CompletedProcess[bytes]"


class Shop:
    """A folder with a file of workers in it, to run the command in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs.py").write_text(JOBS)

    def start(self, *args: str | bytes, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start the command; stdout and stderr are pipes."""
        words = [os.fsencode(word) for word in (sys.executable, "-m", "mainstage", *args)]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self.folder, stdin=stdin, stdout=pipe, stderr=pipe)

    def run(self, *args: str | bytes, stdin: bytes | None = None) -> Command:
        """Run the command to its end."""
        with self.start(*args, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE) as process:
            out, err = process.communicate(stdin, timeout=DEADLINE)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def lines(self, name: str = "r.jsonl") -> list[dict[str, Any]]:
        """Return the results in a file."""
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]


def results(done: Command) -> list[Any]:
    """Return the results that a command wrote to stdout, in the order of their lines."""
    return [json.loads(line).get("result") for line in done.stdout.splitlines()]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
