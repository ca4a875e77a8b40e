"""The last lines of runs that the program has not opened itself: kept until they stand between none of its lines.

The run of a drop-in executor ends whenever nothing is pending, so that the terminal is the program's again. Its last
line comes when the last open executor is shut down, or the program ends, and tells of all its runs until then.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from mainstage.core.unpatched import in_main_thread
from mainstage.events import TextWritten
from mainstage.run.display_session import DisplaySession
from mainstage.ui.state.joined import add_earlier

if TYPE_CHECKING:
    from mainstage.run.workload import Workload


class LastLines:
    """What is to be said of runs that are over. On the main thread, also in a signal handler."""

    def __init__(self) -> None:
        self._session: DisplaySession | None = None
        """The last one that ended; its state tells of those before it too."""
        self._works: list[Workload] = []
        """Those whose failures the program has not all retrieved."""
        self._pid = os.getpid()

    def keep(self, session: DisplaySession, work: Workload) -> None:
        """Remember a run that is over, and was closed without its last lines."""
        if self._session is not None:
            add_earlier(session.loop.state, self._session.loop.state)
        self._session = session
        self._works = [one for one in (*self._works, work) if one.unretrieved_failures()]
        if hasattr(sys, "ps1"):  # somebody types: there is no end to wait for
            self.say()

    def say(self) -> None:
        """Show the last lines, if there are any and this is the thread for it."""
        session = self._session
        if session is None or not in_main_thread() or os.getpid() != self._pid:
            return
        works, self._session, self._works = self._works, None, []
        session.loop.unretrieved = sum(work.unretrieved_failures() for work in works)
        shown = DisplaySession.current
        if shown is None:
            session.say_end()
            return
        for line in session.loop.last_rows():
            shown.channel.send(TextWritten(shown.clock.now(), None, 0, "", "stderr", line))


last_lines = LastLines()
threading._register_atexit(last_lines.say)  # type: ignore[attr-defined]  # noqa: SLF001  # after what the program printed
