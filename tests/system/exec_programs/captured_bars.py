"""A test suite that looks at the bars of what it tests."""

import logging
import sys
import time

import pytest
from rich.progress import track
from tqdm import tqdm


def test_a_bar_is_on_stderr(capsys):
    assert list(tqdm(range(3))) == [0, 1, 2]
    print("out")
    out, err = capsys.readouterr()
    assert out == "out\n"
    assert "3/3" in err


def test_a_bar_is_on_the_descriptor(capfd):
    assert list(tqdm(range(3))) == [0, 1, 2]
    assert "3/3" in capfd.readouterr().err


def test_a_bar_of_rich(capsys):
    assert list(track(range(3), "of rich")) == [0, 1, 2]
    assert "of rich" in capsys.readouterr().out


def test_a_bar_that_is_not_captured(capsys):
    with capsys.disabled():
        for _ in tqdm(range(20), desc="not captured"):
            time.sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_a_log(caplog, capsys):
    logging.getLogger("app").warning("logged")
    assert caplog.messages == ["logged"]
    assert "logged" not in capsys.readouterr().out


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null", __file__]))
