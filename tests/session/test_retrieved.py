from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mainstage
from mainstage import futures
from mainstage.run.display_session import DisplaySession

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstage.run.render_loop import RenderLoop


def fail(number: int) -> int:
    raise ValueError(number)


def the_loop() -> RenderLoop:
    assert DisplaySession.current is not None
    return DisplaySession.current.loop


def ask(run: mainstage.Run) -> None:
    with pytest.raises(ValueError, match="1"):
        run.submit(fail, 1).result()


def look(run: mainstage.Run) -> None:
    (future,) = run.as_completed([run.submit(fail, 1)])
    assert isinstance(future.exception(), ValueError)


def leave_it(run: mainstage.Run) -> None:
    run.wait([run.submit(fail, 1)])


def collect(run: mainstage.Run) -> None:
    assert len(list(run.map(fail, range(3)))) == 3


def skip(run: mainstage.Run) -> None:
    assert list(run.map(fail, range(3), on_error="skip")) == []


def catch(run: mainstage.Run) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        list(run.map(fail, range(3), on_error="raise"))


def forget_a_map(run: mainstage.Run) -> None:
    results = run.map(fail, range(3), buffersize=3)
    next(results)
    run._wait_until(lambda: not run._pending())


def send_an_error(run: mainstage.Run) -> None:
    run.queue(total=1).put(("error", ValueError("sent")))


@pytest.mark.parametrize(
    ("program", "unretrieved"),
    [(ask, 0), (look, 0), (leave_it, 1), (collect, 0), (skip, 0), (catch, 0), (forget_a_map, 2), (send_an_error, 1)],
)
def test_a_run_knows_at_its_end_which_failures_the_program_did_not_retrieve(
    program: Callable[[mainstage.Run], None], unretrieved: int
) -> None:
    with mainstage.Run(view="silent", on_error="collect") as run:
        loop = the_loop()
        program(run)
    assert loop.unretrieved == unretrieved


@pytest.mark.parametrize("kind", [futures.ThreadPoolExecutor, futures.ProcessPoolExecutor])
def test_the_futures_of_a_drop_in_too(kind: Callable[[int], futures.Executor]) -> None:
    with mainstage.Run(view="silent", on_error="collect") as run:
        loop = the_loop()
        with kind(2) as pool:
            handled = [pool.submit(fail, number) for number in range(4)]
            pool.submit(fail, 4)
            for future in futures.as_completed(handled):
                with pytest.raises(ValueError, match=r"\d"):
                    future.result()
            run._wait_until(lambda: not run._pending())
    assert loop.unretrieved == 1
