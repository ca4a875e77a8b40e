"""`mainstage demo`: hash the files of a folder, or made-up ones that show in ten seconds what a run looks like.

The bytes of made-up files are computed, at the speed of a slow line, and hashed as those of real ones are.
"""

from __future__ import annotations

import hashlib
import os
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

import click

import mainstage
from mainstage.cli.shell import quote, say
from mainstage.core.clock import monotonic
from mainstage.errors import Cancelled, DisplayError, Terminated, is_instance
from mainstage.run.signals import die_by_signal
from mainstage.ui.display.detect import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHUNK = 1 << 18
SHOWN_FAILURES = 20
BYTES_PER_S = 9e6
"""How fast a thread gets the bytes of made-up files."""
ARCHIVE = {
    "maps/adria.tif": 6_400_000, "maps/azores.tif": 21_700_000, "notes/alps.txt": 48_213, "maps/baltic.tif": 14_900_000,
    "video/biscay.mp4": 58_000_000, "sound/birds.flac": 9_300_000, "maps/channel.tif": 17_250_000,
    "notes/crete.txt": 91_870, "sound/chapel.flac": 4_100_000, "maps/cyclades.tif": 25_600_000,
    "data/depths.csv": 2_360_411, "maps/egadi.tif": 11_800_000, "notes/elba.txt": 7_502, "video/faroe.mp4": 41_000_000,
    "data/ferries.csv": 803_277, "sound/foghorn.flac": 6_900_000, "maps/gotland.tif": 13_400_000,
    "notes/harbours.txt": 310_044, "maps/hebrides.tif": 19_100_000, "data/islands.csv": 5_120_608,
    "maps/ionia.tif": 12_700_000, "sound/lighthouse.flac": 8_200_000, "data/tides.csv": 3_650_190,
    "maps/tyrrhenian.tif": 15_300_000,
}  # fmt: skip
"""The made-up files and their sizes: about ten seconds for four threads."""
INTERRUPTED = "sound/chapel.flac"
"""The line breaks down at the first attempt at this file; the second attempt gets it."""
DAMAGED = "data/depths.csv"
"""This file is never what its checksum says."""


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


def hash_made_up_file(name: str) -> Hashed:
    """Return the SHA-256 of a file of `ARCHIVE`, reporting each byte at the time a slow line would bring it."""
    task = mainstage.current_task()
    size = ARCHIVE[name]
    task.set(total=size, unit="B")
    block = hashlib.sha256(name.encode()).digest() * (CHUNK // 32)
    digest = hashlib.sha256()
    began = monotonic()
    for start in range(0, size, CHUNK):
        chunk = block[: size - start]
        digest.update(chunk)
        task.sleep(max(0.0, began + (start + len(chunk)) / BYTES_PER_S - monotonic()))
        task.advance(len(chunk))
        if name == INTERRUPTED and task.attempt == 1 and start > size / 2:
            raise ConnectionResetError("connection reset by peer")
    if name == DAMAGED:
        raise ValueError(f"checksum is {digest.hexdigest()[:8]}, not 9b1d03c7")
    task.log(f"sha256 {digest.hexdigest()[:16]}")
    return Hashed(digest.hexdigest(), size)


def tree_digest(hashed: Iterable[tuple[str, Hashed]]) -> str:
    """Return the SHA-256 of what `sha256sum --zero` prints of the files in the order of their names' bytes."""
    digest = hashlib.sha256()
    for name, file in sorted(hashed, key=lambda item: os.fsencode(item[0])):
        digest.update(file.digest.encode() + b"  " + os.fsencode(name) + b"\0")
    return digest.hexdigest()


@click.command("demo", short_help="Show what a run looks like, for ten seconds.")
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
    """Hash every file under PATH with SHA-256, and print a summary with the digest of the tree.

    Without PATH: show in ten seconds what a run looks like. 24 made-up files are hashed; one needs a second attempt,
    and one fails. Nothing is read or written.

    Exit status 1 if a file under PATH could not be read.
    """
    look["keys"] = "auto" if look["keys"] is None else look["keys"]
    try:
        if path is None:
            raise SystemExit(_show_archive(max_workers, look))
        raise SystemExit(_hash_tree(path, max_workers, look))
    except DisplayError as error:
        raise click.UsageError(str(error)) from error


def _show_archive(max_workers: int, look: dict[str, Any]) -> int:
    """Hash the made-up files. Return the exit status: the one failure belongs to the show."""
    began = monotonic()
    run = mainstage.Run("hashing", max_workers=max_workers, on_error="collect", retries=1, **look)
    hashed, failures = _hash_all(run, hash_made_up_file, lambda: (list(ARCHIVE), list(ARCHIVE.values())))
    _summarise(hashed, len(failures), monotonic() - began)
    return 0


def _hash_tree(root: str, max_workers: int, look: dict[str, Any]) -> int:
    """Hash the files under `root`. Return the exit status."""
    began = monotonic()
    tree = FileTree(root, [], 0, [])

    def listed() -> tuple[list[str], list[int]]:
        nonlocal tree
        tree = survey(root)
        return tree.files, tree.sizes()

    run = mainstage.Run("hashing", max_workers=max_workers, on_error="collect", **look)
    hashed, failed = _hash_all(run, lambda name: hash_file(tree.root, name), listed)
    failures = tree.unlisted + failed
    for name, reason in failures[:SHOWN_FAILURES]:
        say(f"failed: {quote(name)}: {reason}")
    if len(failures) > SHOWN_FAILURES:
        say(f"failed: {len(failures) - SHOWN_FAILURES} more")
    _summarise(hashed, len(failures), monotonic() - began, f", {tree.skipped} skipped (links, devices)")
    say(f"{tree_digest(hashed.items())}  {tree.root}")
    return 1 if failures else 0


def _hash_all(
    run: mainstage.Run, hash_one: Callable[[str], Hashed], listed: Callable[[], tuple[list[str], list[int]]]
) -> tuple[dict[str, Hashed], list[tuple[str, str]]]:
    """Hash what `listed` returns (names and sizes), within the run: digests by name, failures and their reasons."""
    hashed: dict[str, Hashed] = {}
    failures: list[tuple[str, str]] = []
    names: list[str] = []
    try:
        with run:
            names, sizes = listed()
            for outcome in run._outcomes(hash_one, names, sizes=sizes):
                if outcome.error is None:
                    hashed[outcome.input] = outcome.value
                elif not is_instance(outcome.error, Cancelled):
                    failures.append((outcome.input, _reason(outcome.error)))
    except KeyboardInterrupt as interrupt:
        say(f"interrupted: {len(hashed)} of {len(names)} files were hashed", err=True)
        die_by_signal(interrupt.signum if isinstance(interrupt, Terminated) else signal.SIGINT)
    return hashed, failures


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


def _summarise(hashed: dict[str, Hashed], failed: int, seconds: float, more: str = "") -> None:
    size = sum(file.size for file in hashed.values())
    say(f"{len(hashed):,} files, {size:,} bytes in {seconds:.1f} s; {failed} failed{more}")
