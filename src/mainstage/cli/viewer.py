"""A display for the events of a run of another process or another time: this one shows them, and does no work."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from mainstage.events import TextWritten
from mainstage.run.key_commands import KeyCommands
from mainstage.run.render_loop import RenderLoop
from mainstage.run.signals import SignalHandlers, die_by_signal
from mainstage.ui.setup import LayoutOptions, build_ui

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from mainstage.channels.inbox import ThreadChannel
    from mainstage.core.clock import Clock
    from mainstage.run.key_commands import CommandTarget
    from mainstage.ui.state.run import RunState
    from mainstage.ui.views import View
    from mainstage.ui.views.interactive import KeyedView


class Left(Exception):
    """The user had enough."""


class Viewer:
    """Shows the events that come into `channel`, on the main thread; a context manager, whose block may raise `Left`.

    `commanded` carries out what keys ask for. Raises `DisplayError` for a view or a layout that makes no sense.
    """

    def __init__(  # keyword-only: what it is made of
        self,
        view: str,
        layout: str,
        *,
        keys: bool,
        clock: Clock,
        channel: ThreadChannel,
        commanded: CommandTarget,
        paced: Callable[[View], View] | None = None,
    ) -> None:
        self.channel = channel
        self.clock = clock
        self.farewell = ""
        """The line that is left when the user leaves before the end."""
        opened = build_ui(view, LayoutOptions(layout), keys="auto" if keys else None)
        self.loop = RenderLoop(channel, paced(opened.view) if paced else opened.view, opened.display, clock)
        self.loop.watchers += opened.watchers
        self.loop.fallback = opened.fallback
        self.command_targets: Mapping[object, CommandTarget] = {self: commanded}
        self._signals = SignalHandlers(self.loop, self._stop)
        self._signum = 0
        self._left = False
        self._keys: KeyCommands | None = None
        self._keyed: KeyedView | None = None
        if opened.keyed is not None:
            self._keyed = opened.keyed[1]
            self._keys = KeyCommands(*opened.keyed, self.loop, self)
            self._keys.quit = self._leave

    def __enter__(self) -> Self:
        self._signals.install()
        if self._keys is not None:
            with contextlib.suppress(OSError, RuntimeError):  # then there are none
                self._keys.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        with contextlib.ExitStack() as steps:  # the last one first
            steps.callback(self._signals.restore)
            steps.callback(self.channel.close)
            if kind is None:
                steps.callback(self.loop.finish)
            else:
                steps.callback(self.loop.leave, self.farewell)
            if self._keys is not None:
                steps.callback(self._keys.stop)
        if kind is Left and self._signum:
            die_by_signal(self._signum)
        return kind is Left

    @property
    def state(self) -> RunState:
        """What is known of the run."""
        return self.loop.state

    def wait(self, done: Callable[[], bool], deadline: float | None = None) -> None:
        """Draw until `done()`, at most until `deadline` on the clock. Raises `Left`."""
        self.loop.run_until(lambda: self._left or done(), deadline)
        self.leave_if_asked()

    def leave_if_asked(self) -> None:
        """Raise `Left` if the user has asked for it."""
        if self._left:
            raise Left

    def notice(self, text: str) -> None:
        """Show a line of the library's own. Any thread."""
        self.channel.send(TextWritten(self.clock.now(), None, 0, "", "mainstage", text))

    def refuse(self, why: str) -> None:
        """Say why what a key asked for is not done. Any thread."""
        if self._keyed is not None:
            self._keyed.browse = self._keyed.browse._replace(held=False)
        self.notice(why)

    def _leave(self) -> None:
        self._left = True
        self.channel.wake()

    def _stop(self, _cause: str, signum: int) -> int:
        self._signum = signum
        self._leave()
        return 1
