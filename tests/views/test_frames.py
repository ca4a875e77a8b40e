"""Whole pictures, as they stand on a terminal without colours."""

from __future__ import annotations

import pytest
from tests.views.runs import after, end, first, middle, picture

FIRST_20 = """\
▸ lib/a…ha.bin   0%
▸ lib/beta.bin   0%
⠦ odd […前␛[2J
▸ gamma          0%
▸ hashing  0%  0/30
"""
FIRST_40 = """\
▸ lib/alpha.bin      0%  0.0/1.0 MB
▸ lib/beta.bin       0%  0.0/2.0 MB
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0%       0/100
▸ hashing            0%        0/30
"""
FIRST_80 = """\
▸ lib/alpha.bin      0% ────────────────────────────────  0.0/1.0 MB      0.5 s
▸ lib/beta.bin       0% ────────────────────────────────  0.0/2.0 MB      0.5 s
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0% ────────────────────────────────       0/100      0.5 s
▸ hashing            0% ────────────────────────────────        0/30      0.6 s
"""
FIRST_200 = """\
▸ lib/alpha.bin      0% ────────────────────────────────────────  0.0/1.0 MB      0.5 s
▸ lib/beta.bin       0% ────────────────────────────────────────  0.0/2.0 MB      0.5 s
⠦ odd [/]名前␛[2J  0.5 s
▸ gamma              0% ────────────────────────────────────────       0/100      0.5 s
▸ hashing            0% ────────────────────────────────────────        0/30      0.6 s
"""
MIDDLE_20 = """\
▸ lib/a…ha.bin  79%
▸   verify      48%
▸ lib/beta.bin  49%
▸ odd […前␛[2J
▸ hashing  3%  1/30
"""
MIDDLE_40 = """\
▸ lib/alpha.bin     79%  0.8/1.0 MB
▸   verify          48%       24/50
▸ lib/beta.bin      49%  1.0/2.0 MB
▸ odd [/]名前␛[2J          693 rows
▸ hashing  3%  1/30  ✗ 1 failed
"""
MIDDLE_80 = """\
▸ lib/alpha.bin    79% ━━━━━━──  0.8/1.0 MB   ETA 0:03    80.0 kB/s
▸   verify         48% ━━━╸────       24/50   ETA 0:11        2.6/s
▸ lib/beta.bin     49% ━━━╸────  1.0/2.0 MB   ETA 0:11   100.0 kB/s  reading t…
▸ odd [/]名前␛[2J      ────━━──    693 rows        9 s  70.0 rows/s
▸ hashing           3% ────────        1/30  ETA ~2:30   9.9 s/item  ✗ 1 failed
"""
MIDDLE_200 = """\
▸ lib/alpha.bin     79% ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸────────  0.8/1.0 MB   ETA 0:03    80.0 kB/s
▸   verify          48% ━━━━━━━━━━━━━━━━━━━─────────────────────       24/50   ETA 0:11        2.6/s
▸ lib/beta.bin      49% ━━━━━━━━━━━━━━━━━━━╸────────────────────  1.0/2.0 MB   ETA 0:11   100.0 kB/s  reading the tail
▸ odd [/]名前␛[2J       ────────────────────━━━━━━━━━━──────────    693 rows        9 s  70.0 rows/s
▸ hashing            3% ━───────────────────────────────────────        1/30  ETA ~2:30   9.9 s/item  ✗ 1 failed  1.8 MB  10 s
"""  # noqa: E501  # a picture
FINAL_20 = """\
✗ hashing: 29 done…
"""
FINAL_40 = """\
✗ hashing: 29 done, 1 failed in 14.0 s
"""
FINAL_80 = """\
  slowest (others took 2 s): odd [/]名前␛[2J 11.9 s, lib/beta.bin 11.9 …
✗ hashing: 29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)
"""
FINAL_200 = """\
  slowest (others took 2 s): odd [/]名前␛[2J 11.9 s, lib/beta.bin 11.9 …
✗ hashing: 29 done, 1 failed in 14.0 s (29.0 MB, 700 rows)
"""


@pytest.mark.parametrize(("columns", "expected"), [(20, FIRST_20), (40, FIRST_40), (80, FIRST_80), (200, FIRST_200)])
def test_the_first_picture(columns: int, expected: str) -> None:
    assert picture(after(*first()), 0.6, columns) + "\n" == expected


@pytest.mark.parametrize(
    ("columns", "expected"), [(20, MIDDLE_20), (40, MIDDLE_40), (80, MIDDLE_80), (200, MIDDLE_200)]
)
def test_a_picture_in_the_middle(columns: int, expected: str) -> None:
    assert picture(after(*middle()), 10.0, columns) + "\n" == expected


@pytest.mark.parametrize(("columns", "expected"), [(20, FINAL_20), (40, FINAL_40), (80, FINAL_80), (200, FINAL_200)])
def test_the_final_picture(columns: int, expected: str) -> None:
    assert picture(after(*end()), 14.0, columns, final=True) + "\n" == expected
