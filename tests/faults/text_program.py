"""`python text_program.py WORK VIEW SEED TASKS FOLDER`: a run whose every text is hostile; see `texts.py`."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.texts import NAME_COLOUR, hostile, hostile_name

import mainstage
from mainstage.futures import ThreadPoolExecutor as ShownPool

WORKERS = 4


def texts(number: int) -> tuple[str, ...]:
    """Return the texts of a task: eight."""
    rng = random.Random(f"{os.environ.get('SEED')} {number}")
    return (*(hostile_name(rng) for _ in range(5)), *(hostile(rng) for _ in range(3)))


def begin(number: int) -> None:
    """Report, say and log what is hostile; every third task then fails by it."""
    name, status, unit, metric, failure, said, logged, warned = texts(number)
    with mainstage.task(name, total=3, unit=unit) as task:
        task.advance(1)
        task.set(status=status, description=name + status)
        print(said)
        sys.stderr.write(f"{warned}\n")
        task.log(logged)
        task.metric(metric, 1.0)
        for _ in mainstage.track(range(2), status):
            pass
    if number % 3 == 0:
        kind = type(name.replace("\0", "").encode("utf-8", "replace").decode() or "X", (ValueError,), {})
        raise kind(failure) if number % 2 else ValueError(failure)


def work(number: int) -> str:
    begin(number)
    return texts(number)[0]


def remote_work(number: int) -> str:
    """The same where classes made in a function cannot be sent."""
    try:
        begin(number)
    except ValueError as error:
        raise ValueError(str(error)) from None
    return texts(number)[0]


async def awaited(number: int) -> str:
    await asyncio.sleep(0)
    return work(number)


def name(number: int) -> str:
    return texts(number)[0]


def run(view: str, tasks: int, log: str, executor: str = "thread") -> None:
    function = work if executor == "thread" else remote_work
    with mainstage.Run(name(0), view=view, log=log, executor=executor, on_error="collect", max_workers=WORKERS) as run:
        list(run.map(function, range(1, tasks + 1)))


def calls(view: str, tasks: int, log: str) -> None:
    with mainstage.Run(name(0), view=view, log=log, on_error="collect", max_workers=WORKERS) as run:
        futures = [
            run.options(description=name(number), retries=number % 2).submit(work, number)
            for number in range(1, tasks + 1)
        ]
        for future in futures:
            future.exception()


def coroutines(view: str, tasks: int, log: str) -> None:
    async def main() -> None:
        async with mainstage.Run(name(0), view=view, log=log, on_error="collect"):
            for at in range(1, tasks + 1, 50):
                numbers = range(at, min(at + 50, tasks + 1))
                await mainstage.aio.gather(*map(awaited, numbers), return_exceptions=True)

    asyncio.run(main())


def drop_in(view: str, tasks: int, log: str) -> None:
    with (
        mainstage.Run(name(0), view=view, log=log, on_error="collect"),
        ShownPool(WORKERS, thread_name_prefix=name(1)) as pool,
    ):
        for future in [pool.submit(work, number) for number in range(1, tasks + 1)]:
            future.exception()


def queue(view: str, tasks: int, log: str) -> None:
    with mainstage.Run(name(0), view=view, log=log, on_error="collect", max_workers=WORKERS) as run:
        for number in range(1, tasks + 1):
            one = run.queue(total=3, description=name(number))
            one.put(1)
            one.put(("log", texts(number)[5]))
            one.put(("error", ValueError(texts(number)[4])) if number % 3 == 0 else ("done", None))


def joblib_calls(view: str, tasks: int, log: str) -> None:
    from joblib import Parallel, delayed  # noqa: PLC0415  # other faces do without

    with mainstage.joblib(name(0), view=view, log=log, on_error="collect"):
        Parallel(n_jobs=2, backend="threading")(delayed(forgiving)(number) for number in range(1, tasks + 1))


def forgiving(number: int) -> str:
    try:
        return work(number)
    except ValueError:
        return ""


def unaware(tasks: int) -> None:
    """A program that knows nothing of the library: threads, bars, coroutines, all with hostile names."""
    tqdm = __import__("tqdm").tqdm

    def job(number: int) -> None:
        label, status, _, _, failure, said, _, warned = texts(number)
        threading.current_thread().name = label
        with tqdm(total=2, desc=label, unit=status or "x", file=sys.stderr) as bar:
            bar.set_postfix_str(status)
            bar.update(1)
        print(said)
        sys.stderr.write(f"{warned}\n")
        if number % 3 == 0:
            raise ValueError(failure)

    async def main() -> None:
        for at in range(1, tasks + 1, 50):
            numbers = range(at, min(at + 50, tasks + 1))
            jobs = [asyncio.create_task(asyncio.sleep(0, number), name=name(number)) for number in numbers]
            await asyncio.gather(*jobs)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix=name(0)) as pool:
        for future in [pool.submit(job, number) for number in range(1, tasks + 1)]:
            future.exception()
    asyncio.run(main())


def map_job(text: str) -> str:
    said = text.replace(NAME_COLOUR, "")  # what a program prints may have colours, its input's name may not
    print(said)
    mainstage.current_task().log(said)
    if len(text) % 3 == 0:
        raise ValueError(said)
    return text


def command(view: str, tasks: int, folder: str) -> int:
    """`mainstage map` of this file, with hostile inputs on stdin."""
    given = [text for number in range(1, tasks + 1) for text in texts(number)]
    data = b"".join(text.replace("\0", "").encode("utf-8", "replace") + b"\0" for text in ["", "xxx", *given])
    files = {"--log": "run.log", "--out": "out.jsonl", "--joblog": "jobs", "--results": "kept"}
    words = [word for option, file in files.items() for word in (option, str(Path(folder) / file))]
    target = f"{__file__}:map_job"
    argv = [sys.executable, "-m", "mainstage", "map", target, "-0", "--inputs", "-", "--tag", "--traceback", *words]
    return subprocess.run([*argv, "--view", view], input=data, check=False).returncode


def main() -> int:
    work, view, seed, count, folder = sys.argv[1:]
    os.environ["SEED"] = seed
    tasks, log = int(count), str(Path(folder) / "run.log")
    if work == "map":
        return command(view, tasks, folder)
    if work == "exec":
        unaware(tasks)
    elif work in ("calls", "queue", "drop-in", "asyncio", "joblib"):
        shown = {"calls": calls, "queue": queue, "drop-in": drop_in, "asyncio": coroutines, "joblib": joblib_calls}
        shown[work](view, tasks, log)
    else:
        run(view, tasks, log, {"threads": "thread", "processes": "process"}.get(work, work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
