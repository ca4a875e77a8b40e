"""One item of work: run it under its task, and tell how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mainstage.core.describe import describe
from mainstage.core.item_names import describe_call
from mainstage.errors import describe_error
from mainstage.events import TaskRetried
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstage.tasks.task import Task

__all__ = ["Outcome", "describe", "describe_call", "finish", "retry", "run"]


class Outcome(NamedTuple):
    """What a function returned, or what it raised."""

    value: Any
    error: BaseException | None


def run(task: Task, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Outcome:
    """Run `fn(*args, **kwargs)` with `task` as the current one. Never raises: whatever it raised is in the outcome."""
    token = ambient.set(task)
    try:
        return Outcome(fn(*args, **kwargs), None)
    except BaseException as error:  # noqa: BLE001  # a SystemExit of a worker is the worker's, not the pool's
        return Outcome(None, error)
    finally:
        ambient.reset(token)


def finish(task: Task, outcome: Outcome, told_input: str = "") -> None:
    """Close the task, and what is open in it: it ended, failed or was cancelled, as the outcome says."""
    task.close(outcome.error, told_input)


def retry(task: Task, outcome: Outcome, delay: float, told_input: str = "") -> None:
    """Close this attempt: it failed, and the task runs again in `delay` seconds."""
    error = outcome.error
    if error is None:
        raise ValueError("only a failed attempt is tried again: this one returned, finish() it")
    completed = task._close_silently(error)
    if completed is not None:
        at = task.reporter.now()
        report = describe_error(error)
        task.reporter.send(TaskRetried(at, task.id, task.attempt, completed, report, delay, told_input))
