"""Bars in output that the program keeps for itself, and one that is for the reader."""

import contextlib
import io
import os
import sys
import tempfile
import time

from rich.console import Console
from rich.progress import track
from rich.status import Status
from tqdm import tqdm


class Tee:
    """As people write it: what is written goes to two places."""

    def __init__(self, stream, copy):
        self.stream, self.copy = stream, copy

    def write(self, text):
        self.copy.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


def kept(text):
    return "all of it" if "100%" in text and "3/3" in text else repr(text)


with contextlib.redirect_stderr(io.StringIO()) as buffer:
    for _ in tqdm(range(3)):
        pass
print("redirect_stderr:", kept(buffer.getvalue()))

with contextlib.redirect_stdout(io.StringIO()) as buffer:
    for _ in tqdm(range(3), file=sys.stdout):
        pass
    print("printed")
print("redirect_stdout:", kept(buffer.getvalue()), "printed" in buffer.getvalue())

buffer = io.StringIO()
for _ in tqdm(range(3), file=buffer):
    pass
print("file=:", kept(buffer.getvalue()))

with contextlib.redirect_stdout(io.StringIO()) as buffer:
    for _ in track(range(3)):
        pass
    with Status("a status"):
        pass
print("Rich in redirect_stdout:", "100%" in buffer.getvalue())

buffer = io.StringIO()
for _ in track(range(3), console=Console(file=buffer)):
    pass
print("Rich in Console(file=):", "100%" in buffer.getvalue())

copy = io.StringIO()
sys.stderr = Tee(sys.stderr, copy)
for _ in tqdm(range(3)):
    pass
sys.stderr = sys.stderr.stream
print("a tee:", kept(copy.getvalue()))

with tempfile.TemporaryFile() as file:
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(file.fileno(), 2)
    for _ in tqdm(range(3)):
        pass
    sys.stderr.flush()
    os.dup2(before, 2)
    file.seek(0)
    print("the descriptor:", kept(file.read().decode()))

for _ in tqdm(range(20), desc="shown"):
    time.sleep(float(sys.argv[1]))
