r"""Commands that the runner of a CI service reads out of a log: ours go out, foreign text is kept from being one.

GitHub Actions takes a line that begins with `::name::`, after white space, and `##[name]` anywhere in a line; Azure
Pipelines `##vso[...]`, TeamCity `##teamcity[...]`. Runners compare texts as people read them, so invisible characters
may stand in between. A backslash breaks the form: `\::error::`, `##\[error]`.
"""

from __future__ import annotations

import re

_AT_START = re.compile(r"\A((?:\x1b\[[0-9;:]*m|[^!-~])*):(?=[^!-~]*:)")
_UNSEEN = r"[^!-~\s\x1b]*"  # but for what begins a colour, whose bracket is no other
_ANYWHERE = re.compile(rf"(#{_UNSEEN}#{_UNSEEN}[A-Za-z]*{_UNSEEN})\[")


class Command(str):
    """A line that is a command of ours: what it holds of foreign text is an argument."""

    __slots__ = ()


def group(head: str) -> Command:
    """Return the command that begins a group of lines, folded under `head`."""
    return Command(f"::group::{defused(head).replace('%', '%25')}")


END_GROUP = Command("::endgroup::")


def defused(line: str) -> str:
    """Return one line so that no runner takes it, or a part of it, as a command."""
    line = _AT_START.sub(r"\1\\:", line)
    return _ANYWHERE.sub(r"\1\\[", line) if "#" in line else line
