"""tqdm: bars that are opened while a run is live become tasks, whatever class they are of.

Its methods are replaced on the base class, so that classes imported long ago and subclasses of anybody's follow. What
has to be known of tqdm:
1. `refresh` holds tqdm's one lock and lets go of it without `finally`: `display` must never raise.
2. Its monitor thread refreshes bars too, and is not to be told to stop.
3. `close` and `clear` write to the bar's file past `display`: a bar of ours has a file that takes everything.
4. A bar that draws on a file of its own stays as it is.
5. One that was opened before the run draws again by itself after it.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from mainstage.tasks.integrations.bars import BarTask
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap
from mainstage.tasks.integrations.tqdm_bars import bar_name, bar_status, bar_unit
from mainstage.tasks.task import loops

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from mainstage.tasks.capture.streams import Capture

MARK = "_mainstage"
OPENING = object()


class NullFile:
    """A file that takes everything."""

    encoding = "utf-8"

    @staticmethod
    def write(text: str) -> int:
        """Take it."""
        return len(text)

    @staticmethod
    def flush() -> None:
        """Do nothing."""

    @staticmethod
    def isatty() -> bool:
        """Return True: a bar that asks is to go on."""
        return True


NULL_FILE = NullFile()


class TqdmBridge:
    """Makes bars into tasks while a run is live."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._patches: list[Patch] = []
        self._watch = ImportWatch({"tqdm.std": self._found, "tqdm.notebook": self._found_notebook})
        self._open: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._earlier: dict[int, tuple[Any, Any]] = {}
        """The files and printers of bars that were opened before the run."""

    def start(self) -> None:
        """Replace the methods, now or when tqdm is imported."""
        self._watch.start()

    def stop(self) -> None:
        """Put the methods back and end the tasks of bars that are still open."""
        self.reset_after_fork()
        for bar in list(self._open.values()):
            _end(bar, quiet=id(bar) in self._earlier)
            if id(bar) in self._earlier:
                bar.fp, bar.sp = self._earlier[id(bar)]
                del vars(bar)[MARK]
        self._earlier.clear()

    def reset_after_fork(self) -> None:
        """Put the methods back."""
        self._watch.stop()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    def _found(self, module: ModuleType) -> None:
        base = getattr(module, "tqdm", None)
        if base is None:
            return
        for name, make in (
            ("__init__", self._init),
            ("display", self._display),
            ("refresh", self._refresh),
            ("close", self._close),
        ):
            self._patches.append(wrap(base, name, make))
        for bar in sorted(getattr(base, "_instances", ()), key=_place):
            self._adopt_earlier(bar)

    def _adopt_earlier(self, bar: Any) -> None:
        """Make a bar a task that draws by itself already: its line goes, its row comes."""
        known = vars(bar)
        if known.get("disable", True) or known.get("gui") or MARK in known or "sp" not in known:
            return
        if not self._capture.takes_bars(_unwrapped(bar.fp)):
            return
        drawn = bar.fp, bar.sp
        if not _is_proxy(bar.fp):  # what is written to one of Rich's is text, and stays
            bar.clear(nolock=True)
        known[MARK] = OPENING
        within = loops.set(None)  # it stands in no loop that began after it
        if self._adopted(bar, before=True) is not None:
            self._earlier[id(bar)] = drawn
        loops.reset(within)

    # --- what the methods become ---

    def _init(self, original: Callable[..., None]) -> Callable[..., None]:
        def init(bar: Any, *args: Any, **kwargs: Any) -> None:
            vars(bar)[MARK] = OPENING
            original(bar, *args, **kwargs)
            if not bar.disable:
                self._adopted(bar)

        return init

    def _display(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def display(bar: Any, *args: Any, **kwargs: Any) -> Any:
            shown = self._adopted(bar)
            if shown is None:
                return original(bar, *args, **kwargs)
            _show(bar, shown)
            return True

        return display

    def _refresh(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def refresh(bar: Any, *args: Any, **kwargs: Any) -> Any:
            done = original(bar, *args, **kwargs)
            shown = vars(bar).get(MARK)
            if isinstance(shown, BarTask):
                shown.check()
            return done

        return refresh

    def _close(self, original: Callable[..., None]) -> Callable[..., None]:
        def close(bar: Any) -> None:
            if not getattr(bar, "disable", True):
                _end(bar)
            original(bar)

        return close

    def _adopted(self, bar: Any, *, before: bool = False) -> BarTask | None:
        """Return the task of `bar`, made now if it is being opened on a stream of ours; None: it draws by itself."""
        found = vars(bar).get(MARK)
        shown: BarTask | None = None if found is OPENING else found
        if found is OPENING:
            if self._capture.live and not bar.gui and self._capture.takes_bars(_unwrapped(bar.fp)):
                unit = bar_unit(bar.unit, bar.unit_divisor)
                leave = not bar.pos if bar.leave is None else bool(bar.leave)
                shown = BarTask(bar_name(bar.desc), total=bar.total, unit=unit, before=before, leave=leave)
                bar.fp = NULL_FILE
                bar.sp = _ignore
                self._open[id(bar)] = bar
                _show(bar, shown)
            vars(bar)[MARK] = shown
        return shown

    # --- notebooks: a subclass with widgets, which draw by themselves where there is a notebook ---

    def _found_notebook(self, module: ModuleType) -> None:
        base: Any = getattr(module, "std_tqdm", None)
        owner: Any = getattr(module, "tqdm_notebook", None)
        if base is None or owner is None:
            return
        printer = vars(owner)["status_printer"]
        self._patches.append(Patch(owner, "status_printer", staticmethod(_text_printer(printer.__func__))))
        self._patches.append(wrap(owner, "__init__", lambda original: self._init_notebook(base, original)))
        for name in ("display", "close", "clear", "reset", "update", "__iter__"):
            self._patches.append(wrap(owner, name, lambda original, name=name: _as_base(base, name, original)))  # type: ignore[misc]

    def _init_notebook(self, base: Any, original: Callable[..., None]) -> Callable[..., None]:
        def init(bar: Any, *args: Any, **kwargs: Any) -> None:
            if not self._capture.takes_bars(kwargs.get("file") or sys.stderr):
                original(bar, *args, **kwargs)
                return
            kwargs.pop("display", None)
            vars(bar)["disp"] = _ignore
            vars(bar)["displayed"] = True
            base.__init__(bar, *args, **kwargs)

        return init


def _as_base(base: Any, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(bar: Any, *args: Any, **kwargs: Any) -> Any:
        ours = isinstance(vars(bar).get(MARK), BarTask) or "container" not in vars(bar)
        return (getattr(base, name) if ours else original)(*((bar, *args)), **kwargs)

    return method


def _text_printer(original: Callable[..., Any]) -> Callable[..., Any]:
    def status_printer(*args: Any, **kwargs: Any) -> Any:
        return _ignore if len(args) == 1 and not kwargs else original(*args, **kwargs)

    return status_printer


def _place(bar: Any) -> int:
    return abs(int(vars(bar).get("pos", 0)))


def _show(bar: Any, shown: BarTask) -> None:
    shown.show(bar.n, total=bar.total, description=bar_name(bar.desc), status=bar_status(bar.postfix))


def _end(bar: Any, *, quiet: bool = False) -> None:
    shown = vars(bar).get(MARK)
    if isinstance(shown, BarTask):
        shown.tell_interrupt()  # before it tells how far it was then
        _show(bar, shown)
        shown.close(quiet=quiet)


def _ignore(*_: Any, **__: Any) -> None:
    """Draw nothing."""


def _is_proxy(file: Any) -> bool:
    """Return whether the stream, or one that it wraps, is that of a live display of Rich's."""
    while "_wrapped" in getattr(file, "__dict__", ()):
        file = vars(file)["_wrapped"]
    return hasattr(type(file), "rich_proxied_file")


def _unwrapped(file: Any) -> Any:
    """Return the stream that tqdm has wrapped, or a live display of Rich's that began before."""
    while True:
        if "_wrapped" in getattr(file, "__dict__", ()):
            file = vars(file)["_wrapped"]
        elif hasattr(type(file), "rich_proxied_file"):
            file = file.rich_proxied_file
        else:
            return file
