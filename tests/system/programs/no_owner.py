"""What comes of work, whoever looks: no_owner.py awake|asleep|heartless|silent CASE."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import mainstage
from mainstage.futures import ThreadPoolExecutor
from mainstage.run.display_session import DisplaySession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

LONG = 30.0


def square(n: int) -> int:
    return n * n


def fail(n: int) -> int:
    raise ValueError(f"no {n}")


def named(future: Future[Any]) -> str:
    """Return the type and text of what a future failed with."""
    error = future.exception()
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def endless() -> None:
    mainstage.current_task().sleep(LONG)


def put(n: int, q: Any) -> None:
    for _ in range(n):
        q.put(1)
    q.put(None)


def collected(found: list[Any]) -> list[Any]:
    return [type(one).__name__ if isinstance(one, Exception) else one for one in found]


def outcomes(run: mainstage.Run) -> dict[str, Any]:
    """Do everything once."""
    found: dict[str, Any] = {}
    found["results"] = [future.result() for future in [run.submit(square, n) for n in range(50)]]
    found["map"] = list(run.map(square, range(500)))
    found["unordered"] = sorted(run.map(square, range(500), unordered=True))
    found["error"] = named(run.submit(fail, 3))
    found["collected"] = collected(list(run.map(lambda n: 1 / n, [1, 0, 2], on_error="collect")))
    found["skipped"] = list(run.map(lambda n: 1 / n, [1, 0, 2], on_error="skip"))
    attempts: list[int] = []
    found["attempts"] = run.options(retries=2).submit(flaky, attempts, 3).result()
    attempts.clear()
    found["given up"] = [named(run.options(retries=1).submit(flaky, attempts, 9)), len(attempts)]
    found["timeout"] = named(run.options(timeout=0.05).submit(endless)).partition(":")[0]
    found["abandoned"] = named(run.options(timeout=0.05).submit(time.sleep, 1.5)).partition(":")[0]
    found["cancelled"] = cancelled(run)
    queues(run, found)
    found["as completed"] = len(list(run.as_completed([run.submit(square, n) for n in range(20)])))
    found["waited"] = [len(part) for part in run.wait([run.submit(square, n) for n in range(20)])]
    iterator = run.map(square, iter(range(10**9)), buffersize=10)
    found["generator"] = [next(iterator), next(iterator)]
    iterator.close()  # type: ignore[attr-defined]  # it is a generator
    with ThreadPoolExecutor(4) as pool:
        found["futures"] = list(pool.map(square, range(20)))
    return found


def flaky(attempts: list[int], good: int) -> int:
    attempts.append(1)
    if len(attempts) < good:
        raise OSError("not today")
    return len(attempts)


def cancelled(run: mainstage.Run) -> str:
    began = threading.Event()

    def work() -> None:
        began.set()
        endless()

    future = run.submit(work)
    began.wait(LONG)
    run.cancel(future)
    try:
        future.result()
    except CancelledError as error:
        return type(error).__name__
    return "a result"


def queues(run: mainstage.Run, found: dict[str, Any]) -> None:
    q = run.queue(total=100)
    for _ in range(4):
        threading.Thread(target=put, args=(25, q)).start()
    run._wait_until(lambda: not q.pending())
    found["queue"] = q.completed
    q = run.queue(total=100)
    run.submit(put, 25, q).result()
    run._wait_until(lambda: not q.pending())
    found["queue failed"] = type(q.error()).__name__


def press(signum: int, n: int = 0) -> int:
    """Have the signal arrive while this worker works, and work on."""
    if n == 0:
        threading.Timer(0.1, os.kill, (os.getpid(), signum)).start()
    for _ in mainstage.track(range(1500)):
        time.sleep(0.02)
    return n


def stuck() -> None:
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    time.sleep(LONG)


def quit_with(status: int) -> None:
    raise SystemExit(status)


def ignore(values: Iterator[Any]) -> None:
    for _ in values:
        pass


def act(case: str, run: mainstage.Run) -> None:  # noqa: C901, PLR0912  # a table of cases
    """Do what the case is named after."""
    match case:
        case "fine":
            run.submit(square, 3).result()
        case "uncaught":
            run.submit(fail, 3).result()
        case "unlooked":
            run.submit(fail, 3)
        case "mapped":
            ignore(run.map(fail, [3, 3, 3]))
        case "queued":
            threading.Thread(target=put, args=(3, run.queue(total=4))).start()
        case "caught":
            run.submit(fail, 3).exception()
        case "collected":
            run.on_error = "collect"
            run.submit(fail, 3)
            ignore(run.map(fail, [3]))
        case "exit":
            run.submit(endless)
            raise SystemExit(5)
        case "worker-exit":
            run.submit(quit_with, 6).result()
        case "interrupt-once":
            run.submit(press, signal.SIGINT).result()
        case "interrupt-map":
            ignore(run.map(press, [signal.SIGINT] * 8, range(8)))
        case "interrupt-end":
            run.submit(press, signal.SIGINT)
        case "terminate":
            run.submit(press, signal.SIGTERM)
        case "interrupt-stuck":
            run.submit(stuck)
        case "blocked":
            futures = [run.submit(slow, n) for n in range(10)]
            time.sleep(1.0)
            os.write(2, b"UNBLOCKED\n")
            os.write(2, f"RESULT {sum(future.result() for future in futures)}\n".encode())


def slow(n: int) -> int:
    for _ in mainstage.track(range(20)):
        time.sleep(0.01)
    return n


def main() -> None:
    owner, case = sys.argv[1:]
    DisplaySession.owner_asleep = owner == "asleep"
    view = "silent" if owner == "silent" else "auto"
    on_error: Any = "collect" if case == "outcomes" else "raise"
    with mainstage.Run(
        "owner", max_workers=8, heartbeat=owner != "heartless", view=view, on_error=on_error, grace=0.3
    ) as run:
        if case == "outcomes":
            sys.__stdout__.write(json.dumps(outcomes(run)))  # type: ignore[union-attr]  # it is there
        else:
            act(case, run)


if __name__ == "__main__":
    main()
