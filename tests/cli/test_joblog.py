from __future__ import annotations

from typing import TYPE_CHECKING

from mainstage.cli.inputs import JobInput
from mainstage.cli.joblog import JobLog
from mainstage.errors import TaskTimeout
from mainstage.pool.results import ItemOutcome

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"


def outcome(error: BaseException | None = None) -> ItemOutcome:
    return ItemOutcome(0, "", None, error, 1.5, 1, 10.0)


def test_the_log_has_gnu_parallels_columns(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = JobLog(str(path), "mod:f", append=False)
    log.append(JobInput(3, "a b"), outcome(), started=1700000000.25, received=42)
    log.append(JobInput(4, "c\td\udcff"), outcome(ValueError()), started=1700000001.0, received=7)
    log.append(JobInput(5, "e"), outcome(TaskTimeout()), started=1700000001.0, received=0)
    log.close()
    assert path.read_text() == (
        HEADER
        + "3\t:\t1700000000.250\t     1.500\t0\t42\t0\t0\tmainstage map mod:f 'a b'\n"
        + "4\t:\t1700000001.000\t     1.500\t0\t7\t1\t0\tmainstage map mod:f $'c\\x09d\\xff'\n"
        + "5\t:\t1700000001.000\t     1.500\t0\t0\t-1\t0\tmainstage map mod:f e\n"
    )


def test_a_log_begins_anew_unless_a_plus_or_a_resumed_run_appends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for name, append, lines in (
        (str(path), False, 2),
        (f"+{path}", False, 3),
        (str(path), True, 4),
        (str(path), False, 2),
    ):
        log = JobLog(name, "mod:f", append=append)
        log.append(JobInput(1, "a"), outcome(), started=0.0, received=0)
        log.close()
        assert len(path.read_text().splitlines()) == lines
        assert path.read_text().count(HEADER) == 1
