from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstage.ui.views import formatting

ANY = st.floats() | st.integers(-(10**30), 10**30)


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0"), (1234, "1,234"), (2.5, "2.5"), (3.0, "3"), (9_999_999, "9,999,999"), (12_345_678, "12.3M"), (-5, "-5")],
)
def test_counts(n: float, said: str) -> None:
    assert formatting.count(n) == said


@pytest.mark.parametrize(
    ("n", "said"),
    [(999, "999"), (1234, "1.23k"), (45_600_000, "45.6M"), (999_999, "1.00M"), (0.5, "0.50"), (123e9, "123G")],
)
def test_si(n: float, said: str) -> None:
    assert formatting.si(n) == said


@pytest.mark.parametrize(
    ("n", "unit", "said"),
    [
        (0, "B", "0 B"),
        (999, "B", "999 B"),
        (1000, "B", "1.0 kB"),
        (999_700, "B", "999.7 kB"),
        (999_960, "B", "1.0 MB"),
        (1_234_567, "B", "1.2 MB"),
        (1_048_576, "iB", "1.0 MiB"),
        (1_234_567, "iB", "1.2 MiB"),
        (5e21, "B", "5,000.0 EB"),
    ],
)
def test_sizes(n: float, unit: str, said: str) -> None:
    assert formatting.size(n, unit) == said


def test_amounts() -> None:
    assert formatting.amount(1234) == "1,234"
    assert formatting.amount(1234, "rows") == "1,234 rows"
    assert formatting.amount(1234, "B") == "1.2 kB"


@pytest.mark.parametrize(
    ("completed", "total", "unit", "said"),
    [
        (12, 1000, "rows", "   12/1,000 rows"),
        (12, 1000, "", "   12/1,000"),
        (400_000, 1_200_000_000, "B", "0.0/1.2 GB"),
        (500, 900, "B", "500/900 B"),
        (5, 900, "B", "  5/900 B"),
        (3e6, 2e6, "B", "3.0/2.0 MB"),
        (1 << 20, 3 << 20, "iB", "1.0/3.0 MiB"),
        (7, None, "rows", "7 rows"),
    ],
)
def test_parts(completed: float, total: float | None, unit: str, said: str) -> None:
    assert formatting.part(completed, total, unit) == said


@pytest.mark.parametrize(
    ("n", "unit", "said"),
    [
        (103, "", "103/s"),
        (12.54, "rows", "12.5 rows/s"),
        (3.4e6, "B", "3.4 MB/s"),
        (0.05, "", "20.0 s/item"),
        (0.1, "epoch", "10.0 s/epoch"),
        (0.1, "epochs", "10.0 s/epoch"),
        (12.54, "row", "12.5 rows/s"),
        (0.001, "", "16.7 min/item"),
        (0.0001, "entries", "2.8 h/entry"),
        (0, "", "0.0/s"),
        (5e7, "", "50.0M/s"),
    ],
)
def test_rates(n: float, unit: str, said: str) -> None:
    assert formatting.rate(n, unit) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "0:05"), (59.9, "0:59"), (3723, "1:02:03"), (-1, "0:00"), (360_000 + 360, "4d 04:06")]
)
def test_durations(seconds: float, said: str) -> None:
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (120, "2 min"),
        (3900, "1 h 5 min"),
        (7200, "2 h"),
        (90_000, "1 d 1 h"),
        (172_800, "2 d"),
    ],
)
def test_spoken_durations(seconds: float, said: str) -> None:
    assert formatting.in_words(seconds) == said


def test_an_eta_is_rounded_up() -> None:
    assert [formatting.eta(seconds) for seconds in (0.2, 1.0, 59.1, 1e300 * 1e300)] == [
        "ETA 0:01",
        "ETA 0:01",
        "ETA 1:00",
        "ETA ?",
    ]


def test_a_hundred_per_cent_is_said_only_of_all() -> None:
    assert formatting.percent(0.9999) == "99%"
    assert formatting.percent(1.0) == "100%"
    assert formatting.percent(0.29) == "29%"


def test_the_time_of_day_is_that_of_the_given_zone() -> None:
    assert formatting.time_of_day(1_800_014_400.0) == "12:00:00"
    assert formatting.time_of_day(1_800_014_430.9, 7200) == "14:00:30"
    assert formatting.time_of_day(1_800_014_400.0, -13 * 3600) == "23:00:00"


@given(ANY, ANY, st.sampled_from(["", "B", "iB", "rows"]))
def test_no_number_is_too_odd_to_be_said(a: float, b: float, unit: str) -> None:
    for said in (
        formatting.part(a, b, unit),
        formatting.rate(a, unit),
        formatting.si(a),
        formatting.duration(a),
        formatting.in_words(a),
    ):
        assert said
    assert 0 <= formatting.hundredths(a) <= 100


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.sampled_from(["", "B", "iB", "rows"]))
def test_a_part_is_as_wide_as_its_whole(completed: int, total: int, unit: str) -> None:
    completed = min(completed, total)
    if not unit and total >= formatting.LONGEST_WRITTEN_OUT:
        return  # shortened: three digits, with or without a point
    if unit != "rows" or total < formatting.LONGEST_WRITTEN_OUT:
        assert len(formatting.part(completed, total, unit)) == len(formatting.part(total, total, unit))


@pytest.mark.parametrize(("seconds", "told"), [(0.04, "0.0 s"), (1.26, "1.3 s"), (59.9, "59.9 s"), (65.0, "1:05")])
def test_what_has_ended_took_so_long(seconds: float, told: str) -> None:
    assert formatting.duration_text(seconds) == told


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "again now"), (0.4, "again now"), (4.6, "again in 5 s")])
def test_when_a_task_is_tried_again(seconds: float, told: str) -> None:
    assert formatting.retry_text(seconds) == told


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("epoch", "epochs"),
        ("row", "rows"),
        ("batch", "batches"),
        ("box", "boxes"),
        ("entry", "entries"),
        ("day", "days"),
    ],
)
def test_units_have_plurals(one: str, many: str) -> None:
    assert formatting.amount(1, one) == f"1 {one}"
    assert formatting.amount(3, one) == formatting.amount(3, many) == f"3 {many}"
    assert formatting.part(1, 3, one) == f"1/3 {many}"
    assert formatting.singular(many) == one


@pytest.mark.parametrize("unit", ["MB", "it", "kg", "GiB", "MFlop", "名", "passes of two"])
def test_what_is_no_plain_word_has_no_plural(unit: str) -> None:
    assert formatting.amount(3, unit) == f"3 {unit}"
    assert formatting.rate(0.1, unit) == f"10.0 s/{unit}"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0.0 s"), (0.69, "0.6 s"), (1.0, "1 s"), (59.9, "59 s"), (65.0, "1:05"), (-1.0, "0:00")]
)
def test_an_age_has_tenths_only_below_a_second(seconds: float, told: str) -> None:
    assert formatting.age(seconds) == told


def test_an_eta_keeps_its_form_whether_it_is_sure_or_not() -> None:
    assert formatting.eta_range(4.0, 4.5, 5.0) == "ETA 0:05"
    assert formatting.eta_range(2.0, 4.5, 12.0) == "ETA ~0:05"
    assert formatting.eta_range(20.0, 33.0, 60.0) == "ETA ~0:35"
    assert formatting.eta_range(60.0, 131.0, 300.0) == "ETA ~2:20"
    assert formatting.eta_range(1.0, 33.0, 600.0) == ""
