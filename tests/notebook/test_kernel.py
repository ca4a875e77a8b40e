"""What a run shows in the cells of a real kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.notebook.kernels import Kernel, Message, pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = """
import asyncio, os, threading, time
import mainstage
from mainstage import aio

def job(n, pause=0.05):
    with mainstage.task(f"job {n}", total=10) as task:
        for _ in range(10):
            time.sleep(pause)
            task.advance()
        print("made", n)
    return n

async def ajob(n):
    with mainstage.task(f"job {n}", total=10) as task:
        for _ in range(10):
            await asyncio.sleep(0.05)
            task.advance()
    return n
"""
LATER = (
    "run = mainstage.Run('later', max_workers=2)\nrun.__enter__()\nfutures = [run.submit(job, n) for n in range(%d)]"
)
LEAVE = "run.__exit__(None, None, None)"
MOST_A_SECOND = 11


@pytest.fixture(scope="module")
def module_kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run(JOBS)
        yield kernel


@pytest.fixture
def kernel(module_kernel: Kernel) -> Iterator[Kernel]:
    """A kernel that other tests have used; none leaves a run or a stop behind."""
    yield module_kernel
    ended = module_kernel.run("from mainstage.run.display_session import DisplaySession\nprint(DisplaySession.current)")
    assert ended.printed() == "None\n"


def is_picture(message: Message) -> bool:
    return message.kind.endswith("display_data")


def least_and_most(shown: list[Message], seconds: float) -> bool:
    """Return whether pictures came all the time and not too many: about ten a second, on a busy machine fewer."""
    return 3 * seconds <= len(shown) <= MOST_A_SECOND * seconds + 2


# --- one picture ---


def test_a_run_shows_its_rows_in_the_cell_and_leaves_the_summary(kernel: Kernel) -> None:
    cell = kernel.run('with mainstage.Run("nightly", max_workers=2) as run:\n    print(sum(run.map(job, range(6))))')
    shown = cell.pictures()
    assert [m.kind for m in shown].count("display_data") == 1
    assert len({m.content["transient"]["display_id"] for m in shown}) == 1
    assert any("job 0" in m.plain and "nightly" in m.plain for m in shown[:-1])
    assert shown[-1].plain.startswith("✓ nightly: 6 done in ")
    assert "<pre" in shown[-1].content["data"]["text/html"]
    assert "15\n" in cell.printed()
    assert sorted(line for line in cell.printed().splitlines() if "│" in line) == [
        f"job {n} │ made {n}" for n in range(6)
    ]
    assert not [m for m in cell.messages if m.kind.startswith("comm")]


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("for _ in mainstage.track(range(20), 'Reading'):\n    time.sleep(0.05)", "✓ Reading: 20 in"),
        (
            "from mainstage.tqdm import tqdm\nfor _ in tqdm(range(30), desc='Bars'):\n    time.sleep(0.05)",
            "✓ Bars: 30 in",
        ),
        ("list(mainstage.map(job, range(4), max_workers=2))", "✓ 4 done in"),
        ("list(mainstage.map(job, range(4), max_workers=2, executor='process'))", "✓ 4 done in"),
        ("await aio.gather(*map(ajob, range(4)))", "✓ 4 done in"),
        ("async for _ in aio.map(ajob, range(4), limit=2):\n    pass", "✓ 4 done in"),
        (
            (
                "from mainstage.futures import ThreadPoolExecutor\n"
                "with ThreadPoolExecutor(2) as pool:\n    list(pool.map(job, range(4)))"
            ),
            "✓ 4 done in",
        ),
        (
            (
                "async with mainstage.Run('tonight', max_workers=2) as run:\n"
                "    futures = [run.submit(job, n) for n in range(4)]\n    await asyncio.sleep(0.7)"
            ),
            "✓ tonight: 4 done in",
        ),
    ],
)
def test_whatever_opens_a_run_shows_it(kernel: Kernel, code: str, last: str) -> None:
    shown = kernel.run(code).pictures()
    assert [m.kind for m in shown].count("display_data") == 1
    assert len(shown) > 2
    assert shown[-1].plain.startswith(last)


@pytest.mark.parametrize("layout", ["bars", "lanes", "tree", "steps", "grid", "nodes"])
def test_every_layout_is_shown(kernel: Kernel, layout: str) -> None:
    code = f"with mainstage.Run('{layout}', layout='{layout}', max_workers=2) as run:\n    list(run.map(job, range(4)))"
    shown = kernel.run(code).pictures()
    assert len(shown) > 2
    assert layout in shown[len(shown) // 2].plain
    assert shown[-1].plain.startswith(f"✓ {layout}: 4 done in")


def test_a_loop_that_is_too_short_for_a_picture_leaves_its_line(kernel: Kernel) -> None:
    cell = kernel.run("for _ in mainstage.track(range(2), 'Short'):\n    pass")
    assert cell.pictures() == []
    assert cell.printed().startswith("✓ Short: 2 in ")


def test_pictures_of_a_cell_that_awaits_are_of_that_cell(kernel: Kernel) -> None:
    cell = kernel.run(
        "async def pages():\n    for n in range(15):\n        await asyncio.sleep(0.1)\n        yield n\n"
        "async for _ in mainstage.track(pages(), 'Pages'):\n    pass"
    )
    assert len(cell.pictures()) > 2
    assert {m.cell for m in cell.messages} == {cell.id}


def test_a_run_that_shows_nothing_leaves_no_room_for_it(kernel: Kernel) -> None:
    assert kernel.run("list(mainstage.map(abs, range(10)))").pictures() == []


def test_failures_are_in_the_picture_to_be_unfolded_and_the_traceback_of_the_cell_is_the_programs(
    kernel: Kernel,
) -> None:
    cell = kernel.run(
        "def bad(n):\n    time.sleep(0.3)\n    raise ValueError(f'<b>{n}</b>')\n"
        "list(mainstage.map(bad, range(4), max_workers=2))"
    )
    data = cell.pictures()[-1].content["data"]
    assert re.search(r"<details.*&lt;b&gt;0&lt;/b&gt;.*line 3, in bad", data["text/html"], re.DOTALL)
    assert "<b>" not in data["text/html"]
    assert "\x1b" not in data["text/plain"]
    assert "ValueError: <b>0</b>" in data["text/plain"]
    assert "ValueError" not in cell.printed()
    assert "bad(n)" in cell.traceback
    assert "mainstage/" not in cell.traceback


def test_html_is_made_of_tags_that_untrusted_notebooks_keep_and_none_of_it_is_a_programs(kernel: Kernel) -> None:
    code = "with mainstage.Run('<script>alert(1)</script>') as run:\n    time.sleep(0.6)\n    run.submit(job, '<i>')"
    page = kernel.run(code).pictures()[-1].content["data"]["text/html"]
    assert set(re.findall(r"</?([a-z]+)", page)) <= {"pre", "span", "details", "summary"}
    assert "&lt;script&gt;" in page


# --- rates ---


@pytest.mark.parametrize(
    "code",
    [
        (
            "with mainstage.Run(max_workers=2) as run:\n"
            "    futures = [run.submit(job, n, 0.2) for n in range(2)]\n    time.sleep(2.5)"
        ),
        (
            "async with mainstage.Run(max_workers=2) as run:\n"
            "    futures = [run.submit(job, n, 0.2) for n in range(2)]\n    await asyncio.sleep(2.5)"
        ),
        "with mainstage.Run(max_workers=2) as run:\n    list(run.map(job, range(2), [0.25] * 2))",
    ],
    ids=["blocking", "awaiting", "in a call of ours"],
)
def test_pictures_come_about_ten_times_a_second_wherever_the_cell_stands(kernel: Kernel, code: str) -> None:
    cell = kernel.run(code)
    assert least_and_most(cell.pictures(), cell.seconds - 0.5)


def test_pictures_go_on_while_no_cell_runs_and_the_cell_that_leaves_the_run_has_the_last(kernel: Kernel) -> None:
    began = kernel.run(LATER % 8)
    meanwhile = pictures(kernel.watch(2.0))
    assert least_and_most(meanwhile, 1.5)
    shown = kernel.run(LEAVE).pictures()
    assert shown[-1].plain.endswith("8 done in " + shown[-1].plain.rpartition("8 done in ")[2])
    ids = {m.content["transient"]["display_id"] for m in (*began.pictures(), *meanwhile, *shown)}
    assert len(ids) == 1


def test_a_picture_that_stands_still_is_not_sent(kernel: Kernel) -> None:
    cell = kernel.run("with mainstage.Run() as run:\n    run.submit(time.sleep, 2.5).result()")
    assert len(cell.pictures()) <= 6


# --- text ---


def test_prints_are_whole_in_order_and_in_the_cell_under_pictures(kernel: Kernel) -> None:
    cell = kernel.run(
        "def chatter(name):\n"
        "    with mainstage.task(name, total=1000) as task:\n"
        "        for n in range(1000):\n            print('line', n)\n            task.advance()\n"
        "            time.sleep(0.001)\n"
        "with mainstage.Run(max_workers=3) as run:\n"
        "    futures = [run.submit(chatter, f'task {n}') for n in range(3)]\n"
        "    for n in range(4000):\n        print('mine', n)\n"
    )
    lines = cell.printed().splitlines()
    assert [line for line in lines if line.startswith("mine")] == [f"mine {n}" for n in range(4000)]
    for number in range(3):
        mine = [line for line in lines if line.startswith(f"task {number} │ ")]
        assert mine == [f"task {number} │ line {n}" for n in range(1000)]
    assert len(lines) == 7000
    assert [m for m in cell.messages if m.kind == "stream" and m.cell != cell.id] == []


def test_a_print_of_a_cell_is_in_that_cell_and_the_text_of_a_run_of_another_is_in_its_picture(kernel: Kernel) -> None:
    first = kernel.run((LATER % 4) + "\nprint('first')")
    second = kernel.run("print('second')\ntime.sleep(0.9)\nprint('end of second')")
    third = kernel.run(f"print('third')\n{LEAVE}")
    assert first.printed() == "first\n"
    assert second.printed() == "second\nend of second\n"
    assert third.printed() == "third\n"
    last = third.pictures()[-1].plain
    assert sorted(line for line in last.splitlines() if "made" in line) == [f"job {n} │ made {n}" for n in range(4)]
    assert "4 done" in last.splitlines()[-1]


def test_a_programs_displays_keep_their_place_between_its_prints(kernel: Kernel) -> None:
    cell = kernel.run(
        "from IPython.display import display\nimport sys\n"
        "with mainstage.Run() as run:\n    future = run.submit(job, 1)\n"
        "    print('before')\n    display({'a': 1})\n    print('after', end='')\n    print(' it', file=sys.stderr)\n"
        "    print('.')\n"
    )
    order = [m.content.get("text", "") or m.plain for m in cell.messages if m.kind in ("stream", "display_data")]
    text = "|".join(order)
    assert text.index("before\n") < text.index("{'a': 1}") < text.index("after")
    assert " it\n" in cell.printed("stderr")


def test_text_of_tasks_comes_into_no_line_of_the_programs(kernel: Kernel) -> None:
    code = (
        "with mainstage.Run() as run:\n    print('counting:', end=' ')\n"
        "    run.submit(print, 'from a task')\n    time.sleep(0.3)\n    print('done')\n"
    )
    assert kernel.run(code).printed() == "counting: done\nfrom a task\n"


def test_a_bare_threads_prints_are_whole_lines(kernel: Kernel) -> None:
    cell = kernel.run(
        "def talk(name):\n    for n in range(300):\n        print(name, n)\n"
        "with mainstage.Run() as run:\n"
        "    threads = [threading.Thread(target=talk, args=(name,)) for name in 'abc']\n"
        "    for one in threads: one.start()\n    for one in threads: one.join()\n"
    )
    lines = cell.printed().splitlines()
    assert sorted(lines) == sorted(f"{name} {n}" for name in "abc" for n in range(300))


# --- several cells ---


def test_the_run_as_last_line_of_a_cell_is_shown_there_too(kernel: Kernel) -> None:
    kernel.run(LATER % 6)
    again = kernel.run("run")
    shown = again.pictures()
    assert [m.kind for m in shown].count("display_data") == 1
    assert "later" in pictures(kernel.watch(0.5))[-1].plain
    last = kernel.run(LEAVE).pictures()[-1]
    assert last.content["transient"] == shown[0].content["transient"]
    over = kernel.run("run").pictures()
    assert [m.kind for m in over] == ["display_data"]
    assert "6 done" in over[0].plain


def test_a_run_that_was_never_entered_has_its_repr(kernel: Kernel) -> None:
    cell = kernel.run("mainstage.Run('idle')")
    (result,) = [m for m in cell.messages if m.kind == "execute_result"]
    assert result.plain.startswith("<mainstage.run.run.Run")


def test_a_run_inside_another_cells_run_is_seen_in_its_own_cell(kernel: Kernel) -> None:
    kernel.run(LATER % 6)
    cell = kernel.run("list(mainstage.map(job, range(3)))")
    assert [m.kind for m in cell.pictures()].count("display_data") == 1
    kernel.run(LEAVE)


# --- stop ---


@pytest.mark.parametrize(
    "code",
    [
        (
            "with mainstage.Run('night', max_workers=2) as run:\n"
            "    futures = [run.submit(job, n) for n in range(200)]\n"
            "    run.wait(futures)"
        ),
        (
            "with mainstage.Run('night', max_workers=2) as run:\n"
            "    futures = [run.submit(job, n) for n in range(200)]\n"
            "    time.sleep(60)"
        ),
        "results = []\nfor result in mainstage.map(job, range(200), max_workers=2):\n    results.append(result)",
        (
            "async with mainstage.Run('night', max_workers=2) as run:\n"
            "    futures = [run.submit(job, n) for n in range(200)]\n    await asyncio.sleep(60)"
        ),
        (
            "async with mainstage.Run('night', max_workers=2) as run:\n"
            "    futures = [run.submit(job, n) for n in range(200)]\n    run.wait(futures)"
        ),
        "for _ in mainstage.track(range(1000), 'night'):\n    time.sleep(0.05)",
        "await aio.gather(*[ajob(n) for n in range(2)], asyncio.sleep(60))",
    ],
    ids=["wait", "sleep", "map", "await", "wait in a coroutine", "track", "gather"],
)
def test_stop_ends_the_cell_soon_with_results_kept_and_none_of_our_frames(kernel: Kernel, code: str) -> None:
    pressed: list[float] = []

    def press(message: Message) -> bool:
        due = is_picture(message) and message.at > 1.2
        if due and not pressed:
            pressed.append(message.at)
        return due

    cell = kernel.run(code, stop_at=press)
    assert cell.reply["status"] == "error"
    assert cell.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert cell.seconds - pressed[0] < 1.5  # a second, and what a busy machine adds
    assert "mainstage/" not in cell.traceback
    last = cell.pictures()[-1].plain
    assert "Run(" not in code or "stopped by Ctrl-C" in last
    after = kernel.run(
        "time.sleep(0.2)\nprint([t.name for t in threading.enumerate() if t.name.startswith('thread-')])"
    )
    assert after.printed() == "[]\n"
    if "Run(" in code:
        assert kernel.run("print(sorted(run.results)[:2])").printed() == "[0, 1]\n"


def test_stop_in_a_cell_after_the_runs_own_stops_what_waits_there(kernel: Kernel) -> None:
    kernel.run(LATER % 100)
    cell = kernel.run("run.wait(futures)", stop_at=is_picture)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    kernel.run(LEAVE)


# --- what else cells do ---


def test_a_fork_in_a_cell_sends_nothing_and_its_own_runs_are_plain(kernel: Kernel) -> None:
    cell = kernel.run(
        "with mainstage.Run('parent') as run:\n    future = run.submit(job, 1)\n    time.sleep(0.6)\n"
        "    child = os.fork()\n    if not child:\n"
        "        for _ in mainstage.track(range(3), 'child'): time.sleep(0.3)\n        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
    )
    assert all("child" not in m.plain for m in cell.pictures())
    assert cell.pictures()[-1].plain.startswith("✓ parent: 1 done")


def test_a_prompt_in_a_cell_is_answered_while_a_run_is_live(kernel: Kernel) -> None:
    cell = kernel.run(
        "with mainstage.Run('asking') as run:\n    future = run.submit(job, 1)\n    print(input('name? ').upper())",
        answer="world",
    )
    assert "WORLD\n" in cell.printed()


@pytest.mark.parametrize(
    ("view", "pattern"),
    [
        ("plain", r"nightly: started[\s\S]*nightly: 4 done|nightly[\s\S]*4 done"),
        ("json", r'\{"type":"mainstage"|"schema"'),
        ("silent", "^$"),
    ],
)
def test_other_views_write_into_the_cell_too(kernel: Kernel, view: str, pattern: str) -> None:
    cell = kernel.run(
        f"with mainstage.Run('nightly', view='{view}', max_workers=2) as run:\n"
        "    list(run.map(abs, range(4)))\n    time.sleep(0.6)"
    )
    assert cell.pictures() == []
    assert re.search(pattern, cell.printed() + cell.printed("stderr"))


def test_a_raw_queue_of_a_cell_without_await_is_one_of_threads(kernel: Kernel) -> None:
    cell = kernel.run(
        "with mainstage.Run() as run:\n    queue = run.queue(total=2)\n"
        "    threading.Thread(target=lambda: [queue.put(1), queue.put(1)]).start()\n    print(type(queue).__name__)"
    )
    assert cell.printed() == "RawQueue\n"


def test_capture_false_leaves_the_programs_text_alone(kernel: Kernel) -> None:
    cell = kernel.run(
        "with mainstage.Run('x', capture=False) as run:\n    run.submit(job, 1).result()\n    print('mine')"
    )
    assert "made 1\n" in cell.printed()
    assert "mine\n" in cell.printed()


def test_a_second_kernel_command_runs_in_a_subshell_beside_the_first() -> None:
    with Kernel() as kernel:
        kernel.run(JOBS)
        subshell = kernel.subshell()
        if subshell is None:
            pytest.skip("this ipykernel has no subshells")
        cell = kernel.run("list(mainstage.map(job, range(4), max_workers=2))\nprint('sub')", subshell=subshell)
        assert cell.printed().endswith("sub\n")
        assert cell.pictures()[-1].plain.startswith("✓ 4 done in")
        assert {m.cell for m in cell.pictures()} == {cell.id}
