"""Workers whose C code and children write past every stream: descriptors.py WAY."""
# ruff: noqa: T201  # printing is the subject

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time

import mainstage

PROGRESS = "for n in 1 2 3 4 5 6 7 8; do printf 'fetched %s of 8\\r' $n; sleep 0.2; done; echo fetched all"


def shell(command: str) -> None:
    subprocess.run(["sh", "-c", command], check=True)


def one_after_another(run: mainstage.Run) -> None:
    for name in ("first", "second"):
        run.options(description=name).submit(
            shell, f"for n in 1 2 3; do echo {name} $n; done; echo {name} err >&2"
        ).result()
        time.sleep(0.3)


def together(run: mainstage.Run) -> None:
    command = "n=0; while [ $n -lt {0} ]; do echo child {1} line $n whole; n=$((n+1)); done"
    futures = [run.submit(shell, command.format(500, who)) for who in range(8)]
    for future in futures:
        future.result()


def with_the_gil() -> None:
    write = ctypes.PyDLL(None).write  # holds the interpreter's lock, as C code of an extension may
    for n in range(2500):
        line = f"line {n:05d} of C code {'.' * 54} whole\n".encode()
        assert write(2, line, len(line)) == len(line)


def flood(run: mainstage.Run) -> None:
    run.submit(with_the_gil).result()


def progress(run: mainstage.Run) -> None:
    run.options(description="fetch").submit(shell, PROGRESS).result()


def outlived(run: mainstage.Run) -> None:
    run.submit(shell, "(trap '' HUP; sleep 1; echo too late; echo alive > $OUT) & echo begun").result()


def asked(run: mainstage.Run) -> None:
    time.sleep(0.7)
    print("ANSWER", input("Name? "))


def mixed(run: mainstage.Run) -> None:
    def work() -> None:
        print("printed")
        os.write(1, b"straight to 1\n")
        os.write(2, b"straight to 2\n")

    run.submit(work).result()


def failing(run: mainstage.Run) -> None:
    os.write(2, b"before it fails")
    raise KeyError("on purpose")


WAYS = {way.__name__: way for way in (one_after_another, together, flood, progress, outlived, asked, mixed, failing)}


def main() -> None:
    before = [os.fstat(number) for number in (1, 2)]
    try:
        with mainstage.Run("descriptors", max_workers=8, capture="fd", log=os.environ.get("LOG")) as run:
            terminal = sys.stdout.isatty(), sys.stderr.isatty()
            WAYS[sys.argv[1]](run)
    finally:
        after = [os.fstat(number) for number in (1, 2)]
        assert all(map(os.path.samestat, before, after))
        assert terminal == (os.isatty(1), os.isatty(2))
        os.write(2, b"AFTER\n")


if __name__ == "__main__":
    main()
