"""Hostile texts over every sink and every face: `python -m tests.faults.texts [TEXTS] [NAME ...]`; status 1 if one
gets through. As part of `make soak` 10,000 texts a sink, in the tests some hundreds.

A *sink* is given texts in this process and its bytes are read strictly. A *face* is a program in a terminal, whose
tasks have hostile names, states, units, workers, prints, log lines, metrics and errors; all that it wrote is read:
the terminal's bytes, the log, JSON lines.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import click
from docs.screens import rows_of, svg
from tests.display.cells import Shell
from tests.system.terminals import Pty, environment

from mainstage.cli.failures import FailureReport
from mainstage.cli.inputs import JobInput
from mainstage.cli.joblog import JobLog
from mainstage.cli.outputs import folder_names
from mainstage.cli.resumable_results import encode_line, outcome_line
from mainstage.cli.shell import say, tell_error
from mainstage.core.codec import from_json, to_json
from mainstage.errors import describe_error
from mainstage.events import (
    Event,
    MetricReported,
    RunEnded,
    RunStarted,
    StopRequested,
    TaskChanged,
    TaskFailed,
    TaskRetried,
    TaskStarted,
    TaskStuck,
    TextWritten,
)
from mainstage.pool.results import ItemOutcome
from mainstage.ui.display.cursor import QUESTION
from mainstage.ui.display.notebook import NotebookDisplay
from mainstage.ui.display.recording import Screen
from mainstage.ui.display.runlog import RunLog
from mainstage.ui.display.stream import StreamDisplay
from mainstage.ui.state.reducer import reduce
from mainstage.ui.state.run import RunState
from mainstage.ui.views import FrameContext, Size
from mainstage.ui.views.bars import BarsView
from mainstage.ui.views.kept_lines import KeepingView
from mainstage.ui.views.plain import PlainView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROGRAM = Path(__file__).with_name("text_program.py")
SECONDS = 600.0
"""For one face."""
PER_TASK = 8
"""Texts that each task of a face, or of a stream of events, is given."""

# --- hostile texts ---

PIECES = (
    # strings for the terminal: titles, clipboard, links, files, notifications, queries, pictures
    *("\x1b]0;PWN\x07", "\x1b]2;PWN\x1b\\", "\x1b]52;c;UFdO\x07", "\x1b]8;;http://PWN/\x1b\\x\x1b]8;;\x1b\\"),
    *(
        "\x1b]8;;file://PWN/x\x1b\\",
        "\x1b]1337;File=PWN\x07",
        "\x1b]9;PWN\x07",
        "\x1b]9;4;1;13\x07",
        "\x1b]777;PWN\x07",
    ),
    *("\x1bP$qPWN\x1b\\", "\x1bPq#1337\x1b\\", "\x1b_GPWN\x1b\\", "\x1b^PWN\x1b\\", "\x1bXPWN\x1b\\", "\x1bPtmux;PWN"),
    # what moves, erases, switches, asks
    *("\x1b[1337;1337H", "\x1b[2;1337r", "\x1b[1337A", "\x1b[1337J", "\x1b[?1049h", "\x1b[?2004h", "\x1b[?1003h"),
    *(
        "\x1b[?2026l",
        "\x1b[200~PWN\x1b[201~",
        "\x1b[5n",
        "\x1b[?6n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[21t",
        "\x1b[1337S",
        "\x1b[!p",
    ),
    *(
        "\x1bc",
        "\x1b#8",
        "\x1b(0",
        "\x1bN",
        "\x1b[1337@",
        "\x1b[1337X",
        "\x1b[8;1337;1337t",
        "\x1b[5i",
        "\x1b7",
        "\x1b8",
    ),
    # the same in one byte, and what is cut in the middle
    *("\x9b1337;1H", "\x9d0;PWN\x9c", "\x90PWN\x9c", "\x9fPWN\x9c", "\x98PWN\x9c", "\x84", "\x85", "\x8d", "\x9c"),
    *("\x1b", "\x1b[", "\x1b]", "\x1b[1", "\x1b]0;PWN", "\x1bP", "\x1b\\", "\x18", "\x1a", "\x1b[" + "9;" * 20 + "q"),
    # single controls
    *("\x00", "\x05", "\x07", "\x08", "\x0b", "\x0c", "\x0e", "\x0f", "\x11", "\x13", "\x1c", "\x1d", "\x7f"),
    *("\r", "\n", "\r\n", "\t", "\n\n", "\r\r"),
    # commands of CI services
    *("::error::PWN", "\n::error::PWN", "::set-output name=x::PWN", "\n  ::add-mask::PWN", "%0A::warning::PWN"),
    *("##[error]PWN", "##[set-output name=x]PWN", "##vso[task.setvariable variable=x]PWN", "##teamcity[PWN]"),
    *("#\u200d#[error]PWN", "\u200d::error::PWN", "\ufeff::error::PWN", "###[error]", "::stop-commands::PWN"),
    # languages of markup and format
    *("[bold red]PWN[/]", "[/]", "[link=http://PWN]x[/link]", "[@click=app.bell]x[/]", ":bomb:", "\\[", "[["),
    *("</text><script>PWN</script>", "]]>", "<!ENTITY x", "&PWN;", "&#27;", '"', "'", "\\", "\\u001b", "{0}", "%s"),
    *("$(id)", "`id`", "../../..", "/etc/passwd", "{task.__class__}", "2026-01-01 00:00:00.000+00:00 [x] failed"),
    # text that is hard to measure, to see and to encode
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u200d", "\u200d" * 300, "\ufe0f", "\U0001f1e9\U0001f1ea"),
    *("e" + "\u0301" * 5, "\u202e", "\u2066", "\u2069", "\u202d", "\u200f", "\u061c", "\u2028", "\u2029", "\ufeff"),
    *("\xad", "\u115f", "\u3164", "\ud800", "\udfff", "\udc9b", "\udc1b", "\udcff", "\ud83d", "\U000e0041", "\ufffe"),
    *("a" * 200, "\u4e00" * 90, " ", ""),
)
NAME_COLOUR = "\x1b[38;5;137m"
"""A colour that no name may have: names are shown as they are."""


def hostile(rng: random.Random) -> str:
    """Return one text."""
    parts = []
    for _ in range(rng.randrange(1, 8)):
        roll = rng.random()
        if roll < 0.8:
            parts.append(rng.choice(PIECES))
        elif roll < 0.9:
            parts.append("".join(chr(rng.randrange(*rng.choice(((0, 0xA1), (0x20, 0x3000))))) for _ in range(8)))
        else:
            parts.append("\x1b" + chr(rng.randrange(0x20, 0x7F)))
    return "".join(parts)


def hostile_name(rng: random.Random) -> str:
    """Return one text, of a thing: no colour of it may be seen."""
    text = hostile(rng)
    return text + NAME_COLOUR if rng.random() < 0.1 else text


# --- what may be in the bytes of a terminal, a log, a file ---

TOKEN = re.compile(
    r"\x1b\[(?P<params>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b(?P<string>[\]PX^_])(?P<body>[^\x07\x1b\x9c]*)(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b(?P<escape>[ -/]*[0-~])?"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
)
OUR_FINALS = "mKJHGrABSTdLM"
OUR_MODES = {"?2026", "?25", "?7"}
TURNS = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMANDS = re.compile(
    r"^[^!-~\n]*:[^!-~\n]*:(?!group::|endgroup::)|#[^!-~\s\x1b]*#[^!-~\s\x1b]*(?:vso|teamcity)?[^!-~\s\x1b]*\[",
    re.MULTILINE,
)


def terminal_breaches(data: bytes) -> list[str]:
    """Return what in the bytes of a terminal cannot have been ours."""
    text = data.decode("utf-8", "replace")
    return [found[0] for found in TOKEN.finditer(text) if found[0] != QUESTION and not _is_ours(found)] + TURNS.findall(
        text
    )


def _is_ours(found: re.Match[str]) -> bool:
    params, final, body = found["params"], found["final"], found["body"]
    if final is not None:
        if found["between"] or "1337" in params or final not in OUR_FINALS + "hl":
            return False
        if final in "hl":
            return set(params.split(";")) <= OUR_MODES
        return not params.startswith(("?", ">", "=", "<", "!")) and "38;5;137" not in params
    if body is not None:
        link = body == "8;;" or body.startswith("8;;file:///")
        return found["string"] == "]" and (link or (body.startswith("9;4;") and "13" not in body))
    if found["control"] is not None:
        return found["control"] in "\r\n\x18"
    return found["escape"] in ("7", "8", "D", "M", "(B")


def text_breaches(data: bytes) -> list[str]:
    """Return what in the bytes of a log or a file is no text: here not even colours are ours."""
    text = data.decode("utf-8", "replace")
    return [found[0] for found in TOKEN.finditer(text) if found[0] != "\n"] + TURNS.findall(text)


def command_breaches(data: bytes) -> list[str]:
    """Return what in the bytes of a CI log its runner would take as a command, but our groups."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return [text[found.start() : found.start() + 40] for found in COMMANDS.finditer(text)]


def json_breaches(data: bytes) -> list[str]:
    """Return the lines that are no JSON, or no text."""
    found = command_breaches(data) + text_breaches(data)
    for line in data.split(b"\n")[:-1]:
        try:
            json.loads(line)
        except ValueError:
            found.append(line.decode("utf-8", "replace"))
    return found


# --- sinks ---


def events(texts: Sequence[str]) -> Iterator[Event]:
    """Yield the events of a run whose every text is hostile."""
    yield RunStarted(0.0, texts[0], 1.7e9)
    at = 0.0
    for task, given in enumerate(_groups(texts), 1):
        name, worker, unit, status, said, kind, text, told = given
        at += 0.2
        error = describe_error(ValueError(text))._replace(type=kind, traceback=f"Traceback:\n{text}\n{told}")
        yield TaskStarted(at, task, 1, worker, name, 10, unit, None, ((unit or "x", status),))
        yield TaskChanged(at, task, 1, status=status)
        for stream in ("stdout", "stderr", "log", "warning", "mainstage"):
            yield TextWritten(at, task if task % 3 else None, 1, worker, stream, said)
        yield MetricReported(at, task, 1, unit, 1.0)
        yield TaskStuck(at, task, 1, 60.0, told)
        yield TaskRetried(at, task, 1, 1.0, error, 0.1, told)
        yield TaskStarted(at, task, 2, worker, name, 10, unit)
        yield TaskFailed(at, task, 2, 1.0, error, told)
    yield StopRequested(at, texts[-1], 1)
    yield RunEnded(at + 1)


def _groups(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(texts) - PER_TASK + 1, PER_TASK):
        yield texts[at : at + PER_TASK]


def written(texts: Sequence[str], *, groups: bool = False, unicode: bool = True) -> bytes:
    """Return what the plain view writes of a run."""
    from mainstage.ui.views.palette import Glyphs  # noqa: PLC0415  # Rich's styles

    view = PlainView(groups=groups, interval=0.1, glyphs=Glyphs(unicode=unicode))
    with tempfile.TemporaryFile() as file:
        display = StreamDisplay(file.fileno(), runner=groups, encoding="utf-8" if unicode else "ascii")
        state = RunState()
        for event in events(texts):
            reduce(state, event)
            moment = FrameContext(event.at, Size(80, 24), final=isinstance(event, RunEnded))
            display.show(view.history_lines(event, state, moment), view.rows(state, moment))
        display.close([], [])
        file.seek(0)
        return file.read()


def plain(texts: Sequence[str]) -> list[str]:
    found = terminal_breaches(written(texts)) + terminal_breaches(written(texts, unicode=False))
    return [one for one in found if one != "\n"]


def github(texts: Sequence[str]) -> list[str]:
    data = written(texts, groups=True)
    assert b"\n::group::" in data
    return terminal_breaches(data) + command_breaches(data)


def json_lines(texts: Sequence[str]) -> list[str]:
    lines = []
    for event in events(texts):
        lines.append(to_json(event))
        from_json(lines[-1])
    return json_breaches("".join(f"{line}\n" for line in lines).encode())


def log(texts: Sequence[str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        recorder = RunLog(Path(folder) / "log")
        for event in events(texts):
            recorder.record(event)
        data = (Path(folder) / "log").read_bytes()
    forged = [line for line in data.decode().split("\n")[:-1] if not re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", line)]
    return text_breaches(data) + forged


def results(texts: Sequence[str]) -> list[str]:
    data = b""
    for name, said, text in zip(texts, texts[1:], texts[2:], strict=False):
        for error in (None, ValueError(text)):
            data += encode_line(outcome_line(name, ItemOutcome(0, said, {text: [said]}, error, 0.1, 1, 0.0)))
    return json_breaches(data)


def folders(texts: Sequence[str]) -> list[str]:
    given = [text for text in texts if not re.search("[\ud800-\udc7f\udd00-\udfff]", text)]  # no names of files
    names = folder_names(given)
    found = [name for name in names if not re.fullmatch(r"1/[^/\0]+", name) or name[2:] in (".", "..")]
    found += [name for name in names if len(os.fsencode(name)) > len("1/") + 255]
    return found if len(set(names)) == len(given) else [*found, "two inputs in one folder"]


def joblog(texts: Sequence[str]) -> list[str]:
    given = [text for text in texts if not re.search("[\ud800-\udc7f\udd00-\udfff]", text)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs"
        sink = JobLog(str(path), texts[0] if texts[0] in given else "x", append=False)
        for seq, text in enumerate(given, 1):
            sink.append(JobInput(seq, text), ItemOutcome(0, text, 1, None, 0.1, 1, 0.0), started=0.0, received=0)
        sink.close()
        data = path.read_bytes()
    lines = [line for line in data.split(b"\n")[:-1] if line.count(b"\t") != 8]  # between nine columns
    return text_breaches(data.replace(b"\t", b" ")) + [repr(line) for line in lines]


def messages(texts: Sequence[str]) -> list[str]:
    """What the command says of a wrong word, of an input, and of a failure with --traceback."""
    found = []
    for env in ({}, {"GITHUB_ACTIONS": "true"}):
        with _stderr(env) as stream:
            for text in texts:
                say(text, err=True)
                tell_error(click.UsageError(f"--out {text}: no such file"))
                tell_error(click.ClickException(text))
        data = stream.buffer.getvalue()  # type: ignore[attr-defined]  # BytesIO
        found += text_breaches(data) + (command_breaches(data) if env else [])
        if data.count(b"\n") != 3 * len(texts):
            found.append("a line was forged")
    return found


def tracebacks(texts: Sequence[str]) -> list[str]:
    """Rich's tracebacks, which cost some milliseconds each: five texts are in one."""
    found = []
    for env in ({"FORCE_COLOR": "1"}, {"GITHUB_ACTIONS": "true"}):
        with _stderr(env) as stream:
            failures = FailureReport(2)
            for at in range(0, len(texts) - 4, 5):
                name, *told = texts[at : at + 5]
                kind = type(re.sub("\0|[\ud800-\udfff]", "", name) or "X", (ValueError,), {})
                error = kind(told[0])
                error.__notes__ = [told[1]]
                error.__cause__ = ExceptionGroup(told[2], [KeyError(told[3])])
                failures.add(JobInput(1, name), error)
            failures.tell()
        data = stream.buffer.getvalue()  # type: ignore[attr-defined]  # as above
        found += terminal_breaches(data) + (command_breaches(data) if env.get("GITHUB_ACTIONS") else [])
    return [one for one in found if one != "38;5;137"]


@contextlib.contextmanager
def _stderr(env: dict[str, str]) -> Iterator[io.TextIOWrapper]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "TF_", "TEAMCITY"))}
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with mock.patch.dict(os.environ, {**kept, **env}, clear=True), mock.patch.object(sys, "stderr", stream):
        yield stream
        stream.flush()


def pictures(texts: Sequence[str]) -> list[str]:
    """Pictures of screens, as the docs have them."""
    found = []
    for at in range(0, len(texts), 4 * PER_TASK):
        screen = Screen(80, 24)
        screen.feed(written(texts[at : at + 4 * PER_TASK]).replace(b"\n", b"\r\n"))
        rows = rows_of(screen)
        picture = svg([rows], [1.0], columns=80, title="x", about="x")
        names = {element.tag.rpartition("}")[2] for element in ET.fromstring(picture).iter()}  # our own
        if not names <= {"svg", "title", "desc", "style", "rect", "circle", "text", "path", "g"}:
            found.append(picture)
    return found


HTML_TAG = r"</?(?:pre|span|details|summary)(?: style=\"[^\"<>]*\")?>"
"""The tags of the HTML of a notebook's cell."""


def cells(texts: Sequence[str]) -> list[str]:
    """Return what in a notebook's pictures and text is more than text, SGR and our own tags."""
    shell, found = Shell(), []
    with contextlib.redirect_stdout(shell.stdout):
        view = KeepingView(BarsView(), lambda *_: True)
        display = NotebookDisplay(shell, view.kept)
        state = RunState()
        for event in events(texts):
            reduce(state, event)
            moment = FrameContext(event.at, display.size(), final=isinstance(event, RunEnded))
            lines, rows = view.history_lines(event, state, moment), view.rows(state, moment)
            display.show(lines, rows)
        display.close([], rows)
    assert display.broken is None
    for picture in shell.sent:
        plain_text = picture["data"].get("text/plain", "").encode()
        found += [one for one in terminal_breaches(plain_text) if one != "\n"]
        page = picture["data"].get("text/html", "")
        found += [tag for tag in re.findall(r"<[^>]*>?", page) if not re.fullmatch(HTML_TAG, tag)]
    printed = terminal_breaches(shell.stdout.getvalue().encode(errors="surrogatepass"))
    return found + [one for one in printed if one != "\n"]


SINKS: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "plain": plain,
    "github": github,
    "json": json_lines,
    "log": log,
    "results": results,
    "folders": folders,
    "joblog": joblog,
    "messages": messages,
    "tracebacks": tracebacks,
    "pictures": pictures,
    "cells": cells,
}


# --- faces ---


class Face(NamedTuple):
    """A program in a terminal; `needs` is what has to be installed."""

    work: str
    view: str = "live"
    env: dict[str, str] = {}  # noqa: RUF012  # nothing changes it
    needs: tuple[str, ...] = ()


FACES = {
    "threads": Face("threads"),
    "threads, plain": Face("threads", "plain"),
    "threads, ascii": Face("threads", "live", {"PYTHONIOENCODING": "ascii:backslashreplace"}),
    "threads, dumb": Face("threads", "auto", {"TERM": "dumb"}),
    "threads, CI": Face("threads", "auto", {"CI": "true"}),
    "threads, accessible": Face("threads", "auto", {"ACCESSIBLE": "1"}),
    "threads, GitHub": Face("threads", "auto", {"CI": "true", "GITHUB_ACTIONS": "true"}),
    "threads, json": Face("threads", "json"),
    "calls": Face("calls"),
    "processes": Face("processes"),
    "processes, GitHub": Face("processes", "auto", {"CI": "true", "GITHUB_ACTIONS": "true"}),
    "asyncio": Face("asyncio"),
    "asyncio, plain": Face("asyncio", "plain"),
    "drop-in pool": Face("drop-in"),
    "raw queue": Face("queue"),
    "joblib": Face("joblib", needs=("joblib",)),
    "dask": Face("dask", needs=("distributed", "cryptography")),
    "ray": Face("ray", needs=("ray",)),
    "exec": Face("exec"),
    "exec, plain": Face("exec", "plain"),
    "map": Face("map"),
    "map, GitHub": Face("map", "auto", {"CI": "true", "GITHUB_ACTIONS": "true"}),
}


def missing_for(face: Face) -> str:
    """Return what is not installed of what `face` needs."""
    return next((module for module in face.needs if importlib.util.find_spec(module) is None), "")


def run_face(face: Face, count: int, seed: int) -> list[str]:
    """Run the program with `count` texts; return what got through."""
    with tempfile.TemporaryDirectory() as folder:
        argv = _command(face, folder, count, seed)
        env = environment(face.env)
        for name in ("CI", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS", "LINES"):
            if name not in face.env:
                env.pop(name, None)
        if face.view == "json":
            done = subprocess.run(
                argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, timeout=SECONDS, check=True
            )  # our own
            return json_breaches(done.stdout)
        with Pty(argv, columns=100, rows=30, env=env) as pty:
            status = pty.wait(SECONDS)
        data = bytes(pty.output)
        found = [] if status == (1 if face.work == "map" else 0) else [f"status {status}: {data[-300:]!r}"]
        found += terminal_breaches(data)
        if "GITHUB_ACTIONS" in face.env:
            found += command_breaches(data)
        for name, look in (("run.log", text_breaches), ("out.jsonl", json_breaches), ("jobs", _joblog_breaches)):
            path = Path(folder) / name
            if path.exists():
                found += look(path.read_bytes())
            elif name == "run.log":
                found.append("no log")
        return found


def _joblog_breaches(data: bytes) -> list[str]:
    return text_breaches(data.replace(b"\t", b" "))


def _command(face: Face, folder: str, count: int, seed: int) -> list[str]:
    words = [str(PROGRAM), face.work, face.view, str(seed), str(max(1, count // PER_TASK)), folder]
    if face.work == "exec":
        log = str(Path(folder) / "run.log")
        return [sys.executable, "-m", "mainstage", "exec", "--view", face.view, "--log", log, *words]
    return [sys.executable, *words]


# --- all of them ---


def check_sink(name: str, count: int, seed: int = 0) -> list[str]:
    rng = random.Random(f"{name} {seed}")  # to be the same again
    return SINKS[name]([hostile(rng) for _ in range(count)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=int, nargs="?", default=10_000)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    through = 0
    for name in given.names or [*SINKS, *FACES]:
        if name in SINKS:
            found = check_sink(name, given.texts, given.seed)
        elif missing := missing_for(FACES[name]):
            print(f"    --    {name}: {missing} is not installed", flush=True)
            continue
        else:
            found = run_face(FACES[name], given.texts, given.seed)
        through += len(found)
        print(
            f"    {'ok   ' if not found else 'FAILS'} {name}: {given.texts:,} texts, {len(found)} through", flush=True
        )
        for one in found[:5]:
            print(f"          {ascii(one)[:200]}", flush=True)
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
