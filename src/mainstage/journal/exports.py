"""A report for other programs: JSON, Markdown for a CI service, trace events for Perfetto, JUnit's XML."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from mainstage.journal.report import DONE, FAILED, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstage.journal.report import RunReport, Span, Trouble

MOST_BYTES = 900_000
"""Bytes of a summary: GitHub drops all of one that is longer than 1 MiB."""
LONGEST_TRACEBACK = 4000
"""Characters of a traceback in a summary, the last ones."""
SLOWEST = 10
SLACK = 0.001
"""Seconds that the end of a task may be read after the start of the next one."""
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def task_name(span: Span | Trouble) -> str:
    """Return what a task is called; a short item has its number alone."""
    return span.name or f"item {span.task}"


# --- JSON ---


def to_summary(report: RunReport) -> dict[str, Any]:
    """Return the run in numbers, its failures and its slowest tasks, as values that JSON knows."""
    figures = report.figures()
    return {
        "title": report.title,
        "verdict": report.verdict(),
        "began": report.header.wall,
        "argv": list(report.header.argv),
        **figures._asdict(),
        "failures": [
            {
                "task": task_name(trouble),
                "input": trouble.input,
                "worker": trouble.worker,
                "attempt": trouble.attempt,
                "at": trouble.at,
                "type": trouble.error.type,
                "text": trouble.error.text,
                "traceback": trouble.error.traceback,
            }
            for trouble in report.failures()
        ],
        "slowest": [
            {"task": task_name(span), "worker": span.worker, "from": span.start, "seconds": span.end - span.start}
            for span in report.slowest(SLOWEST)
        ],
        "metrics": {
            name: {"last": _finite(values[-1][1]), "count": len(values)} for name, values in report.metrics.items()
        },
    }


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# --- Markdown ---


def to_markdown(report: RunReport) -> str:
    """Return a summary of less than 1 MiB for GitHub's step summaries: numbers, failures folded, the slowest tasks."""
    figures = report.figures()
    busy = sum(figures.busy.values()) / max(1, len(figures.busy))
    cells = [f"{figures.done:,}", f"{figures.failed:,}", f"{figures.retried:,}", seconds(figures.seconds)]
    cells += [f"{figures.rate:.1f}", seconds(figures.p50), seconds(figures.p99), f"{100 * busy:.0f} %"]
    lines = [
        f"### {'❌' if report.bad() else '✅'} {_text(report.title)}: {_text(report.verdict())}",
        "",
        "| done | failed | tried again | time | tasks/s | median | p99 | workers busy |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        f"| {' | '.join(cells)} |",
        "",
    ]
    size = sum(len(line.encode()) + 1 for line in lines)
    failures = report.failures()
    told = 0
    for trouble in failures:
        block = "\n".join(_folded(trouble))
        size += len(block.encode()) + 1
        if size > MOST_BYTES:
            break
        lines.append(block)
        told += 1
    if told < len(failures):
        lines += [f"... and {len(failures) - told:,} more failures: {_text(_kinds(failures[told:]))}", ""]
    slowest = report.slowest(SLOWEST)
    if len(slowest) > 1 and told == len(failures):
        lines += ["<details><summary>slowest tasks</summary>", "", "| task | worker | took |", "|---|---|---:|"]
        lines += [
            f"| {_cell(task_name(span))} | {_cell(span.worker)} | {seconds(span.end - span.start)} |"
            for span in slowest
        ]
        lines += ["", "</details>", ""]
    return "\n".join(lines) + "\n"


def _folded(trouble: Trouble) -> Iterator[str]:
    """Yield the lines of a failure."""
    error = trouble.error
    head = f"{task_name(trouble)}: {error.type}: {error.text}".split("\n")[0]
    about = f"input {trouble.input}, {trouble.worker}, attempt {trouble.attempt}" if trouble.input else trouble.worker
    yield f"<details><summary><code>{_text(head[:300])}</code></summary>"
    yield ""
    yield f"{_text(about)}"
    yield ""
    yield f"<pre>{_pre(error.traceback[-LONGEST_TRACEBACK:] or error.text)}</pre>"
    yield ""
    yield "</details>"
    yield ""


def _kinds(failures: list[Trouble]) -> str:
    counted = Counter(trouble.error.type for trouble in failures)
    return ", ".join(f"{number:,} {kind}" for kind, number in counted.most_common(5))


def _text(text: str) -> str:
    """Return `text` as Markdown that shows it, on one line."""
    plain = escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]{}#|~!@])", lambda found: f"&#{ord(found[0])};", _printable(plain))


def _cell(text: str) -> str:
    return _text(text[:200])


def _pre(text: str) -> str:
    """Return `text` as it stands in a `pre`: an empty line would end it."""
    return re.sub(r"\n(?=\s*\n)", "\n&#8203;", escape(_printable(text), quote=False))


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def seconds(span: float) -> str:
    """Return a time as people read it."""
    if span < 1:
        return f"{1000 * span:.3g} ms"
    return f"{span:.1f} s" if span < 60 else f"{int(span // 60)}:{int(span % 60):02} min"  # noqa: PLR2004  # a minute


# --- trace events ---


def to_trace(report: RunReport) -> dict[str, Any]:
    """Return trace events, as ui.perfetto.dev opens them: a thread for each worker, nested tasks within their own.

    A worker that is at several tasks at once, an event loop, has several threads.
    """
    lanes = _lanes(report)
    ids = {lane: number for number, lane in enumerate(dict.fromkeys(lane for lane, *_ in lanes), 1)}
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": report.title}}
    ]
    events += [
        {"ph": "M", "pid": 1, "tid": number, "name": "thread_name", "args": {"name": lane}}
        for lane, number in ids.items()
    ]
    events += [
        {
            "ph": "X",
            "pid": 1,
            "tid": ids[lane],
            "ts": 1e6 * start,
            "dur": 1e6 * max(0.0, end - start),
            "name": task_name(span),
            "cat": KINDS[span.kind],
            "args": {"task": span.task},
        }
        for lane, span, start, end in lanes
    ]
    for name, values in report.metrics.items():
        events += [
            {"ph": "C", "pid": 1, "name": name, "ts": 1e6 * at, "args": {name: value}}
            for at, value in values
            if math.isfinite(value)
        ]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _lanes(report: RunReport) -> list[tuple[str, Span, float, float]]:
    """Return each span with its lane and the part of its time in which it overlaps no other but by nesting."""
    free: dict[str, list[float]] = {}
    """When each lane of a worker is free again."""
    tops: dict[int, tuple[str, float]] = {}
    """The lanes of tasks, and their ends, by their numbers."""
    found = []
    for span in sorted(report.spans, key=lambda one: (one.start, one.start - one.end)):
        above = tops.get(span.parent) if span.parent is not None else None
        if above is not None:
            lane, start, end = above[0], span.start, min(span.end, above[1])
        else:
            ends = free.setdefault(span.worker, [])
            number = next((number for number, end in enumerate(ends) if end <= span.start + SLACK), len(ends))
            start = max(span.start, ends[number]) if number < len(ends) else span.start
            end = max(start, span.end)
            ends[number : number + 1] = [end]
            lane = f"{span.worker} ({number + 1})" if number else span.worker
        tops[span.task] = lane, end
        found.append((lane, span, start, end))
    return found


# --- JUnit ---


def to_junit(report: RunReport) -> str:
    """Return a test suite: a case for each task of the run that ended."""
    troubles = {trouble.task: trouble for trouble in report.failures()}
    figures = report.figures()
    suite = _attribute(report.title)
    spans = [span for span in report.spans if span.parent is None and span.kind in (DONE, FAILED)]
    cases = [_case(span, suite, troubles.get(span.task) if span.kind == FAILED else None) for span in spans]
    failed = sum(span.kind == FAILED for span in spans)
    head = f'<testsuite name={suite} tests="{len(spans)}" failures="{failed}" time="{figures.seconds:.3f}">'
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", head, *cases, "</testsuite>", "</testsuites>", ""]
    )


def _case(span: Span, suite: str, trouble: Trouble | None) -> str:
    head = f'<testcase name={_attribute(task_name(span))} classname={suite} time="{span.end - span.start:.4f}"'
    if trouble is None:
        return head + "/>"
    error = trouble.error
    said = escape(_xml(error.traceback or error.text), quote=False)
    return f"{head}><failure type={_attribute(error.type)} message={_attribute(error.text)}>{said}</failure></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """Return `text` with what XML cannot say replaced."""
    return _NOT_XML.sub("\ufffd", text)


def to_summary_json(report: RunReport) -> str:
    """Return `to_summary` as text."""
    return json.dumps(to_summary(report), indent=1)
