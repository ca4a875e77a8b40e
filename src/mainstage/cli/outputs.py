r"""What each task wrote, kept: in files of its own, in GNU parallel's layout, or tagged on the command's own streams.

    DIR/1/<input>/stdout, stderr    whole lines, never clipped; a task that is retried goes on where it was
    DIR/1/<input>/seq               the place of the input among all that were given, from 1
    DIR/1/<input>/status            how it ended: the line of the results; a task that has none has not ended

In the folder's name `/` is `\_`, as GNU parallel has it, and so that every name fits: a backslash is `\\`, a tab `\t`,
no text `\e`, and `.` is `\.`. Of a name of more than 254 bytes the beginning stays, then come a `+` and a digest of the
whole name, 255 bytes in all. An input that is given again has `\2`, `\3` behind its name.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

from mainstage.cli.files import open_file
from mainstage.cli.resumable_results import write_fully
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskStarted, TextWritten
from mainstage.ui.display import tty

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mainstage.cli.inputs import JobInput
    from mainstage.events import Event

FILES = {"stdout": "stdout", "stderr": "stderr", "warning": "stderr", "log": "stderr"}
"""Which file a stream's text is kept in."""
LONGEST = 254
"""Bytes of a folder's name that is told whole; a longer one has `LONGEST` + 1, so that no two can be the same."""
LEAST_DIGEST = 32
"""Hexadecimal digits that tell long names apart, at least."""
ESCAPES = str.maketrans({"\\": "\\\\", "/": "\\_", "\t": "\\t", "\0": "\\0"})


def folder_names(inputs: Sequence[str]) -> list[str]:
    """Return the folder of each input, below DIR."""
    counts: Counter[str] = Counter()
    names = []
    for text in inputs:
        counts[text] += 1
        name = text.translate(ESCAPES) or "\\e"
        if name in (".", ".."):
            name = "\\" + name
        if counts[text] > 1:
            name += f"\\{counts[text]}"
        names.append(os.path.join("1", _fitting(name)))  # noqa: PTH118  # names of any bytes, as strings
    return names


def _fitting(name: str) -> str:
    data = os.fsencode(name)
    if len(data) <= LONGEST:
        return name
    room = LONGEST - LEAST_DIGEST
    head = os.fsencode(data[:room].decode(errors="ignore")) if _is_text(data) else data[:room]
    digest = hashlib.sha256(data).hexdigest()[: LONGEST - len(head)]
    return f"{os.fsdecode(head)}+{digest}"


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Outputs:
    """A recorder of the run; `folder` keeps files, `tag` passes text on with the input in front of each line."""

    def __init__(self, inputs: Sequence[str], *, folder: str | None, tag: bool) -> None:
        """Make the folder; `OSError` where it cannot be."""
        self.unshown: Collection[str] = ()
        self.error: OSError | None = None
        """The first trouble with a file or stream; nothing is kept from then on."""
        self._raised = False
        self._folder = folder
        self._tag = tag
        self._jobs: dict[int, JobInput] = {}
        self._files: dict[tuple[int, str], int] = {}
        self._begun: set[int] = set()
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._names = folder_names(inputs) if folder is not None else []
        if folder is not None:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # strings throughout

    def expect(self, task: int, job: JobInput) -> None:
        """Take what `task` writes as the output of `job`."""
        self._jobs[task] = job

    # --- the owner's side ---

    def record(self, event: Event) -> None:
        """Keep what `event` has to say, if anything."""
        if self.error is not None:
            return
        try:
            match event:
                case TextWritten(task=task, stream=stream, text=text) if stream in FILES:
                    self._keep(self._jobs.get(task or 0), stream, text)
                case TaskStarted(task=task, parent=int(parent)) if parent in self._jobs:
                    self._jobs[task] = self._jobs[parent]
                case TaskEnded(task=task) | TaskFailed(task=task) | TaskCancelled(task=task) if task in self._jobs:
                    self._close(self._jobs[task].seq)
                case _:
                    pass
        except OSError as error:
            self.error = error

    def finish(self, job: JobInput, line: bytes) -> None:
        """Say how `job` ended; `OSError` where that, or what it wrote, could not be kept."""
        self._raise()
        if self._folder is None:
            return
        for name in ("stdout", "stderr"):
            self._file(job, name)
        for name, data in (("seq", b"%d\n" % job.seq), ("status", line)):
            fd = open_file(self._path(job, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                write_fully(fd, data)
            finally:
                os.close(fd)
        self._close(job.seq)  # text of it that is still on its way opens them again

    def close(self) -> None:
        """Close the files; `OSError` where something could not be kept."""
        for seq, _ in list(self._files):
            self._close(seq)
        self._raise()

    def _raise(self) -> None:
        """Raise the trouble that there was, once."""
        if self.error is not None and not self._raised:
            self._raised = True
            raise self.error

    def _keep(self, job: JobInput | None, stream: str, text: str) -> None:
        if job is not None and self._folder is not None:
            write_fully(self._file(job, FILES[stream]), _encoded(text + "\n"))
        if stream in self.unshown and (job is None or self._tag):
            lines = text if job is None else _tagged(job.input, text)
            out = self._streams[FILES[stream]]
            out.flush()
            tty.write_all(out.fileno(), _encoded(lines + "\n"))

    def _path(self, job: JobInput, name: str) -> str:
        return os.path.join(self._folder or "", self._names[job.seq - 1], name)  # noqa: PTH118  # as above

    def _file(self, job: JobInput, name: str) -> int:
        """Return the file open for appending; what an earlier run left in it is gone with the first of the job."""
        fd = self._files.get((job.seq, name))
        if fd is None:
            if job.seq not in self._begun:
                self._begun.add(job.seq)
                self._begin(job)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            fd = self._files[job.seq, name] = open_file(self._path(job, name), flags)
        return fd

    def _begin(self, job: JobInput) -> None:
        os.makedirs(os.path.dirname(self._path(job, "seq")), exist_ok=True)  # noqa: PTH103, PTH120  # as above
        for name in ("stdout", "stderr", "seq", "status"):
            try:
                os.unlink(self._path(job, name))  # noqa: PTH108  # as above
            except FileNotFoundError:
                continue

    def _close(self, seq: int) -> None:
        for name in ("stdout", "stderr"):
            fd = self._files.pop((seq, name), None)
            if fd is not None:
                os.close(fd)


def _tagged(tag: str, text: str) -> str:
    if not tag.isprintable():  # a line end in it would tear the line; other bytes than text stay what they are
        tag = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else repr(char)[1:-1] for char in tag)
    return "\n".join(f"{tag}\t{line}" for line in text.split("\n"))


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
