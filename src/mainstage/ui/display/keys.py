"""From the bytes of a terminal to keys: pure.

A key is a short text: the character itself ("a", "ü", " "), or a name: "up", "down", "left", "right", "home", "end",
"pgup", "pgdn", "insert", "delete", "f5", "enter", "tab", "backtab", "backspace", "esc", "ctrl-l", "alt-x".
"""

from __future__ import annotations

import codecs
import re

ESC = "\x1b"
STARTS = (ESC, *"[O]PX^_")
"""What after an escape is the beginning of something longer."""
LONGEST = 256
"""Characters of an unfinished sequence, after which it is none."""

_CSI = re.compile(r"\x1b\[([0-?]*)([ -/]*)([@-~])")
_STRING = re.compile(r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)")
"""What a terminal answers to a question of somebody before us."""
_SS3 = re.compile(r"\x1bO([ -~])")
_UNFINISHED = re.compile(r"\x1b(?:O|\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?)?")
_FINALS = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "Z": "backtab", "M": "enter",
    "P": "f1", "Q": "f2", "R": "f3", "S": "f4",
}  # fmt: skip
_NUMBERED = {
    "1": "home", "2": "insert", "3": "delete", "4": "end", "5": "pgup", "6": "pgdn", "7": "home", "8": "end",
    "11": "f1", "12": "f2", "13": "f3", "14": "f4", "15": "f5", "17": "f6", "18": "f7", "19": "f8", "20": "f9",
    "21": "f10", "23": "f11", "24": "f12",
}  # fmt: skip
_CONTROLS = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\b": "backspace", ESC: "esc"}


class KeyDecoder:
    """Turns what is read into keys, in however many pieces it comes. Sequences that name no key are left out."""

    def __init__(self) -> None:
        self._text = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("ignore").decode

    @property
    def pending(self) -> bool:
        """Whether an escape has come that may be a key, or the beginning of one: who can tell is `flush`."""
        return bool(self._text)

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that `data` completes."""
        self._text += self._decode(data)
        keys: list[str] = []
        while self._text:
            if self._text[0] != ESC:
                keys += self._named(self._text[0])
                self._text = self._text[1:]
            elif not self._sequence(keys):
                break
        return keys

    def flush(self) -> list[str]:
        """Return the keys that were pressed if nothing follows any more: an escape that stands alone."""
        text, self._text = self._text, ""
        return ["esc"] if text == ESC else []

    def _sequence(self, keys: list[str]) -> bool:
        """Take one sequence off the text; False: its end has not come."""
        text = self._text
        found = _CSI.match(text) or _SS3.match(text) or _STRING.match(text)
        if found is not None:
            keys += _of_sequence(found)
            self._text = text[found.end() :]
            return True
        if _UNFINISHED.fullmatch(text) and len(text) < LONGEST:
            return False
        second = text[1]
        if second in STARTS:  # an escape before another one, or a sequence that breaks off
            keys += ["esc"] if second == ESC else []
            self._text = text[1:] if second == ESC else _after(text)
            return True
        if second.isprintable():
            keys.append(f"alt-{second}")
            self._text = text[2:]
        else:  # two keys, one after the other: on a slow line they come as one piece
            keys.append("esc")
            self._text = text[1:]
        return True

    @staticmethod
    def _named(character: str) -> list[str]:
        if character in _CONTROLS:
            return [_CONTROLS[character]]
        if "\x01" <= character <= "\x1a":
            return [f"ctrl-{chr(ord(character) + 0x60)}"]
        return [character] if character.isprintable() else []


def _of_sequence(found: re.Match[str]) -> list[str]:
    """Return the key that a whole sequence names, whatever is held down with it; none where it names none."""
    if found.re is _STRING:
        name = None
    elif found.re is _SS3:
        name = _FINALS.get(found[1])
    elif found[3] == "~":
        name = _NUMBERED.get(found[1].partition(";")[0])
    else:
        name = _FINALS.get(found[3]) if not found[1].startswith(("?", "<", ">", "=")) else None
    return [name] if name is not None else []


def _after(text: str) -> str:
    """Return what follows a sequence that was broken off by a character that cannot be in one."""
    found = _UNFINISHED.match(text)
    return text[found.end() :] if found is not None else ""
