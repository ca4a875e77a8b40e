"""Each call of ours that the system may refuse, found in the source: what opens, reads, writes, forks, starts a thread.

`calls()` finds them by their names; `tests/faults/owner_calls.txt` says of each where it is made to fail, or why not.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "src" / "mainstage"
LIST = Path(__file__).with_name("owner_calls.txt")

MODULES = {"fcntl", "mmap", "select", "socket", "subprocess", "tempfile", "termios", "unpatched"}
"""Whatever is called of these."""
OF_OS = {
    *("open", "fdopen", "read", "write", "pread", "pwrite", "readv", "writev", "dup", "dup2", "pipe", "pipe2"),
    *("fork", "forkpty", "posix_spawn", "execv", "execve", "memfd_create", "ftruncate", "truncate", "fsync", "fstat"),
    *("ttyname", "tcgetpgrp", "get_terminal_size", "set_blocking", "unlink", "replace", "rename", "link", "mkdir"),
    *("makedirs", "openpty", "waitpid", "kill", "killpg"),
}
METHODS = {
    *("open", "read", "read_text", "read_bytes", "readline", "write", "write_text", "write_bytes", "writelines"),
    *("flush", "seek", "truncate", "touch", "unlink", "mkdir", "rename", "replace_with"),
    *("start", "send_bytes", "recv_bytes", "send", "recv", "sendall", "sendmsg", "recvmsg", "register", "poll"),
    *("Pipe", "pthread_kill", "Popen", "_write"),
}
"""Of any object: the list says which of them are no system's calls."""
OURS = re.compile(
    r"(reporter|channel|capture|backend|events)\.send$|(shown|found|self|claims)\.(start|open)$|_painter\.read$"
    r"|atexit\.register$|(watch|bridge|capture|descriptors)\.start$|_lines\.flush$|self\.(send|write|flush)$"
)
"""Calls of our own functions, which the system has no part in."""


class Call(NamedTuple):
    """One call in the source."""

    place: str
    """Module and function, as `ui/display/tty.py reopen`."""
    name: str
    """As it is written, as `os.open`; a second one of the name in the function has `#2` behind it."""

    def __str__(self) -> str:
        return f"{self.place} {self.name}"


class Finder(ast.NodeVisitor):
    """Collects the calls of a module, in the order in which they stand."""

    def __init__(self, module: str) -> None:
        self.found: list[tuple[Call, ast.Call]] = []
        self._module = module
        self._within: list[str] = []
        self._seen: Counter[tuple[str, str]] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # ast's name
        self._enter(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # as above
        self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:  # as above
        self._enter(node)

    def visit_Call(self, node: ast.Call) -> None:  # as above
        name = _refusable(called(node))
        if name:
            place = " ".join([self._module, ".".join(self._within)]).strip()
            self._seen[place, name] += 1
            number = self._seen[place, name]
            self.found.append((Call(place, name if number == 1 else f"{name}#{number}"), node))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:  # as above
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self.generic_visit(node)

    def _enter(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._within.append(node.name)
        self.generic_visit(node)
        self._within.pop()


def called(node: ast.Call) -> ast.expr:
    """Return what a call calls, be it by way of `retried`."""
    retried = isinstance(node.func, ast.Name) and node.func.id == "retried" and node.args
    return node.args[0] if retried else node.func


def _refusable(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id if function.id in ("open", "_start_new_thread") else ""
    if not isinstance(function, ast.Attribute):
        return ""
    written = ast.unparse(function)
    if OURS.search(written):
        return ""
    owner = written.rpartition(".")[0]
    if owner in MODULES or (owner == "os" and function.attr in OF_OS):
        return written
    return written if owner != "os" and function.attr in METHODS and len(written) < 60 else ""


def calls() -> Iterator[Call]:
    """Yield all of them."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        finder = Finder(module)
        finder.visit(ast.parse(path.read_text(encoding="utf-8")))
        yield from (call for call, _ in finder.found)


def listed() -> dict[str, str]:
    """Return the list: for each call the scenario in which it is made to fail, or "-", and why not, behind it."""
    lines = [line.rstrip("\n") for line in LIST.read_text(encoding="utf-8").splitlines()]
    pairs = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return {call.strip(): verdict.strip() for call, verdict in pairs}


if __name__ == "__main__":
    found, known = {str(call) for call in calls()}, set(listed())
    sys.stdout.writelines(f"missing: {call}\n" for call in sorted(found - known))
    sys.stdout.writelines(f"gone: {call}\n" for call in sorted(known - found))
