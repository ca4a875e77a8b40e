"""The report as one page that opens by itself: its style and its script stand beside this, and go into it."""

from __future__ import annotations

import json
import math
import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mainstage.journal.report import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstage.journal.report import RunReport

MOST_TROUBLES = 2000
"""Failed attempts that are told with their tracebacks; all are counted."""
MOST_POINTS = 2000
"""Points of a metric: of more, some are left out evenly."""


def to_page(report: RunReport) -> str:
    """Return the page. It fetches nothing, and all text of the run's is data in it, never a tag."""
    data = json.dumps(_data(report), separators=(",", ":"), ensure_ascii=False)
    data = _plain(data).replace("<", "\\u003c")  # no tag begins in it
    parts = {"TITLE": escape(_plain(report.title)), "STYLE": _source("page.css"), "SCRIPT": _source("page.js")}
    return re.sub("%(TITLE|STYLE|SCRIPT|DATA)%", lambda found: {**parts, "DATA": data}[found[1]], _source("page.html"))


def _source(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _data(report: RunReport) -> dict[str, Any]:
    figures = report.figures()
    return {
        "title": report.title,
        "verdict": report.verdict(),
        "bad": report.bad(),
        "wall": report.header.wall,
        "argv": list(report.header.argv),
        "figures": figures._asdict(),
        "kinds": KINDS,
        "workers": report.workers(),
        "spans": _spans(report),
        "sums": [[*(round(1e6 * at) for at in (one.since, one.at, one.seconds)), one.items] for one in report.sums],
        "metrics": {name: _thinned(values) for name, values in report.metrics.items()},
        "troubles": [
            {
                "name": trouble.name,
                "task": trouble.task,
                "attempt": trouble.attempt,
                "worker": trouble.worker,
                "at": round(trouble.at, 3),
                "final": trouble.final,
                "type": trouble.error.type,
                "text": trouble.error.text,
                "input": trouble.input,
                "traceback": trouble.error.traceback,
            }
            for trouble in sorted(report.troubles, key=lambda one: not one.final)[:MOST_TROUBLES]
        ],
        "troubleCount": len(report.troubles),
        "texts": [[round(at, 2), name, stream, text] for at, name, stream, text in report.texts],
        "textsLeftOut": report.texts_left_out,
    }


def _spans(report: RunReport) -> dict[str, Any]:
    """Return the spans by columns: times in microseconds, starts as what each is after the one before."""
    workers = {name: number for number, name in enumerate(report.workers())}
    names: dict[str, int] = {"": 0}
    starts, before = [], 0
    for span in report.spans:
        start = round(1e6 * span.start)
        starts.append(start - before)
        before = start
    spans = report.spans
    return {
        "worker": [workers[span.worker] for span in spans],
        "start": starts,
        "took": [max(0, round(1e6 * (span.end - span.start))) for span in spans],
        "task": [span.task for span in spans],
        "name": [names.setdefault(span.name, len(names)) for span in spans],
        "kind": {str(number): span.kind for number, span in enumerate(spans) if span.kind},
        "nested": [number for number, span in enumerate(spans) if span.parent is not None],
        "names": list(names),
    }


def _thinned(values: Sequence[tuple[float, float]]) -> list[list[float]]:
    finite = [[round(at, 3), value] for at, value in values if math.isfinite(value)]
    step = -(-len(finite) // MOST_POINTS) or 1
    return finite[::step]


def _plain(text: str) -> str:
    """Return `text` without what UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode()
