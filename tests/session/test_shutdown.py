"""`shutdown(cancel_futures=True)`: what has not begun is cancelled, what runs may end."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import mainstage

DEADLINE = 10.0


def test_a_map_hands_out_nothing_more_and_what_runs_ends_well() -> None:
    begun, go = threading.Barrier(3), threading.Event()

    def work(n: int) -> int:
        begun.wait(DEADLINE)
        assert go.wait(DEADLINE)
        mainstage.current_task().check_cancelled()
        return n

    with mainstage.Run("Work", max_workers=2, view="silent") as run:
        outcomes = run._outcomes(work, range(1000))

        def stop() -> None:
            begun.wait(DEADLINE)
            run.shutdown(wait=False, cancel_futures=True)
            go.set()

        threading.Thread(target=stop).start()
        assert sorted(outcome.value for outcome in outcomes) == [0, 1]


def test_an_item_that_fails_afterwards_is_not_tried_again() -> None:
    begun, go = threading.Event(), threading.Event()

    def work(n: int) -> int:
        begun.set()
        assert go.wait(DEADLINE)
        raise ValueError(str(n))

    with mainstage.Run("Work", max_workers=1, view="silent", retries=3, on_error="collect") as run:
        outcomes = run._outcomes(work, range(1000))

        def stop() -> None:
            begun.wait(DEADLINE)
            run.shutdown(wait=False, cancel_futures=True)
            go.set()

        threading.Thread(target=stop).start()
        assert [(outcome.attempt, type(outcome.error)) for outcome in outcomes] == [(1, ValueError)]


def test_waiting_futures_are_cancelled_and_running_ones_end_well() -> None:
    begun, go = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert go.wait(DEADLINE)
        mainstage.current_task().check_cancelled()
        return "done"

    with mainstage.Run("Work", max_workers=1, view="silent") as run:
        running, waiting = run.submit(work), run.submit(work)
        assert begun.wait(DEADLINE)
        run.shutdown(wait=False, cancel_futures=True)
        go.set()
        assert running.result(DEADLINE) == "done"
        assert waiting.cancelled()


def test_an_iterator_of_results_says_that_the_rest_was_cancelled() -> None:
    with mainstage.Run("Work", max_workers=1, view="silent", on_error="collect") as run:
        first, *rest = [out if isinstance(out, int) else type(out) for out in _stopped_after_one(run)]
        assert first == 0
        assert set(rest) <= {1, 2, CancelledError}
        assert len(rest) < 100


def _stopped_after_one(run: mainstage.Run) -> list[object]:
    outs: list[object] = []
    for out in run.map(lambda n: n, range(100_000), buffersize=2):
        outs.append(out)
        run.shutdown(wait=False, cancel_futures=True)
    return outs
