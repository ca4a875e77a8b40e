from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.ui.display.keys import LONGEST, KeyDecoder

NAMED = [
    (b"\x1b[A", "up"),
    (b"\x1bOA", "up"),
    (b"\x1b[1;5B", "down"),
    (b"\x1b[5~", "pgup"),
    (b"\x1b[6~", "pgdn"),
    (b"\x1b[6;2~", "pgdn"),
    (b"\x1b[H", "home"),
    (b"\x1b[1~", "home"),
    (b"\x1bOF", "end"),
    (b"\x1b[4~", "end"),
    (b"\x1b[Z", "backtab"),
    (b"\x1b[15~", "f5"),
    (b"\t", "tab"),
    (b"\r", "enter"),
    (b"\n", "enter"),
    (b"\x7f", "backspace"),
    (b"\b", "backspace"),
    (b"\x0c", "ctrl-l"),
    (b"\x15", "ctrl-u"),
    (b"\x1bx", "alt-x"),
    (b" ", " "),
    (b"?", "?"),
    ("ü".encode(), "ü"),
    ("名".encode(), "名"),
    ("🎉".encode(), "🎉"),
]


def decoded(*pieces: bytes) -> list[str]:
    decoder = KeyDecoder()
    keys = [key for piece in pieces for key in decoder.feed(piece)]
    return keys + decoder.flush()


@pytest.mark.parametrize(("data", "key"), NAMED, ids=repr)
def test_a_key_is_the_same_in_however_many_pieces_it_comes(data: bytes, key: str) -> None:
    assert decoded(data) == [key]
    assert decoded(*(data[at : at + 1] for at in range(len(data)))) == [key]
    assert decoded(data + b"a" + data) == [key, "a", key]


def test_an_escape_alone_is_a_key_only_once_nothing_follows() -> None:
    decoder = KeyDecoder()
    assert (decoder.feed(b"\x1b"), decoder.pending) == ([], True)
    assert (decoder.flush(), decoder.pending) == (["esc"], False)
    assert decoder.feed(b"j") == ["j"]


def test_an_escape_before_a_key_that_is_no_letter_is_two_keys() -> None:
    assert decoded(b"\x1b\r") == ["esc", "enter"]
    assert decoded(b"\x1b\x1b") == ["esc", "esc"]
    assert decoded(b"\x1b\x1b[A") == ["esc", "up"]


@pytest.mark.parametrize(
    "answer", [b"\x1bP>|xterm(380)\x1b\\", b"\x1b]11;rgb:0/0/0\x07", b"\x1b]11;q\x1b\\", b"\x1b_Gpx\x1b\\"]
)
def test_what_a_terminal_answers_to_somebody_else_is_no_key(answer: bytes) -> None:
    assert decoded(b"a" + answer + b"b") == ["a", "b"]
    assert decoded(*(answer[at : at + 1] for at in range(len(answer))), b"b") == ["b"]
    assert decoded(answer[:5]) == []


@pytest.mark.parametrize(
    "data", [b"\x1b[?1;2c", b"\x1b[99~", b"\x1b[I", b"\x1b[<0;3;4M", b"\0", b"\x1b[", b"\x1bO", b"\xff", b"\xe5\x90"]
)
def test_what_names_no_key_is_left_out(data: bytes) -> None:
    assert decoded(data) == []


def test_a_sequence_that_breaks_off_swallows_nothing_that_follows() -> None:
    assert decoded(b"\x1b[1;\ta") == ["tab", "a"]
    assert decoded(b"\x1b[1" + "ü".encode()) == ["ü"]
    assert decoded(b"\xe5\x90x") == ["x"]


def test_a_sequence_without_an_end_does_not_grow_for_ever() -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[")
    for _ in range(LONGEST):
        assert set(decoder.feed(b"1" * 8)) <= {"1"}
        assert len(decoder._text) <= LONGEST


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=6) | st.sampled_from([data for data, _ in NAMED]), max_size=8))
def test_any_bytes_are_taken(pieces: list[bytes]) -> None:
    decoder = KeyDecoder()
    for piece in pieces:
        assert all(key and key.isprintable() for key in decoder.feed(piece))
    decoder.flush()
    assert not decoder.pending
