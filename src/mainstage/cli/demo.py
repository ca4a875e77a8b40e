"""`mainstage demo`: hash a folder on four threads, a bar for each file that is being read."""

from __future__ import annotations

import hashlib
import os
import signal
import sysconfig
from typing import TYPE_CHECKING, Any, NamedTuple

import click

import mainstage
from mainstage.cli.shell import quote, say
from mainstage.core.clock import monotonic
from mainstage.errors import Cancelled, DisplayError, Terminated, is_instance
from mainstage.run.signals import die_by_signal
from mainstage.ui.display.detect import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 1 << 18
SHOWN_FAILURES = 20


class FileTree(NamedTuple):
    """What a folder holds: regular files, relative to `root`; how much else; what could not be listed, and why."""

    root: str
    files: list[str]
    skipped: int
    unlisted: list[tuple[str, str]]

    def sizes(self) -> list[int]:
        """Return how many bytes each file has; 0 for one that cannot be looked at."""
        return [_size(os.path.join(self.root, name)) for name in self.files]  # noqa: PTH118  # names of any bytes


class Hashed(NamedTuple):
    """A file's digest and how many bytes it is of."""

    digest: str
    size: int


def survey(root: str) -> FileTree:
    """List the regular files under `root` (or `root` itself); links are not followed, they and devices are counted."""
    if not os.path.isdir(root):  # noqa: PTH112  # names of any bytes, as strings
        folder, name = os.path.split(root)
        return FileTree(folder or ".", [name], 0, [])
    files: list[str] = []
    unlisted: list[tuple[str, str]] = []
    skipped = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            for entry in _entries(root, folder):
                name = os.path.join(folder, entry.name)  # noqa: PTH118  # as above
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(name)
                else:
                    skipped += 1
        except OSError as error:
            unlisted.append((folder or ".", _reason(error)))
    return FileTree(root, sorted(files, key=os.fsencode), skipped, unlisted)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  # as above
    except OSError:
        return 0


def _entries(root: str, folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(os.path.join(root, folder)) as entries:  # noqa: PTH118  # as above
        return list(entries)


def hash_file(root: str, name: str) -> Hashed:
    """Return the SHA-256 of a file, reporting each byte read."""
    digest = hashlib.sha256()
    with open(os.path.join(root, name), "rb", buffering=0) as file:  # noqa: PTH118, PTH123  # as above
        task = mainstage.current_task()
        task.set(total=os.fstat(file.fileno()).st_size, unit="B")
        size = 0
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            task.advance(len(chunk))
    return Hashed(digest.hexdigest(), size)


def tree_digest(hashed: Iterable[tuple[str, Hashed]]) -> str:
    """Return the SHA-256 of what `sha256sum --zero` prints of the files in the order of their names' bytes."""
    digest = hashlib.sha256()
    for name, file in sorted(hashed, key=lambda item: os.fsencode(item[0])):
        digest.update(file.digest.encode() + b"  " + os.fsencode(name) + b"\0")
    return digest.hexdigest()


@click.command("demo", short_help="Hash a folder's files, to see the display at work.")
@click.argument("path", required=False, type=click.Path(exists=True))
@click.option(
    "-j",
    "--jobs",
    "--max-workers",
    "max_workers",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Threads.",
)
@click.option("--view", type=click.Choice(["auto", *VIEWS]), default="auto", help="What is shown.")
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--keys/--no-keys", default=None, help="Take keys while it runs (default: at a terminal); ? lists them.")
def demo_command(path: str | None, max_workers: int, **look: Any) -> None:
    """Hash every file under PATH with SHA-256 (default: this Python's own library folder).

    Prints a summary with the digest of the tree. Exit status 1 if a file could not be read.
    """
    root = path or sysconfig.get_path("stdlib")
    began = monotonic()
    tree = FileTree(root, [], 0, [])
    hashed: dict[str, Hashed] = {}
    failures: list[tuple[str, str]] = []
    try:
        look["keys"] = "auto" if look["keys"] is None else look["keys"]
        with mainstage.Run("hashing", max_workers=max_workers, on_error="collect", **look) as run:
            tree = survey(root)
            failures.extend(tree.unlisted)
            for outcome in run.outcomes(lambda name: hash_file(tree.root, name), tree.files, sizes=tree.sizes()):
                if outcome.error is None:
                    hashed[outcome.input] = outcome.value
                elif not is_instance(outcome.error, Cancelled):
                    failures.append((outcome.input, _reason(outcome.error)))
    except DisplayError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as interrupt:
        say(f"interrupted: {len(hashed)} of {len(tree.files)} files were hashed", err=True)
        die_by_signal(interrupt.signum if isinstance(interrupt, Terminated) else signal.SIGINT)
    _summarise(tree, hashed, failures, monotonic() - began)
    raise SystemExit(1 if failures else 0)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


def _summarise(tree: FileTree, hashed: dict[str, Hashed], failures: list[tuple[str, str]], seconds: float) -> None:
    size = sum(file.size for file in hashed.values())
    for name, reason in failures[:SHOWN_FAILURES]:
        say(f"failed: {quote(name)}: {reason}")
    if len(failures) > SHOWN_FAILURES:
        say(f"failed: {len(failures) - SHOWN_FAILURES} more")
    say(
        f"{len(hashed):,} files, {size:,} bytes in {seconds:.1f} s; {len(failures)} failed,"
        f" {tree.skipped} skipped (links, devices)"
    )
    say(f"{tree_digest(hashed.items())}  {tree.root}")
