"""The report of a run: its page in a real browser, and what it is for other programs."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from tests.journal.records import record, work

import mainstage
from mainstage.cli.main import main
from mainstage.errors import DisplayError
from mainstage.events import ErrorReport, ItemsEnded, RunStarted, TaskFailed, TaskStarted, TextWritten
from mainstage.journal.exports import to_junit, to_markdown, to_summary, to_trace
from mainstage.journal.page import to_page
from mainstage.journal.reader import JournalReader
from mainstage.journal.report import CUT_OFF, RunReport
from mainstage.journal.writer import JournalWriter
from mainstage.testing import RecordingDisplay

if TYPE_CHECKING:
    from pathlib import Path

    from mainstage.events import Event

NASTY = "</script><script>alert(1)</script><!-- \u2028 & \"' \x1b[31m \udcff %DATA% ``` | @me </pre>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
]


def reported(path: Path) -> RunReport:
    with JournalReader(path) as journal:
        return RunReport(journal)


def written(path: Path, events: list[Event], *, ended: bool = True) -> RunReport:
    """Return the report of made-up events; not `ended`: of a run that was killed."""
    journal = JournalWriter(path)
    for event in events:
        journal.record(event)
    journal.flush()
    journal.forsake()
    assert ended or not reported(path).live
    return reported(path)


def nasty(path: Path) -> RunReport:
    """A run with a text in every field that would be read as something else."""
    error = ErrorReport(NASTY, NASTY, NASTY)
    return written(
        path,
        [
            RunStarted(1.0, NASTY, 100.0),
            TaskStarted(1.0, 1, 1, NASTY, NASTY),
            TextWritten(1.5, 1, 1, NASTY, NASTY, NASTY),
            TaskFailed(2.0, 1, 1, 0, error, NASTY),
        ],
    )


def dom(page: Path, folder: Path) -> tuple[str, list[str]]:
    """Return what a browser makes of a page, and what its console says."""
    assert CHROMIUM is not None
    argv = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "--dump-dom", page.as_uri()]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=50, errors="replace")
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


def cards(shown: str) -> dict[str, str]:
    return {name: value for value, name in re.findall(r'<div class="card[^"]*"><b>([^<]*)</b>([^<]*)</div>', shown)}


browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


# --- the page ---


@browser
def test_the_numbers_of_the_page_are_those_of_the_run(tmp_path: Path) -> None:
    state = record(tmp_path / "run.msj")
    page = tmp_path / "run.html"
    page.write_text(to_page(reported(tmp_path / "run.msj")), encoding="utf-8")
    shown, console = dom(page, tmp_path / "profile")
    assert console == []
    assert 'data-ready="yes"' in shown
    found = cards(shown)
    assert (found["done"], found["failed"], found["workers"]) == (str(state.counts.done), str(state.counts.failed), "3")
    assert f">{state.counts.failed} failed<" in shown
    assert "ValueError: bad N" in shown
    assert "this is 7" in shown
    assert "loss" in shown


@browser
def test_nothing_that_a_run_says_is_more_than_text(tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    page.write_text(to_page(nasty(tmp_path / "run.msj")), encoding="utf-8", errors="backslashreplace")
    shown, console = dom(page, tmp_path / "profile")
    assert console == []
    assert 'data-ready="yes"' in shown
    assert shown.count("<script") == 2  # the data and the code
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    record(tmp_path / "run.msj")
    page = to_page(reported(tmp_path / "run.msj"))
    assert not re.search(r"https?:|<script src|<link|@import|url\(|fetch\(|XMLHttp", page)
    assert "default-src 'none'" in page
    assert page.count("<script") == 2
    assert to_page(nasty(tmp_path / "nasty.msj")).count("<script") == 2


@browser
@pytest.mark.slow
def test_the_page_of_many_items_is_ready_soon(tmp_path: Path) -> None:
    items = tuple((n, 1 + n * 1e-5, 1 + n * 1e-5 + 9e-6) for n in range(1000))
    events: list[Event] = [RunStarted(1.0, "many", 100.0)]
    events += [
        ItemsEnded(2.0 + n, 1, f"w-{n % 8}", tuple((task + 1000 * n, a + n / 100, b + n / 100) for task, a, b in items))
        for n in range(100)
    ]
    page = tmp_path / "run.html"
    page.write_text(to_page(written(tmp_path / "run.msj", events)), encoding="utf-8")
    assert page.stat().st_size < 4_000_000
    shown, console = dom(page, tmp_path / "profile")
    assert console == []
    assert 'data-ready="yes"' in shown
    assert cards(shown)["done"] == "100,000"


# --- ends ---


def test_a_killed_run_says_so_and_what_was_cut_off(tmp_path: Path) -> None:
    report = written(
        tmp_path / "run.msj",
        [RunStarted(1.0, "cut", 100.0), TaskStarted(2.0, 1, 1, "w", "half"), TextWritten(5.0, 1, 1, "w", "log", "x")],
        ended=False,
    )
    assert (report.verdict(), report.bad()) == ("killed", True)
    (span,) = report.spans
    assert (span.kind, span.start, span.end, span.name) == (CUT_OFF, 1.0, 4.0, "half")
    assert "cut: killed" in to_markdown(report)


def test_a_live_run_may_be_reported_of(tmp_path: Path) -> None:
    with mainstage.Run("live", view="silent", journal=tmp_path / "run.msj"):
        report = reported(tmp_path / "run.msj")
    assert (report.verdict(), report.bad()) == ("goes on", False)


def test_a_run_may_write_its_report_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("before\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with mainstage.Run("one", view="silent", report=tmp_path / "one.html", on_error="collect") as run:
        list(run.map(work, range(5)))
    with mainstage.Run("two", view="silent", journal=tmp_path / "two.msj", report=tmp_path / "two.html") as run:
        list(run.map(abs, range(5)))
    with mainstage.Run("three", view="silent") as run:
        list(run.map(abs, range(5)))
    assert sorted(one.name for one in tmp_path.iterdir() if not one.name.startswith("mainstage-0")) == [
        "one.html",
        "summary.md",
        "two.html",
        "two.msj",
    ]
    assert "<title>one</title>" in (tmp_path / "one.html").read_text(encoding="utf-8")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("before\n### ❌ one: 1 failed\n")
    assert "### ✅ two: done" in summary
    assert "three" not in summary
    with pytest.raises(DisplayError, match="there is no folder"):
        mainstage.Run(report=tmp_path / "no" / "x.html").__enter__()


def test_a_report_that_cannot_be_written_is_told_and_nothing_else_changes(tmp_path: Path) -> None:
    (tmp_path / "x.html").mkdir()
    display = RecordingDisplay(200)
    with mainstage.Run("one", view="live", display=display, report=tmp_path / "x.html") as run:
        assert list(run.map(abs, range(5))) == [0, 1, 2, 3, 4]
    assert sum("x.html cannot be written: " in line for line in display.history) == 1


# --- for other programs ---


def test_the_summary_stays_below_what_github_takes(tmp_path: Path) -> None:
    events: list[Event] = [RunStarted(1.0, "many", 100.0)]
    for task in range(10_000):
        error = ErrorReport("ValueError", f"bad {task}", "x\n" * 100 + NASTY)
        events += [TaskStarted(1.0, task, 1, "w", f"job {task}"), TaskFailed(2.0, task, 1, 0, error, f"{task}")]
    text = to_markdown(written(tmp_path / "run.msj", events))
    assert 500_000 < len(text.encode()) < 1_000_000
    assert "10,000" in text
    assert re.search(r"\.\.\. and [\d,]+ more failures: [\d,]+ ValueError", text)
    assert text.count("<details>") == text.count("</details>")


def test_a_nasty_run_breaks_no_format(tmp_path: Path) -> None:
    report = nasty(tmp_path / "run.msj")
    text = to_markdown(report)
    assert "<script" not in text
    assert text.count("<pre>") == text.count("</pre>") == 1
    assert html.unescape(text)
    root = ET.fromstring(to_junit(report))
    (failure,) = root.iter("failure")
    assert failure.text is not None
    assert "alert(1)" in failure.text
    json.loads(json.dumps(to_summary(report)))


def test_short_items_that_are_told_in_sums_count_as_those_that_are_told_one_by_one(tmp_path: Path) -> None:
    events: list[Event] = [
        RunStarted(100.0, "sums", 1e9),
        ItemsEnded(102.0, 1, "thread-1", ((1, 101.0, 102.0),), 98, 0.98),
        ItemsEnded(104.0, 1, "thread-2", (), 1, 3.0),
    ]
    report = written(tmp_path / "run.msj", events)
    figures = report.figures()
    assert report.workers() == ["thread-1", "thread-2"]
    assert figures.work == pytest.approx(1.0 + 0.98 + 3.0)
    assert (figures.p50, figures.p90, figures.longest) == pytest.approx((0.01, 0.01, 3.0))
    assert '"sums":[[0,2000000,980000,98],[0,4000000,3000000,1]]' in to_page(report)


def test_trace_events_are_valid_and_overlap_by_nesting_alone(tmp_path: Path) -> None:
    record(tmp_path / "run.msj", items=12)
    events = to_trace(reported(tmp_path / "run.msj"))["traceEvents"]
    lanes: dict[int, list[tuple[float, float]]] = {}
    for event in events:
        assert event["ph"] in ("X", "M", "C")
        if event["ph"] == "X":
            assert event["dur"] >= 0
            assert event["ts"] >= 0
            lanes.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    assert len(lanes) == 3
    for spans in lanes.values():
        stack: list[float] = []
        for start, end in sorted(spans, key=lambda one: (one[0], -one[1])):
            while stack and stack[-1] <= start + 1:
                stack.pop()
            assert not stack or end <= stack[-1] + 1
            stack.append(end)


def test_junit_has_a_case_for_each_task(tmp_path: Path) -> None:
    state = record(tmp_path / "run.msj", items=10)
    root = ET.fromstring(to_junit(reported(tmp_path / "run.msj")))
    (suite,) = root.iter("testsuite")
    assert (suite.get("failures"), suite.get("name")) == (str(state.counts.failed), "recorded")
    assert sum(case.find("failure") is not None for case in suite.iter("testcase")) == state.counts.failed


def test_numbers_and_failures_as_json(tmp_path: Path) -> None:
    state = record(tmp_path / "run.msj", items=10)
    summary: dict[str, Any] = to_summary(reported(tmp_path / "run.msj"))
    assert (summary["done"], summary["failed"], summary["title"]) == (state.counts.done, 2, "recorded")
    assert [failure["text"] for failure in summary["failures"]] == ["bad 3", "bad 8"]
    assert summary["failures"][0]["input"] == "3"
    assert summary["metrics"]["loss"]["count"] == 50


def test_the_command(tmp_path: Path) -> None:
    record(tmp_path / "run.msj", items=10)
    run = CliRunner()
    ran = run.invoke(main, ["report", str(tmp_path / "run.msj")], standalone_mode=False)
    assert ran.exit_code == 0
    assert "run.html: recorded, 2 failed" in ran.stderr
    assert (tmp_path / "run.html").exists()
    trace, junit = tmp_path / "t.json", tmp_path / "r.xml"
    argv = ["report", str(tmp_path / "run.msj"), "--markdown", "--trace", str(trace), "--junit", str(junit)]
    ran = run.invoke(main, argv, standalone_mode=False)
    assert ran.stdout.startswith("### ❌ recorded: 2 failed")
    assert json.loads(trace.read_text())["traceEvents"]
    assert junit.read_text().startswith("<?xml")
    ran = run.invoke(main, ["report", str(tmp_path / "run.msj"), "--json"], standalone_mode=False)
    assert json.loads(ran.stdout)["failed"] == 2
