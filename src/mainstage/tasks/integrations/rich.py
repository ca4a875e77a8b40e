"""Rich: while a run is live the rows of a `Progress` become tasks, and what has a look of its own a block above rows.

No display of Rich's is started: no thread of it writes, no stream is replaced, the cursor stays. Where the run draws
nothing, or not here, other displays print their last picture once. What has to be known:
1. A console that was given its stream explicitly holds the old one: its `file` is looked up through the router.
2. `Progress` holds its lock within its methods, so a request to stop is raised after them.
3. Its `track` advances from a thread of its own, which is not to be told to stop.
4. What is no `Progress`, and no task's, has the terminal to itself meanwhile, where it can be had (`Capture.lends`).
"""

from __future__ import annotations

import contextlib
import sys
from threading import enumerate as enumerate_threads
from typing import TYPE_CHECKING, Any

from mainstage.tasks.integrations.bars import BarTask
from mainstage.tasks.integrations.patching import ImportWatch, Patch, wrap
from mainstage.tasks.integrations.rich_blocks import LiveBlock, has_own_look
from mainstage.tasks.task import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from mainstage.tasks.capture.streams import Capture

MARK = "_mainstage"


class RichBridge:
    """Keeps Rich's displays from drawing while a run is live."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._patches: list[Patch] = []
        self._watch = ImportWatch(
            {"rich.console": self._found_console, "rich.live": self._found_live, "rich.progress": self._found_progress}
        )
        self._started: dict[int, Any] = {}
        self._blocks: dict[int, LiveBlock] = {}
        """Those of them that are blocks of the run, as Rich draws them."""
        self._adopted: list[Any] = []
        """Those that drew by themselves before, outermost first."""
        self._lent: dict[int, contextlib.ExitStack] = {}
        """What displays that draw by themselves hold."""

    def prepare(self) -> None:
        """Take displays away that already draw where the run is to draw."""
        self._adopted = [one for one in running_displays() if self._is_in_the_way(one)]
        for display in reversed(self._adopted):
            _wipe(display)

    def start(self) -> None:
        """Replace the methods, now or when Rich is imported; displays that were taken away go on, in the run."""
        self._watch.start()
        for display in self._adopted:
            display.start(refresh=True)
            progress = _progress_of(display)
            if progress is not None and id(display) in self._started and id(display) not in self._blocks:
                for number in progress.task_ids:
                    _show(progress, number, before=True)

    def stop(self) -> None:
        """End displays that are still open, and put the methods back."""
        self._adopted = [one for one in self._adopted if id(one) in self._started]
        for display in self._adopted:
            self._leave(display)
        for display in list(self._started.values()):
            owner = _progress_of(display)
            with contextlib.suppress(Exception):  # a renderable of the user's
                (display if owner is None else owner).stop()
        while self._lent:
            self._lent.popitem()[1].close()
        self.reset_after_fork()

    def resume(self) -> None:
        """Resume the displays that drew before the run."""
        adopted, self._adopted = self._adopted, []
        for display in adopted:
            display.start(refresh=True)

    def _is_in_the_way(self, display: Any) -> bool:
        console = display.console
        streams = [getattr(sys, name) for name in self._capture.taken]
        return (
            not (console.is_jupyter or display._alt_screen)  # noqa: SLF001  # nothing public tells
            and console.is_terminal
            and console.file in [getattr(stream, "rich_proxied_file", stream) for stream in streams]
        )

    def _leave(self, display: Any) -> None:
        """Show a display no more that goes on after the run."""
        del self._started[id(display)]
        display._started = False  # noqa: SLF001  # as its own stop does
        block = self._blocks.pop(id(display), None)
        if block is not None:
            self._close_block(display, block)
        progress = _progress_of(display)
        rows = {} if progress is None else _rows(progress)
        while rows:
            rows.popitem()[1].close(quiet=True)

    def reset_after_fork(self) -> None:
        """Put the methods back."""
        self._watch.stop()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()

    # --- consoles ---

    def _found_console(self, module: ModuleType) -> None:
        found: Any = vars(module.Console)["file"]

        def file(console: Any) -> Any:
            stream = found.fget(console)
            return self._capture.router_of(stream) or stream

        self._patches.append(Patch(module.Console, "file", property(file, found.fset, doc=found.__doc__)))

    # --- live displays ---

    def _found_live(self, module: ModuleType) -> None:
        for name, make in (("start", self._start), ("refresh", self._refresh), ("stop", self._stop)):
            self._patches.append(wrap(module.Live, name, make))

    def _start(self, original: Callable[..., None]) -> Callable[..., None]:
        def start(display: Any, *args: Any, **kwargs: Any) -> None:
            if display.is_started or not self._takes(display.console):
                original(display, *args, **kwargs)
                return
            progress = _progress_of(display)
            if (progress is None or has_own_look(progress)) and self._opens_block(display):
                self._open_block(display, *args, **kwargs)
                return
            if self._capture.lends_to_display() and progress is None:
                self._lend(display)
                original(display, *args, **kwargs)
                return
            display._started = True  # noqa: SLF001  # as its own start does
            self._started[id(display)] = display

        return start

    def _opens_block(self, display: Any) -> bool:
        """Return whether the run draws it: not where programs have the terminal to themselves, and no other screen."""
        return self._capture.blocks is not None and self._capture.passage is None and not display._screen  # noqa: SLF001  # nothing public tells

    def _open_block(self, display: Any, refresh: bool = False) -> None:  # noqa: FBT001, FBT002  # as of `Live.start`
        """Draw it as a block: by the thread that Rich would have it drawn by, into lines that the owner shows."""
        assert self._capture.blocks is not None  # noqa: S101  # it has been looked at
        display._started = True  # noqa: SLF001  # as its own start does
        self._started[id(display)] = display
        block = self._blocks[id(display)] = LiveBlock(display, self._capture.blocks, pulled=False)
        self._capture.blocks.add(block)
        if refresh:
            try:
                block.draw()
            except Exception:
                display.stop()
                raise
        if display.auto_refresh:
            thread = sys.modules["rich.live"]._RefreshThread(display, display.refresh_per_second)  # noqa: SLF001  # as its own start does
            display._refresh_thread = thread  # noqa: SLF001  # as above
            thread.start()

    def _refresh(self, original: Callable[..., None]) -> Callable[..., None]:
        def refresh(display: Any) -> None:
            block = self._blocks.get(id(display))
            if block is not None:
                with display._lock:  # noqa: SLF001  # as its own refresh does
                    block.draw()
            elif id(display) not in self._started:
                original(display)

        return refresh

    def _stop(self, original: Callable[..., None]) -> Callable[..., None]:
        def stop(display: Any) -> None:
            if self._started.pop(id(display), None) is None:
                with self._lent.pop(id(display), contextlib.ExitStack()):
                    original(display)
                return
            display._started = False  # noqa: SLF001  # as its own stop does
            block = self._blocks.pop(id(display), None)
            if block is not None:
                self._close_block(display, block)
            if not display.transient and (block is not None or _progress_of(display) is None):
                display.console.print(display.get_renderable())

        return stop

    def _close_block(self, display: Any, block: LiveBlock) -> None:
        thread, display._refresh_thread = display._refresh_thread, None  # noqa: SLF001  # as its own stop does
        if thread is not None:
            thread.stop()
        if self._capture.blocks is not None:
            self._capture.blocks.remove(block)

    def _lend(self, display: Any) -> None:
        capture = self._capture
        held = self._lent[id(display)] = contextlib.ExitStack()
        held.enter_context(capture.pause())
        capture.lent_to_all += 1
        held.callback(self._take_back)

    def _take_back(self) -> None:
        self._capture.lent_to_all -= 1

    def _takes(self, console: Any) -> bool:
        return self._capture.live and not console.is_jupyter and self._capture.takes_bars(console.file)

    # --- progress ---

    def _found_progress(self, module: ModuleType) -> None:
        owner = module.Progress
        for name in ("start", "add_task", "start_task", "update", "advance", "reset"):
            self._patches.append(wrap(owner, name, self._then_show))
        self._patches.append(wrap(owner, "remove_task", self._remove_task))
        self._patches.append(wrap(owner, "stop", self._stop_progress))
        self._patches.append(wrap(owner, "track", self._track))

    def _then_show(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def method(progress: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(progress, *args, **kwargs)
            if id(progress.live) in self._blocks:
                _check_cancelled()
            elif id(progress.live) in self._started:
                numbers = [args[0]] if args and args[0] in progress._tasks else progress.task_ids  # noqa: SLF001
                for number in numbers:
                    _show(progress, number)
                for shown in list(_rows(progress).values())[:1]:
                    shown.check()
            return result

        return method

    def _remove_task(self, original: Callable[..., None]) -> Callable[..., None]:
        def remove_task(progress: Any, task_id: Any) -> None:
            shown = _rows(progress).pop(task_id, None)
            if shown is not None:
                shown.close(quiet=True)
            original(progress, task_id)

        return remove_task

    def _stop_progress(self, original: Callable[..., None]) -> Callable[..., None]:
        def stop(progress: Any) -> None:
            if id(progress.live) not in self._started:
                original(progress)
                return
            for number in progress.task_ids if id(progress.live) not in self._blocks else ():
                _show(progress, number)
            rows = _rows(progress)
            for number in sorted(rows):
                rows.pop(number).close()
            progress.live.stop()

        return stop

    def _track(self, original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def track(progress: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            for item in original(progress, *args, **kwargs):
                yield item
                if id(progress.live) in self._started:
                    _check_cancelled()

        return track


def running_displays() -> list[Any]:
    """Return the live displays of Rich's that draw now, as far as they can be found, outermost first."""
    if "rich.live" not in sys.modules:
        return []
    threads = [thread for thread in enumerate_threads() if type(thread).__name__ == "_RefreshThread"]
    refreshed = [thread.live for thread in threads if hasattr(thread, "live")]
    consoles = [sys.modules["rich"]._console, *(display.console for display in refreshed)]  # noqa: SLF001  # nothing public tells, here and below
    consoles += [getattr(stream, "_FileProxy__console", None) for stream in (sys.stdout, sys.stderr)]
    found: dict[int, Any] = {}
    for console in filter(None, consoles):
        stack = getattr(console, "_live_stack", None) or [getattr(console, "_live", None)]
        found.update((id(display), display) for display in stack if display is not None)
    return [display for display in found.values() if display.is_started]


def _wipe(display: Any) -> None:
    """Stop a display that draws, and leave nothing of it."""
    kept = {name: getattr(display, name) for name in ("transient", "vertical_overflow")}
    display.transient = True
    try:
        display.stop()
    finally:
        vars(display).update(kept)
        display._nested = False  # noqa: SLF001  # its own stop leaves these as they are
        display._live_render._shape = None  # noqa: SLF001  # as above


def _progress_of(display: Any) -> Any:
    """Return the `Progress` that a live display belongs to, if it does."""
    owner = getattr(display._get_renderable, "__self__", None)  # noqa: SLF001  # nothing public tells
    return owner if getattr(owner, "live", None) is display else None


def _check_cancelled() -> None:
    """Raise `Cancelled` where the task that the code running now works on was asked to stop."""
    around = ambient.get()
    if around is not None:
        around.resolve().check_cancelled()


def _rows(progress: Any) -> dict[Any, BarTask]:
    rows: dict[Any, BarTask] | None = getattr(progress, MARK, None)
    if rows is None:
        with progress._lock:  # noqa: SLF001  # `setdefault` of its variables by two threads crashes CPython 3.11
            rows = getattr(progress, MARK, None)
            if rows is None:
                setattr(progress, MARK, rows := {})
    return rows


def _show(progress: Any, number: Any, *, before: bool = False) -> None:
    """Bring our task up to date with Rich's; `before`: it was there before the run."""
    row = progress._tasks.get(number)  # noqa: SLF001  # its `tasks` is a list
    rows = _rows(progress)
    shown = rows.get(number)
    if row is None or not row.visible:
        if shown is not None:
            del rows[number]
            shown.close(quiet=True)
        return
    description = _plain(row.description)
    status = str(row.fields.get("status", ""))
    if shown is None:
        fields = {name: value for name, value in row.fields.items() if name != "status"}
        leave = not progress.live.transient
        rows[number] = shown = BarTask(description, total=row.total, fields=fields, before=before, leave=leave)
    shown.show(row.completed, total=row.total, description=description, status=status)


def _plain(description: Any) -> str:
    """Return a description without Rich's markup."""
    module = sys.modules.get("rich.text")
    try:
        return str(module.Text.from_markup(str(description)).plain) if module is not None else str(description)
    except Exception:  # noqa: BLE001  # no markup after all: shown as it is
        return str(description)
