"""Both screens against a model: whatever the frames, the terminal shows the text once and the rows below it."""

from __future__ import annotations

import re
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstage.ui.display import ansi
from mainstage.ui.display.inline import InlineScreen
from mainstage.ui.display.recording import Screen
from mainstage.ui.display.region import RegionScreen

Step: TypeAlias = tuple[list[str], list[str], int]
AnyScreen: TypeAlias = RegionScreen | InlineScreen
SIZES = [(40, 10), (20, 5), (40, 4), (40, 2), (40, 1)]

ASCII = ["", "short", "x" * 19, "y" * 20, "z" * 39, "w" * 40, "v" * 41, "u" * 80, "t" * 95]
texts = st.sampled_from([*ASCII, "漢字" * 4, "s" + "漢" * 25, "é" * 40])
row = st.sampled_from(["", "row", "r" * 20, "q" * 40, "0123456789" * 6 + "end", "\x1b[32m漢字\x1b[0m bar", "漢" * 30])
rows = st.lists(row, max_size=14)
steps = st.lists(st.tuples(st.lists(texts, max_size=4), rows, st.integers(0, 2)), max_size=12)


def wrapped(line: str, columns: int) -> list[str]:
    """Lay a line out as a terminal does: a wide character never straddles the edge."""
    parts, part, used = [], "", 0
    for character in line:
        cells = ansi.row_width(character)
        if used + cells > columns:
            parts.append(part)
            part, used = "", 0
        part, used = part + character, used + cells
    return [*parts, part]


def stripped(lines: list[str]) -> list[str]:
    """Return `lines` without the empty ones at their end."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return [line.rstrip() for line in lines]


def clipped(row: str, columns: int) -> str:
    return ansi.plain(ansi.clip_row(row, columns)).rstrip()


def feed(screen: Screen, text: str) -> None:
    """Feed the bytes a few at a time: no cut may matter."""
    data = text.encode()
    for start in range(0, len(data), 7):
        screen.feed(data[start : start + 7])


def shown_rows(live: AnyScreen, wanted: list[str]) -> list[str]:
    return wanted if len(wanted) <= live.limit else wanted[: live.limit]


@pytest.mark.parametrize("size", [size for size in SIZES if size[1] >= RegionScreen.LEAST_HEIGHT])
@settings(max_examples=40)
@given(steps=steps)
def test_pinned_rows_stay_at_the_bottom_and_all_text_is_there_once(size: tuple[int, int], steps: list[Step]) -> None:
    columns, height = size
    live, screen = RegionScreen(*size), Screen(*size)
    text: list[str] = []
    for above, wanted, foreign in steps:
        picture = shown_rows(live, wanted)
        feed(screen, live.frame(above, picture))
        for number in range(foreign):
            screen.feed(b"foreign %d\r\n" % number)
        text += [part for line in above for part in wrapped(line, columns)] + [f"foreign {n}" for n in range(foreign)]
        lines = screen.lines()
        assert [line.rstrip() for line in lines[height - len(picture) :]] == [clipped(row, columns) for row in picture]
        assert stripped(screen.history() + lines[: height - len(picture)]) == stripped(text)
        assert screen.cursor_hidden == bool(picture)
    feed(screen, live.frame(["bye"], []))
    assert stripped(screen.history() + screen.lines()) == stripped([*text, "bye"])


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=40)
@given(steps=steps)
def test_inline_rows_follow_the_text_which_is_there_once(size: tuple[int, int], steps: list[Step]) -> None:
    columns, _ = size
    live, screen = InlineScreen(*size), Screen(*size)
    text: list[str] = []
    for above, wanted, _ in steps:
        picture = shown_rows(live, wanted)
        feed(screen, live.frame(above, picture))
        text += [part for line in above for part in wrapped(line, columns)]
        expected = [*text, *(clipped(row, columns) for row in picture)]
        assert stripped(screen.history() + screen.lines()) == stripped(expected)
        assert screen.cursor_hidden == bool(picture)
    feed(screen, live.frame(["bye"], []))
    assert stripped(screen.history() + screen.lines()) == stripped([*text, "bye"])


@pytest.mark.parametrize("kind", [RegionScreen, InlineScreen])
@settings(max_examples=40)
@given(steps=steps)
def test_giving_the_terminal_back_leaves_nothing_but_the_text(kind: type[AnyScreen], steps: list[Step]) -> None:
    live, screen = kind(40, 10), Screen(40, 10)
    text: list[str] = []
    for above, wanted, _ in steps:
        feed(screen, live.frame(above, shown_rows(live, wanted)) + live.leave())
        text += [part for line in above for part in wrapped(line, 40)]
        assert stripped(screen.history() + screen.lines()) == stripped(text)
        assert not screen.cursor_hidden


@pytest.mark.parametrize("kind", [RegionScreen, InlineScreen])
@settings(max_examples=15)
@given(steps=steps)
def test_no_row_is_ever_blank_between_its_old_and_its_new_text(kind: type[AnyScreen], steps: list[Step]) -> None:
    live, screen = kind(40, 10), Screen(40, 10)
    for _, wanted, _ in steps:
        before = screen.lines()
        frame = live.frame([], shown_rows(live, wanted))
        cuts = []
        for byte in frame.encode():
            screen.feed(bytes([byte]))
            cuts.append(screen.lines())
        after = screen.lines()
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            if old and new:
                assert all(cut[index] for cut in cuts), (index, old, new)


@pytest.mark.parametrize("kind", [RegionScreen, InlineScreen])
def test_a_frame_holds_the_changed_rows_only(kind: type[AnyScreen]) -> None:
    live = kind(40, 10)
    live.frame([], ["one", "two", "three"])
    assert live.frame([], ["one", "two", "three"]) == ""
    frame = live.frame([], ["one", "2", "three"])
    assert "2\x1b[" in frame
    assert "one" not in frame
    assert "three" not in frame


@pytest.mark.parametrize("kind", [RegionScreen, InlineScreen])
def test_rows_that_strange_bytes_may_have_hit_are_all_written_again(kind: type[AnyScreen]) -> None:
    live = kind(40, 10)
    live.frame([], ["one", "two"])
    live.forget()
    frame = live.frame([], ["one", "two"])
    assert "one" in frame
    assert "two" in frame


@pytest.mark.parametrize("partial", ["45 %", "x" * 39, ""])
def test_our_text_begins_on_a_line_of_its_own(partial: str) -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame([], ["row"]))
    feed(screen, partial)
    feed(screen, live.frame(["ours"], ["row"]))
    feed(screen, live.frame(["final"], []))
    assert screen.text.split("\n") == ([partial] if partial else []) + ["ours", "final"]


def test_foreign_colours_do_not_reach_our_rows_and_are_not_lost() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    screen.feed(b"\x1b[41m")
    feed(screen, live.frame([], ["row"]))
    assert screen._screen.buffer[9][0].bg == "default"
    screen.feed(b"foreign")
    assert screen._screen.buffer[0][0].bg == "red"


def test_the_bytes_of_one_frame() -> None:
    live = RegionScreen(12, 6)
    first = (
        "\x1b[?25l\x1b7\x1b[1;6r\x1b8"  # hide the cursor, scroll everything
        "\x1bD\x1b[1A"  # room for one row
        "\x1b[K\x1b7\x1b[B\r\x1b[J\x1b8"  # nothing below
        "\x1b7\x1b[1;5r\x1b8"  # pin it
        "\x1b[0m" + " " * 12 + "\r\x1b[Klog\r\n"  # the text, on a line of its own
        "\x1b7\x1b[?7l\x1b[0m\x1b[6H\rbar 1\x1b[K\x1b[1;5r\x1b8\x1b[?7h"  # the row
    )
    assert live.frame(["log"], ["bar 1"]) == first
    assert live.frame([], ["bar 2"]) == (
        "\x1b7\x1b[1;6r\x1b8\x1bD\x1b[1A"  # everything scrolls again
        "\x1b7\x1b[?7l\x1b[0m\x1b[6H\x1b[1Gbar 2\x1b[0m\x1b[1;5r\x1b8\x1b[?7h"
    )
    assert live.leave() == "\x1b7\x1b[r\x1b8\x1b[K\x1b7\x1b[B\r\x1b[J\x1b8\x1b[?7h\x1b[?25h"


# --- a line that has not ended ---

BEGUN = ["", "Sure? ", "." * 39, "." * 40, "." * 41, "." * 80, "." * 95, "漢" * 21, "\x1b[32m50 %\x1b[0m"]


def shown_text(screen: Screen, rows: int) -> list[str]:
    lines = screen.history() + screen.lines()
    return stripped(lines[: len(lines) - rows] if rows else lines)


@settings(max_examples=80)
@given(
    frames=st.lists(
        st.tuples(st.lists(st.sampled_from(["one", "x" * 40, "y" * 45]), max_size=3), st.sampled_from(BEGUN)),
        max_size=8,
    ),
    count=st.integers(0, 3),
)
def test_the_last_row_of_a_line_that_has_not_ended_is_below_all_whole_lines(
    frames: list[tuple[list[str], str]], count: int
) -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    rows = [f"row {number}" for number in range(count)]
    for lines, begun in frames:
        feed(screen, live.frame(lines, rows, begun))
        last = wrapped(ansi.plain(begun), 40)[-1]
        text = shown_text(screen, count)
        whole = [part for line in lines for part in wrapped(line, 40)]
        if begun and ansi.row_width(last) < 40:
            assert text[-1] == last.rstrip()
            assert screen.cursor[0] == ansi.row_width(last)
        if ansi.row_width(begun) < 40:
            above = text[:-1] if begun else text
            assert above[len(above) - len(whole) :] == whole
        assert [line.rstrip() for line in screen.lines()[10 - count :]] == (rows if count else [])
    feed(screen, live.leave())
    assert not any("row" in line for line in screen.history() + screen.lines())


def test_a_line_grows_in_its_place_and_ends_there() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    for begun in ("Working", "Working.", "Working.."):
        feed(screen, live.frame([], ["row"], begun))
    assert live.frame([], ["row"], "Working..") == ""
    feed(screen, live.frame(["Working.. done", "next"], ["row"]))
    assert shown_text(screen, 1) == ["Working.. done", "next"]


def test_whole_lines_of_others_go_above_it() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame(["first"], ["row"], "Sure? "))
    feed(screen, live.frame(["second", "third"], ["row"], "Sure? "))
    assert shown_text(screen, 1) == ["first", "second", "third", "Sure?"]
    assert screen.cursor[0] == len("Sure? ")
    feed(screen, live.frame([], ["row"], "No: "))
    assert shown_text(screen, 1) == ["first", "second", "third", "No:"]


def test_dots_over_several_rows_are_not_said_twice() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame([], ["row"], "." * 90))
    feed(screen, live.frame(["other"], ["row"], "." * 90))
    feed(screen, live.frame([], ["row"], "." * 100))
    feed(screen, live.frame(["." * 101], ["row"]))
    assert shown_text(screen, 1) == ["." * 40, "." * 40, "other", "." * 21]


def test_what_a_child_writes_after_it_is_kept() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame([], ["row"], "Sure? "))
    screen.feed(b"a child\r\n")
    feed(screen, live.frame(["other"], ["row"], "Sure? "))
    screen.feed(b"no newline")
    feed(screen, live.frame(["more"], ["row"], "Sure? "))
    assert shown_text(screen, 1) == ["Sure? a child", "other", "Sure? no newline", "more", "Sure?"]


def test_an_answer_that_was_echoed_stays_beside_its_question() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame([], ["row"], "Sure? "))
    screen.feed(b"y\r\n")  # read from the descriptor: the program goes on with the line that it knows
    feed(screen, live.frame(["Sure? got y"], ["row"]))
    assert shown_text(screen, 1) == ["Sure? y", "got y"]


def test_a_line_of_somebody_else_stays_when_the_rows_go() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    feed(screen, live.frame([], ["row"]))
    screen.feed(b"Name? ")
    live.stand("Name? ")
    feed(screen, live.frame(["other"], ["row"], "Name? "))
    feed(screen, live.leave())
    assert shown_text(screen, 0) == ["other", "Name?"]
    feed(screen, live.frame([], ["row"], "ours"))
    feed(screen, live.leave())
    assert shown_text(screen, 0)[:2] == ["other", "Name?"]
    assert "ours" not in screen.text


# --- rows right below the text ---


def begun_at(screen: Screen, live: RegionScreen, count: int, *, late: bytes = b"") -> None:
    """Have `count` rows begin where the cursor is; `late` is what others write after that was asked."""
    feed(screen, live.begin(count))
    line = screen.cursor[1] + 1
    screen.feed(late)
    live.place(line)


def block(screen: Screen, rows: list[str]) -> int:
    """Return where the rows stand, the first line being 0, or fail; all below them is blank."""
    lines = screen.lines()
    found = [at for at in range(len(lines)) if lines[at : at + len(rows)] == rows]
    assert found, lines
    assert not any(lines[found[-1] + len(rows) :])
    return found[-1]


@settings(max_examples=80, deadline=None)
@given(
    before=st.integers(0, 12),
    count=st.integers(1, 5),
    frames=st.lists(
        st.tuples(
            st.lists(st.sampled_from(["one", "x" * 40, "y" * 95]), max_size=3),
            st.integers(1, 5),
            st.integers(0, 3),
            st.sampled_from(["", "", "Sure? ", "." * 50]),
        ),
        max_size=8,
    ),
    late=st.integers(0, 15),
    answered=st.integers(0, 4),
    told=st.booleans(),
)
def test_all_text_is_there_once_and_rows_below_it_wherever_they_begin(
    before: int, count: int, frames: list[tuple[list[str], int, int, str]], late: int, answered: int, *, told: bool
) -> None:
    """`answered`: after so many frames; `told`: the screen is told that others have written."""
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    text = [f"before {number}" for number in range(before)] + [f"late {number}" for number in range(late)]
    screen.feed("".join(f"{line}\r\n" for line in text[:before]).encode())
    feed(screen, live.begin(count))
    line = screen.cursor[1] + 1
    screen.feed("".join(f"{line}\r\n" for line in text[before:]).encode())
    for number, (lines, rows_wanted, foreign, begun) in enumerate(frames):
        if number == answered:
            feed(screen, live.place(line))
        rows = [f"row {number}" for number in range(rows_wanted)]
        feed(screen, live.frame(lines, rows, begun))
        assert block(screen, rows) > screen.cursor[1]
        if begun == "":  # a child's text goes to the end of a line that has not ended
            for other in range(foreign):
                screen.feed(b"foreign %d\r\n" % other)
                if told:
                    live.forget_place()
        text += [part for line in lines for part in wrapped(line, 40)]
        text += [f"foreign {other}" for other in range(foreign)] if begun == "" else []
        at = block(screen, rows)
        shown = [line for line in screen.history() + screen.lines()[:at] if line and not set(line) <= {"."}]
        assert [line for line in shown if line != "Sure?"] == text
    feed(screen, live.frame(["bye"], []))
    assert [line for line in screen.text.split("\n") if line and not set(line) <= {"."}] == [*text, "bye"]


def test_rows_begin_right_below_the_text_go_down_with_it_and_end_where_it_ends() -> None:
    live, screen = RegionScreen(40, 12), Screen(40, 12)
    screen.feed(b"$ command\r\n")
    rows = ["row 0", "row 1", "row 2"]
    begun_at(screen, live, 3)
    feed(screen, live.frame([], rows))
    assert screen.lines()[:6] == ["$ command", "", *rows, ""]
    feed(screen, live.frame(["one", "two"], rows))
    assert screen.lines()[:8] == ["$ command", "one", "two", "", *rows, ""]
    feed(screen, live.frame(["x" * 50], rows))
    assert screen.lines()[:10] == ["$ command", "one", "two", "x" * 40, "x" * 10, "", *rows, ""]
    feed(screen, live.frame([f"more {number}" for number in range(6)], rows))
    assert screen.lines()[9:] == rows
    assert screen.history() == ["$ command", "one", "two"]
    feed(screen, live.frame(["the end"], []))
    assert screen.text.split("\n")[-2:] == ["more 5", "the end"]
    assert screen.cursor[1] == 10 - 1


def test_an_answer_that_comes_late_moves_the_rows_from_the_bottom_to_below_the_text() -> None:
    live, screen = RegionScreen(40, 12), Screen(40, 12)
    screen.feed(b"$ command\r\n")
    feed(screen, live.begin(2))
    line, rows = screen.cursor[1] + 1, ["row 0", "row 1"]
    feed(screen, live.frame(["one", "x" * 50], rows))
    assert block(screen, rows) == 10
    feed(screen, live.place(line) + live.frame(["two"], rows))
    assert screen.lines()[:8] == ["$ command", "one", "x" * 40, "x" * 10, "two", "", *rows]
    assert block(screen, rows) == 6


@pytest.mark.parametrize("way", ["a child", "print", "a resize", "no rows"])
def test_rows_stay_where_they_are_once_an_answer_that_comes_late_says_nothing_any_more(way: str) -> None:
    live, screen = RegionScreen(40, 12), Screen(40, 12)
    screen.feed(b"$ command\r\n")
    feed(screen, live.begin(2))
    line, rows = screen.cursor[1] + 1, ["row 0", "row 1"]
    feed(screen, live.frame([], rows))
    if way == "a child":
        screen.feed(b"text\r\n")
        live.forget_place()
    elif way == "print":
        feed(screen, live.make_room("text\n", rows))
        screen.feed(b"text\r\n")
    else:
        feed(screen, live.resized(40, 12) if way == "a resize" else live.frame(["text"], []))
    feed(screen, live.frame([], rows))
    feed(screen, live.place(line) + live.frame([], rows))
    assert block(screen, rows) == 10


def test_nothing_jumps_at_the_end_and_no_blank_line_stays() -> None:
    live, screen = RegionScreen(40, 12), Screen(40, 12)
    screen.feed(b"$ command\r\n")
    begun_at(screen, live, 2)
    feed(screen, live.frame(["one"], ["row 0", "row 1"]))
    feed(screen, live.frame(["final 0", "final 1"], []))
    assert screen.text.split("\n") == ["$ command", "one", "final 0", "final 1"]


def test_more_rows_go_below_the_others_and_fewer_leave_the_first_where_it_is() -> None:
    live, screen = RegionScreen(40, 8), Screen(40, 8)
    begun_at(screen, live, 1)
    for count, at in ((1, 2), (3, 2), (2, 2), (6, 2), (4, 4)):  # the first line has two above it at the least
        rows = [f"row {number}" for number in range(count)]
        feed(screen, live.frame([], rows))
        assert block(screen, rows) == at


def test_room_is_made_for_what_others_are_about_to_write() -> None:
    live, screen = RegionScreen(40, 10), Screen(40, 10)
    screen.feed(b"$ command\r\n")
    rows = ["row 0", "row 1"]
    begun_at(screen, live, 2)
    feed(screen, live.frame([], rows))
    for piece in ("print", "\n", "x" * 50, "\n"):
        feed(screen, live.make_room(piece, rows))
        screen.feed(piece.replace("\n", "\r\n").encode())
        feed(screen, live.frame([], rows))
    assert screen.lines()[:5] == ["$ command", "print", "x" * 40, "x" * 10, ""]
    assert block(screen, rows) == 5
    live.owe(2)
    feed(screen, live.frame([], rows))
    assert block(screen, rows) == 7
    live.owe(2)
    feed(screen, live.frame([], rows))
    assert block(screen, rows) == 8
    assert not live.floating


def test_a_cursor_that_a_resize_has_left_among_the_rows_is_brought_back_above_them() -> None:
    """kitty wraps rows for its new width and scrolls the text up for that, but not its cursor."""
    live = RegionScreen(40, 10, cursor_lags=True)
    rows = [f"row {number} ".ljust(40, "#") for number in range(3)]
    live.frame(["text 0", "text 1"], rows)
    screen = Screen(20, 10)
    for number, line in enumerate(["text 0", "text 1", ""]):
        screen.feed(f"\x1b[{number + 2}H{line}".encode())
    for number, row in enumerate(rows):
        screen.feed(f"\x1b[{2 * number + 5}H{row}".encode())
    screen.feed(b"\x1b[7;1H")  # where it was before, and now the second row's
    feed(screen, live.resized(20, 10))
    assert stripped(screen.lines()) == ["", "text 0", "text 1"]
    assert screen.cursor == (0, 3)


class Reflowing(Screen):
    """A terminal that keeps its cursor at its text when its height changes, as tmux and xterm do."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        bounded = self._screen.ensure_vbounds
        self._screen.ensure_vbounds = lambda **_: bounded()  # a cursor that is put back may be below the margin

    def resize(self, columns: int, rows: int) -> None:
        screen = self._screen
        screen.set_margins()
        below = min(max(0, screen.lines - rows), screen.lines - 1 - screen.cursor.y)
        lines = [screen.buffer.pop(y, None) for y in range(screen.lines)]
        lines = lines[: len(lines) - below]
        while len(lines) > rows:
            screen.history.top.append(lines.pop(0))
            screen.cursor.y -= 1
        while len(lines) < rows and screen.history.top:
            lines.insert(0, screen.history.top.pop())
            screen.cursor.y += 1
        screen.buffer.update({y: line for y, line in enumerate(lines) if line is not None})
        screen.lines, screen.columns = rows, columns


@pytest.mark.parametrize("size", [(40, 18), (40, 8), (30, 16), (60, 7)])
def test_a_flood_is_whole_wherever_in_it_a_resize_comes(size: tuple[int, int]) -> None:
    """The frame after it too, which was on its way before anybody could know."""
    frames = [[f"line {batch} {number:02d}" for number in range(20)] for batch in range(3)]
    rows = ["one " * 5, "two " * 5, "three " * 3]
    live = RegionScreen(40, 12)
    first, second, third = [live.frame(lines, rows).encode() for lines in frames]
    pinning = {at for found in re.finditer(rb"\x1b7.*?\x1b8", second) for at in range(found.start() + 1, found.end())}
    assert len(pinning) < 20  # the cursor is elsewhere for so many bytes: all that is left to chance
    for at in set(range(0, len(second) + 1, 7)) - pinning:
        terminal = Reflowing(40, 12)
        terminal.feed(first + second[:at])
        terminal.resize(*size)
        terminal.feed(second[at:] + third)
        found = [line for line in terminal.text.split("\n") if line.startswith("line")]
        assert found == [line for lines in frames for line in lines], at
