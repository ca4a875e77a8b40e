from __future__ import annotations

import asyncio
import gc
import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mainstage import current_task
from mainstage.events import TaskCancelled, TaskEnded, TaskFailed, TaskStarted
from mainstage.tasks.integrations.asyncio_ import CoroutineBridge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.conftest import Recorder

needs_folders = pytest.mark.skipif(
    not Path(asyncio.run.__code__.co_filename).is_absolute(),
    reason="this Python's own modules do not know their folder: Windows' embeddable one has them in an archive",
)


@pytest.fixture
def coroutines(recorder: Recorder) -> Iterator[CoroutineBridge]:
    """A bridge that watches asyncio for the length of the test."""
    bridge = CoroutineBridge(recorder)
    bridge.start()
    yield bridge
    bridge.stop()


async def fetch(url: str, *, depth: int = 0) -> str:
    await asyncio.sleep(0)
    if url == "broken":
        raise ValueError(url)
    current_task().advance(depth)
    return url


class Client:
    async def get(self, url: str) -> str:
        return await fetch(url)


def started(recorder: Recorder) -> list[str]:
    return [event.description for event in recorder.events if isinstance(event, TaskStarted)]


@needs_folders
def test_each_task_has_the_name_of_its_coroutine_and_the_main_one_is_the_program(
    coroutines: CoroutineBridge, recorder: Recorder
) -> None:
    async def main() -> None:
        answers = list(await asyncio.gather(fetch("a"), fetch("b", depth=2), Client().get("c")))
        assert answers == ["a", "b", "c"]
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch("d"), name="the fourth")

    asyncio.run(main())
    assert started(recorder) == ["a", "b", "c", "the fourth"]
    assert [event.completed for event in recorder.events if isinstance(event, TaskEnded)] == [0, 2, 0, 0]


@needs_folders
def test_a_failure_and_a_cancellation_are_told(coroutines: CoroutineBridge, recorder: Recorder) -> None:
    async def main() -> BaseException:
        waits = asyncio.create_task(asyncio.sleep(20))
        (error,) = await asyncio.gather(fetch("broken"), return_exceptions=True)
        waits.cancel()
        await asyncio.wait([waits])
        assert isinstance(error, BaseException)
        return error

    error = asyncio.run(main())
    assert started(recorder) == ["sleep(20)", "broken"]
    assert [event.error.text for event in recorder.events if isinstance(event, TaskFailed)] == ["broken"]
    assert len(recorder.of(TaskCancelled)) == 1
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["fetch"]


def test_an_exception_that_nobody_looked_at_is_still_told_by_asyncio(
    coroutines: CoroutineBridge, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        lost = asyncio.create_task(fetch("broken"))
        await asyncio.wait([lost])
        del lost
        gc.collect()

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(main())
    assert "Task exception was never retrieved" in caplog.text
    assert len(recorder.of(TaskFailed)) == 1


@needs_folders
def test_what_asyncio_does_for_itself_is_no_task(coroutines: CoroutineBridge, recorder: Recorder) -> None:
    async def main() -> None:
        await asyncio.gather(asyncio.to_thread(len, "abc"), asyncio.wait_for(fetch("in time"), 20))

    asyncio.run(main())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(fetch("the program itself"))
    given = loop.create_task(fetch("made before"))
    loop.run_until_complete(given)
    loop.close()
    assert started(recorder) == ["in time", "made before"]


@needs_folders
@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_an_eager_task_begins_before_it_is_made(coroutines: CoroutineBridge, recorder: Recorder) -> None:
    async def at_once() -> None:
        current_task().advance(3)

    async def main() -> None:
        eager: Any = asyncio.eager_task_factory  # type: ignore[attr-defined]  # as said above
        asyncio.get_running_loop().set_task_factory(eager)
        await asyncio.create_task(at_once())

    asyncio.run(main())
    (ended,) = [event for event in recorder.events if isinstance(event, TaskEnded)]
    assert ended.completed == 3


def test_afterwards_the_loops_are_as_they_were(recorder: Recorder) -> None:
    before = asyncio.BaseEventLoop.create_task
    bridge = CoroutineBridge(recorder)
    bridge.start()
    assert asyncio.BaseEventLoop.create_task is not before
    bridge.stop()
    assert asyncio.BaseEventLoop.create_task is before
