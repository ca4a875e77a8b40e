"""A nightly job: killed in the middle, looked at from outside, run again, reported on.

The job is `mainstage map` over files, with a results file to resume from and a journal. Here this program plays the
rest of the night: it starts the job, kills it as a machine that goes down would, looks at it, starts it again and
reports.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mainstage

EARLY = 6
"""Files that are done when the job is killed."""
MAINSTAGE = [sys.executable, "-m", "mainstage"]


def words(path: str) -> int:
    """Count the words of a file, slowly: this is the job's work."""
    for _ in mainstage.track(range(5), "parts"):
        time.sleep(0.02)
    return len(Path(path).read_text(encoding="utf-8").split())


def main() -> None:
    """Play the night."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(24):
            (folder / f"page-{number:02}.txt").write_text("word " * number, encoding="utf-8")
        pages = sorted(map(str, folder.glob("*.txt")))
        results, journal = folder / "words.jsonl", folder / "nightly.msj"
        job = [*MAINSTAGE, "map", f"{__file__}:words", *pages, "-j", "2"]
        job += ["--out", str(results), "--journal", str(journal)]

        with subprocess.Popen(job, stderr=subprocess.DEVNULL) as night:
            while not results.exists() or len(results.read_text(encoding="utf-8").splitlines()) < EARLY:
                time.sleep(0.02)  # a while into the night
            night.send_signal(signal.SIGKILL)

        watched = subprocess.run([*MAINSTAGE, "watch", str(journal)], capture_output=True, text=True, check=True)
        print("killed:", "stopped by the death of process" in watched.stderr)

        subprocess.run([*job, "--resume"], capture_output=True, check=True)
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        print(f"{len(lines)} files, {sum(line['result'] for line in lines)} words")

        report = folder / "nightly.html"
        subprocess.run([*MAINSTAGE, "report", str(journal), "-o", str(report)], capture_output=True, check=True)
        print("report:", "Slowest tasks" in report.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
