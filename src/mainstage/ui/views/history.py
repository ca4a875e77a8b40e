"""The lines that scroll up into the history: failures at once, retries, and what the workers wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstage.events import CallFailed, TaskEnded, TaskFailed, TaskReopened, TaskRetried, TaskStuck, TextWritten
from mainstage.ui.views import formatting
from mainstage.ui.views.exception_tree import heading_of
from mainstage.ui.views.foreign import strip
from mainstage.ui.views.loops import LoopLines
from mainstage.ui.views.text import clip, one_line

if TYPE_CHECKING:
    from mainstage.events import ErrorReport, Event
    from mainstage.ui.state.run import RunState
    from mainstage.ui.state.task import Failure
    from mainstage.ui.views.palette import Glyphs, Palette

LONGEST_NAME = 60
LONGEST_PREFIX = 24
LONGEST_INPUT = 60
LONGEST_ERROR = 300
MANY = 20
"""From so many failures of one kind on they are counted, and not shown one by one."""
LIBRARY = "mainstage"
"""The stream and the name of what the library itself has to say."""

_UNNAMED = re.compile(r"(Thread|Dummy)-\d+")
"""The names of threads that nobody has named."""
_PLACE = re.compile(r'^  File "(.*)", line (\d+), in (.*)$', re.MULTILINE)


class History:
    """Says what events add to the history: a failure is one line. `places` adds where in the source it came from."""

    def __init__(self, palette: Palette, glyphs: Glyphs, *, places: bool = False) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self.places = places
        self._loops = LoopLines(palette, glyphs)

    def lines(self, event: Event, state: RunState) -> list[str]:  # noqa: PLR0911  # one for each kind of event
        """Return the lines for `event`, which `state` knows already: mostly none."""
        match event:
            case TextWritten():
                return self._text(event, state)
            case TaskFailed() | CallFailed():
                failure = state.failures.get(event.task)
                # A nested failure is its parent's: told once, when that fails, with the input.
                return [] if failure is None else self.failed(failure._replace(error=event.error), state)
            case TaskRetried():
                return self._retry(event, state)
            case TaskStuck() if event.task in state.tasks:
                return [self._stuck(event, state)]
            case TaskEnded() if state.loop_ended is not None:
                return self._loops.ended(event.task, state)
            case TaskReopened():
                return [self._palette.paint("mainstage.dim", f"{self._waiting(event.task, state)}: goes on after all")]
            case _:
                return []

    def failed(self, failure: Failure, state: RunState) -> list[str]:
        """Return the line of a failure that `state` has just counted; of very many of one kind a count now and then."""
        number = state.failures.number_of(failure.error.type)
        if number < MANY:
            return [self.failure(failure)]
        if number % MANY or (number // MANY).bit_count() > 1:  # at 20, 40, 80, ...
            return []
        mark = self._palette.paint("mainstage.failed", self._glyphs.mark(failure.error))
        kind = self._glyphs.name(one_line(failure.error.type))
        return [f"{mark} {kind}: {formatting.count(number)} failures so far; more of them are only counted"]

    def failure(self, failure: Failure) -> str:
        """Return what a failure looks like, on one line."""
        mark = self._palette.paint("mainstage.failed", self._glyphs.mark(failure.error))
        name = self._name(failure.description) or f"task {failure.task}"
        error = self._palette.link(self.error(failure.error), file_of(failure.error))
        error = self._palette.paint("mainstage.failed", error)
        return f"{mark} {name}: {error}{self._about(failure)}"

    def error(self, error: ErrorReport, cells: int = LONGEST_ERROR) -> str:
        """Return "ValueError: text" on one line of at most `cells`."""
        text = one_line(heading_of(error))
        return clip(self._glyphs.name(f"{error.type}: {text}" if text else error.type), cells, self._glyphs.ellipsis)

    def _about(self, failure: Failure) -> str:
        parts = []
        given = input_of(failure)
        if given:
            parts.append(f"input {clip(self._glyphs.name(given), LONGEST_INPUT, self._glyphs.ellipsis)}")
        if failure.attempt > 1:
            parts.append(f"attempt {failure.attempt}")
        place = error_location(failure.error) if self.places else ""
        if place:
            parts.append(f"at {self._glyphs.name(short_place(place, 0))}")
        return self._palette.paint("mainstage.dim", f" ({', '.join(parts)})") if parts else ""

    def _retry(self, event: TaskRetried, state: RunState) -> list[str]:
        again = formatting.retry_text(event.delay)
        text = f"{self._waiting(event.task, state)}: {self.error(event.error)} (attempt {event.attempt}, {again})"
        return [self._palette.paint("mainstage.dim", text)]

    def _stuck(self, event: TaskStuck, state: RunState) -> str:
        name = self._name_of(event.task, state) or f"task {event.task}"
        place = f": it stands at {self._glyphs.name(one_line(event.place))}" if event.place else ""
        text = f"{self._glyphs.slow} {name} has not moved for {formatting.in_words(event.seconds)}{place}"
        return self._palette.paint("mainstage.waiting", text)

    def _waiting(self, task: int, state: RunState) -> str:
        return f"{self._glyphs.waiting} {self._name_of(task, state) or f'task {task}'}"

    def _text(self, event: TextWritten, state: RunState) -> list[str]:
        lines = [self._glyphs.line(line) for line in event.text.replace("\r\n", "\n").split("\n")]
        if event.stream == LIBRARY:
            prefix = self._palette.paint("mainstage.prefix", f"{LIBRARY}: ")
            return [f"{prefix}{line}" for line in lines]
        name = self._writer(event, state)
        if not name:
            return lines
        style = "mainstage.prefix" if event.stream in ("stdout", "log") else "mainstage.waiting"
        shown = f"{clip(name, LONGEST_PREFIX, self._glyphs.ellipsis)} {self._glyphs.bar} "
        prefix = self._palette.paint(style, shown)
        return [line if strip(line).startswith(name) else f"{prefix}{line}" for line in lines]

    def _writer(self, event: TextWritten, state: RunState) -> str:
        """Return the name that tells this text from others'; "" for the main thread's, and where all is one task's."""
        alone = state.expected <= 1 and not state.open_ended and not state.nested.seen
        if alone or not self._glyphs.prefix:
            return ""
        if event.task is None:
            return "" if _UNNAMED.match(event.worker) else self._glyphs.name(event.worker)
        return self._name_of(event.task, state) or self._glyphs.name(event.worker) or f"task {event.task}"

    def _name_of(self, task: int, state: RunState) -> str:
        known = state.tasks.get(task) or state.failures.get(task)
        return "" if known is None else self._name(known.description)

    def _name(self, description: str) -> str:
        return clip(self._glyphs.name(one_line(description)), LONGEST_NAME, self._glyphs.ellipsis)


def input_of(failure: Failure) -> str:
    """Return the input that failed, on one line; "" if there is none, or the task is named after it."""
    given, name = one_line(failure.input), failure.description
    told = given in (name, repr(name)) or name.endswith((f"({given})", given if given[:1] == "(" else "\0"))
    return "" if told else given


def error_location(error: ErrorReport) -> str:
    """Return where `error` was raised, as "job.py:12 in load"; "" if its traceback does not say."""
    found = _last_frame(error)
    if found is None:
        return ""
    path, line, function = found.groups()
    return f"{path}:{line} in {function}"


def short_place(place: str, room: int) -> str:
    """Return `place`, without the folders if it has more than `room` characters: the end of a path says most."""
    cut = place.rfind("/", 0, place.rfind(":"))
    return place if len(place) <= room or cut < 0 else place[cut + 1 :]


def file_of(error: ErrorReport) -> str:
    """Return the path of the file where `error` was raised; "" if its traceback does not say."""
    found = _last_frame(error)
    return "" if found is None else found[1]


def _last_frame(error: ErrorReport) -> re.Match[str] | None:
    found = None
    for found in _PLACE.finditer(error.traceback):  # noqa: B007  # the last one is wanted
        pass
    return found
