"""`mainstage map`: a function over many inputs, their results as JSON lines, resumable."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from mainstage.cli.failures import FailureReport
from mainstage.cli.files import WINDOWS
from mainstage.cli.halt import FIRST_FAILURE, Halt, HaltType
from mainstage.cli.inputs import JobInput, gather, select
from mainstage.cli.joblog import JobLog
from mainstage.cli.outputs import Outputs
from mainstage.cli.resumable_results import ResultsError, ResultsFile, encode_line, outcome_line, write_fully
from mainstage.cli.shell import end_as_filter, join, program, say
from mainstage.cli.stdout import STDOUT, events_alone, open_stdout
from mainstage.cli.target import Target, load_target, register_by_value
from mainstage.core.clock import SystemClock
from mainstage.errors import Cancelled, DisplayError, MainstageError, Terminated, is_instance
from mainstage.pool.options import ENGINES, OWN_KINDS, workers_of
from mainstage.run.run import own_run
from mainstage.run.signals import die_by_signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mainstage.pool.results import ItemOutcome
    from mainstage.run.run import Run


class Words(NamedTuple):
    """What the command line said of inputs."""

    arguments: Sequence[str]
    files: Sequence[str]
    null: bool
    glob: bool


class MapOptions(NamedTuple):
    """What the command line said beside target and inputs; the help texts below are the reference."""

    max_workers: int | None
    executor: str
    cluster: str | None
    out: str | None
    resume: bool
    resume_failed: bool
    joblog: str | None
    retries: int
    timeout: float | None
    on_error: str
    halt: Halt | None
    keep_order: bool
    results: str | None
    tag: bool
    traceback: int
    dry_run: bool
    view: str
    layout: str
    keys: bool | None
    log: str | None
    journal: str | None
    no_inputs: bool


class Sink:
    """Where outcomes go: the results file or stdout, the job log, the outputs. Counts what it was given."""

    def __init__(
        self,
        target: Target,
        options: MapOptions,
        results: ResultsFile | None,
        outputs: Outputs | None,
        stdout: int | None,
    ) -> None:
        self._target = target
        self._stdout = stdout
        self._results = results
        self.outputs = outputs
        self.failures = FailureReport(options.traceback)
        self._skip_failed = options.on_error == "skip"
        resuming = options.resume or options.resume_failed
        self._joblog = JobLog(options.joblog, target.name, append=resuming) if options.joblog else None
        clock = SystemClock()
        self._epoch = clock.wall() - clock.now()
        self.ok = 0
        self.failed = 0

    def take(self, job: JobInput, outcome: ItemOutcome) -> None:
        """Write one outcome; what was cancelled leaves no line, so that it is run when the run is resumed."""
        if is_instance(outcome.error, Cancelled):
            return
        received = 0
        line = outcome_line(self._target.name, outcome)
        if self.outputs is not None:
            self.outputs.finish(job, encode_line(line))
        if outcome.error is None or not self._skip_failed:
            received = len(self._write(line))
        if outcome.error is None:
            self.ok += 1
        else:
            self.failed += 1
            self.failures.add(job, outcome.error)
        if self._joblog is not None:
            self._joblog.append(job, outcome, started=self._epoch + outcome.started, received=received)

    def _write(self, line: dict[str, Any]) -> bytes:
        if self._results is not None:
            return self._results.append(line)
        data = encode_line(line)
        if self._stdout is None:
            sys.stdout.write(data.decode())  # shown above the rows while a display lives there
        else:
            write_fully(self._stdout, data)
        return data

    def close(self) -> None:
        """Close the files."""
        with contextlib.ExitStack() as files:
            for file in (self.outputs, self._joblog, self._results):
                if file is not None:
                    files.callback(file.close)


@click.command("map", short_help="Call a function for many inputs, resumably.")
@click.argument("target")
@click.argument("inputs", nargs=-1, type=click.UNPROCESSED)
@click.option("--inputs", "files", multiple=True, metavar="FILE", help="Inputs, one a line; - is stdin.")
@click.option("-0", "--null", is_flag=True, help="Inputs of --inputs end with NUL, as find -print0 writes them.")
@click.option("--no-glob", is_flag=True, help="Take every INPUT as it stands.")
@click.option(
    "-j",
    "--jobs",
    "--max-workers",
    "max_workers",
    type=click.IntRange(1),
    help="Threads at work (default: processors + 4, at most 32).",
)
@click.option("--executor", type=click.Choice((*OWN_KINDS, *ENGINES)), default="thread", help="What runs the work.")
@click.option("--cluster", metavar="ADDRESS", help="The Dask or Ray cluster to join; without it one is started here.")
@click.option("--out", metavar="FILE", help="Results file: a JSON line per input, written as results come.")
@click.option("--resume", is_flag=True, help="Skip the inputs that the results file has.")
@click.option(
    "--resume-failed", is_flag=True, help="As --resume, but run its failed ones again and replace their lines."
)
@click.option("--joblog", metavar="FILE", help="Log in GNU parallel's columns; +FILE appends.")
@click.option("--retries", type=click.IntRange(0), default=0, help="Run a failing input up to N more times.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="For each attempt at an input."
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "collect", "skip"]),
    default="collect",
    show_default=True,
    help="raise: as --halt now,fail=1; collect: a line for it; skip: no line, so that --resume runs it again.",
)
@click.option(
    "--halt",
    type=HaltType(),
    help="When to give up: now (what runs is asked to stop) or soon (it may end); fail, success or done; N or N% of the"
    " inputs; as soon,fail=3. Default: never.",
)
@click.option(
    "-k", "--keep-order", is_flag=True, help="Lines on stdout in input order (a results file is never held back)."
)
@click.option(
    "--results", metavar="DIR", help="Keep stdout, stderr and status of each input in DIR/1/<input>, and off stdout."
)
@click.option("--tag", is_flag=True, help="Put the input and a tab before each line that an input writes.")
@click.option(
    "--traceback", count=True, help="Tell failures at the end, with code around: the first 10; given twice: all."
)
@click.option("--dry-run", is_flag=True, help="Print what would be run, and run nothing.")
@click.option(
    "--view", type=click.Choice(["auto", "live", "plain", "json", "silent"]), default="auto", help="What is shown."
)
@click.option(
    "--layout", default="", metavar="NAME", help="How the live view looks: bars, lanes, tree, steps, grid or nodes."
)
@click.option("--keys/--no-keys", default=None, help="Take keys while it runs (default: at a terminal); ? lists them.")
@click.option("--log", metavar="FILE", help="All output and failures of the run go there too.")
@click.option("--journal", metavar="FILE", help="What happens is recorded there, for watch, replay and report.")
@click.option("--no-inputs", is_flag=True, help="The journal has neither inputs nor names made of them.")
def map_command(
    target: str, inputs: Sequence[str], files: Sequence[str], *, null: bool, no_glob: bool, **options: Any
) -> None:
    """Call TARGET (pkg.module:function or path/to/file.py:function) for every INPUT.

    A quoted glob is expanded here, ** too, to files. Results are JSON lines, on stdout or in --out FILE; where they go
    to stdout, what the function prints goes to stderr.

    Exit status: 0 all good, 1 some failed, 2 usage; interrupted, it dies of the signal.
    """
    run_map(target, Words(inputs, files, null=null, glob=not no_glob), MapOptions(**options))


def run_map(target_text: str, words: Words, options: MapOptions) -> None:
    """Do what the command says; leaves by `SystemExit`, `click.UsageError` or the signal that interrupted it."""
    options = _checked(options)
    target = _target(target_text, options)
    inputs = gather(words.arguments, words.files, null=words.null, expand_globs=words.glob)
    if not inputs and not words.files:
        raise click.UsageError(
            "there are no inputs: give them as arguments, or one a line by --inputs FILE (- is stdin)"
        )
    if not inputs:
        say("there are no inputs: nothing is run", err=True)
    if options.dry_run:
        _dry_run(target, inputs, options)
        return
    results = _open_results(options)
    if _writes_events(options) and results is not None and results.is_descriptor(STDOUT):
        raise click.UsageError("the view json writes its events on stdout: --out has to be another file")
    with events_alone() if _writes_events(options) else open_stdout(results) as stdout:
        jobs = select(inputs, _skip(results, target, options))
        outputs = _open_outputs(inputs, options)
        try:
            sink = Sink(target, options, results, outputs, stdout)
        except OSError as error:
            raise click.UsageError(f"--joblog {options.joblog}: {error.strerror}") from error
        _run_all(target, jobs, options, sink, _resume_command(options, stdin="-" in words.files))


def _writes_events(options: MapOptions) -> bool:
    return (options.view if options.view != "auto" else os.environ.get("MAINSTAGE_VIEW")) == "json"


def _checked(options: MapOptions) -> MapOptions:
    if (options.resume or options.resume_failed) and options.out is None:
        raise click.UsageError("--resume and --resume-failed need --out FILE, the results to take up")
    if options.out is None and _writes_events(options):
        raise click.UsageError("the view json writes its events on stdout, as the results would: give them --out FILE")
    if options.on_error != "raise":
        return options
    if options.halt is not None:
        raise click.UsageError("--on-error raise is --halt now,fail=1: give one of the two")
    return options._replace(halt=FIRST_FAILURE)


def _run_all(
    target: Target, jobs: Sequence[JobInput], options: MapOptions, sink: Sink, command: str | None
) -> NoReturn:
    """Run `jobs`, tell how it ended and leave; `command` goes on from there."""
    try:
        halted = _run(target, jobs, options, sink)
    except KeyboardInterrupt as interrupt:
        _close(sink, options)
        sink.failures.tell()
        _die(interrupt, sink, len(jobs), command)
        raise
    _close(sink, options)
    sink.failures.tell()
    if halted:
        _tell_halt(options, sink, len(jobs), command)
    raise SystemExit(1 if sink.failed and not _sought(options, halted=halted) else 0)


def _target(text: str, options: MapOptions) -> Target:
    engine = options.executor in ENGINES
    if options.cluster is not None and not engine:
        raise click.UsageError(f"--cluster is for --executor {' and '.join(ENGINES)}")
    target = load_target(text)
    if engine:
        register_by_value(target)
    return target


def _sought(options: MapOptions, *, halted: bool) -> bool:
    """Return whether the run found what it was to go on until: failures on the way there are none of it."""
    return halted and options.halt is not None and options.halt.why == "success"


def _run(target: Target, jobs: Sequence[JobInput], options: MapOptions, sink: Sink) -> bool:
    """Run all; return whether it was given up, as `--halt` asked."""
    unordered = not options.keep_order or options.out is not None
    outputs = sink.outputs
    try:
        with own_run(
            target.name,
            max_workers=options.max_workers,
            executor=options.executor,
            cluster=options.cluster,
            view=options.view,
            layout=options.layout,
            keys="auto" if options.keys is None else options.keys,
            log=options.log,
            on_error="collect",
            retries=options.retries,
            timeout=options.timeout,
            recorder=outputs,
            journal=options.journal,
            journal_inputs=not options.no_inputs,
            places=True,
        ) as run:
            outcomes = run._outcomes(
                target.function,
                [job.input for job in jobs],
                unordered=unordered,
                # what is handed out is begun although the run is to be given up: no more than there are workers
                buffersize=options.max_workers or workers_of(options.executor)
                if options.halt is not None and unordered
                else None,
                on_dispatch=None if outputs is None else lambda task, number: outputs.expect(task, jobs[number]),
            )
            try:
                return _take(outcomes, jobs, sink, options.halt, run)
            except KeyboardInterrupt:
                run.cancel("Ctrl-C")
                _take(outcomes, jobs, sink, None, run)  # what ended well all the same is written
                raise
    except DisplayError as error:
        raise click.UsageError(str(error)) from error
    except MainstageError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        with contextlib.suppress(BrokenPipeError):
            _close(sink, options)
        end_as_filter()
        raise
    except OSError as error:
        _close(sink, options)
        mended = "; --resume goes on from here" if options.out else ""
        raise click.ClickException(f"the results cannot be written: {error}{mended}") from error


def _take(outcomes: Iterator[ItemOutcome], jobs: Sequence[JobInput], sink: Sink, halt: Halt | None, run: Run) -> bool:
    """Write outcomes to the end; return whether `halt` was reached. What ends well all the same is written too."""
    halted = False
    for outcome in outcomes:
        sink.take(jobs[outcome.number], outcome)
        if halt is not None and not halted and halt.reached(ok=sink.ok, failed=sink.failed, total=len(jobs)):
            halted = True
            if halt.now:
                run.cancel(f"--halt {halt}")
            else:
                run.shutdown(wait=False, cancel_futures=True)
    return halted


def _close(sink: Sink, options: MapOptions) -> None:
    try:
        sink.close()
    except OSError as error:
        mended = f"; no line of {options.out} is lost, --resume mends it" if options.out else ""
        raise click.ClickException(f"the results cannot be written: {error}{mended}") from error


# --- the results file ---


def _open_results(options: MapOptions) -> ResultsFile | None:
    if options.out is None:
        return None
    try:
        results = ResultsFile(options.out)
    except OSError as error:
        raise click.UsageError(f"--out {options.out}: {error.strerror}") from error
    except ResultsError as error:
        raise click.UsageError(f"--out {error}") from error
    if results.is_terminal() and sys.stdout is not None and sys.stdout.isatty():
        results.close()
        return None  # as without it: above the rows
    if len(results) and not (options.resume or options.resume_failed):
        results.close()
        raise click.UsageError(
            f"--out {options.out} has {len(results)} results already: --resume goes on with it, --resume-failed also"
            " runs its failed inputs again; or name another file"
        )
    return results


def _open_outputs(inputs: Sequence[str], options: MapOptions) -> Outputs | None:
    if options.results is None and not options.tag:
        return None
    if options.results is not None and WINDOWS:
        raise click.UsageError(
            "--results DIR names folders as GNU parallel does, which Windows refuses: take --tag, or --log FILE"
        )
    try:
        return Outputs(inputs, folder=options.results, tag=options.tag)
    except OSError as error:
        raise click.UsageError(f"--results {options.results}: {error.strerror}") from error


def _skip(results: ResultsFile | None, target: Target, options: MapOptions) -> Counter[str]:
    return Counter() if results is None else results.skip(target.name, failed_again=options.resume_failed)


def _dry_run(target: Target, inputs: Sequence[str], options: MapOptions) -> None:
    skip: Counter[str] = Counter()
    if options.out is not None and os.path.isfile(options.out):  # noqa: PTH113  # a word of the command line
        results = _open_results(options)
        skip = _skip(results, target, options)
        if results is not None:
            results.close()
    jobs = select(inputs, skip)
    for job in jobs:
        say(f"{target.name} {job.input!r}")
    say(f"{len(jobs)} to run, {len(inputs) - len(jobs)} skipped", err=True)


# --- the way out ---


def _resume_command(options: MapOptions, *, stdin: bool) -> str | None:
    if options.out is None:
        return None
    words = [*program(), *sys.argv[1:]]
    if not (options.resume or options.resume_failed):
        at = words.index("map") + 1
        words.insert(at, "--resume")
    return join(words) + ("   (with the same standard input)" if stdin else "")


def _tell_halt(options: MapOptions, sink: Sink, jobs: int, command: str | None) -> None:
    left = jobs - sink.ok - sink.failed
    line = f"given up: --halt {options.halt}: {sink.ok} of {jobs} went well, {sink.failed} failed, {left} were not run"
    say(f"{line}; resume with: {command}" if command and left else line, err=True)


def _die(interrupt: KeyboardInterrupt, sink: Sink, jobs: int, command: str | None) -> None:
    done = sink.ok + sink.failed
    line = f"interrupted: {done} of {jobs} done, {sink.failed} failed"
    say(f"{line}; resume with: {command}" if command else line, err=True)
    if sys.stdout is not None:
        sys.stdout.flush()
    die_by_signal(interrupt.signum if isinstance(interrupt, Terminated) else signal.SIGINT)
