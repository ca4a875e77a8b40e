"""Every function of the package that writes, and why what it writes is safe: no sink has a road around its door.

A new one fails here until it is listed with the door that its text has passed, and the door is in the fuzz of texts
(`tests/faults/texts.py`).
"""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "mainstage"
WRITES = {"write", "writelines", "writev", "print", "echo", "secho", "print_exception", "print_exc"}

DISPLAY = "bytes of a display, whose foreign text has passed `ansi.clean` and on a CI service `runner.defused`"
LOG = "lines that `LogFile.write` has cleaned"
EVENTS = "JSON lines, made printable by the codec"
SAY = "the command's one door"
JOURNAL = "a batch of events in a file of its own: whoever shows it takes the doors of a display"
DATA = "JSON or quoted words, in printable ASCII"
OWN = "the program's own text, to the stream that the program wrote it to"
INTERNAL = "bytes between our own threads and processes"

DOORS: dict[str, str | dict[str, str]] = {
    "channels/": INTERNAL,
    "cli/failures.py": {"_print": "Rich, into a text that goes through `say`"},
    "cli/journal.py": {"_print_events": EVENTS},
    "cli/map.py": {"_write": DATA},
    "cli/report.py": {"report_command": DATA},
    "cli/resumable_results.py": {
        "_copy": DATA,
        "write_fully": "data: results, and what inputs wrote, into files of their own",
    },
    "cli/script.py": {"report": "a traceback of the program's own, as the interpreter would write it"},
    "cli/shell.py": {"say": SAY},
    "core/fork.py": {"_status_of": "the last words of a child that the program forked, as the interpreter's"},
    "journal/report_at_end.py": {"_write": "Markdown and HTML, where all text of the run's is escaped"},
    "journal/follow.py": {"close": INTERNAL},
    "journal/writer.py": {"_append": JOURNAL, "_stop": JOURNAL},
    "pool/": INTERNAL,
    "pool/processes/standalone.py": OWN,
    "rich.py": OWN,
    "run/exit.py": {"_name_what_holds": "names of threads, cleaned there: nothing of a display is left"},
    "tasks/capture/streams.py": OWN,
    "tasks/integrations/rich.py": OWN,
    "tqdm/": "lines of bars as text, to streams other than the program's own: as tqdm writes them",
    "ui/brief.py": {"_write": DISPLAY},
    "ui/display/jsonl.py": {"_line": EVENTS},
    "ui/display/keyboard.py": {"_ring": INTERNAL},
    "ui/display/logfile.py": {"_put": LOG},
    "ui/display/marimo.py": {"_print": DISPLAY},
    "ui/display/notebook.py": {"_print": DISPLAY},
    "ui/display/runlog.py": {"_write": LOG},
    "ui/display/stream.py": {"_append": DISPLAY, "write": DISPLAY},
    "ui/display/terminal.py": {"_send": DISPLAY},
    "ui/display/tty.py": {"write_all": DISPLAY, "writer": DISPLAY},
}
"""By file, or folder; all of its functions by one reason where none meets foreign text on its way to a reader."""


def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def is_of_os(node: ast.AST) -> bool:
    """Return whether it is `os.write`, or the one that others have not patched, called or handed on."""
    return (
        isinstance(node, ast.Attribute) and node.attr in WRITES and getattr(node.value, "id", "") in ("os", "unpatched")
    )


def writers(tree: ast.Module) -> set[str]:
    """Return the innermost functions that call, or hand on, something which writes."""
    found: set[str] = set()

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = node.name
        if (isinstance(node, ast.Call) and name_of(node) in WRITES) or is_of_os(node):
            found.add(function)
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(tree, "")
    return found


def test_every_function_that_writes_is_listed_with_its_door() -> None:
    found = {file: functions for file, tree in trees().items() if (functions := writers(tree))}
    for file, functions in found.items():
        doors = DOORS.get(file) or DOORS.get(f"{file.partition('/')[0]}/", {})
        assert isinstance(doors, str) or functions == doors.keys(), file
    assert {file for file, doors in DOORS.items() if not isinstance(doors, str)} <= found.keys()


def test_nothing_ends_the_process_with_a_text() -> None:
    """`sys.exit(text)` is written by the interpreter, past every door."""
    texts = []
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in ("exit", "SystemExit"):
                texts += [(file, node.lineno) for given in node.args if isinstance(given, (ast.JoinedStr, ast.BinOp))]
                texts += [(file, node.lineno) for given in node.args if isinstance(getattr(given, "value", 0), str)]
    assert texts == []


def test_the_display_reads_and_writes_by_calls_that_no_library_replaces() -> None:
    """`os.read` of eventlet switches to another green thread, which is an error where the display draws."""
    patched = {
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        if path.startswith(("ui/", "run/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("read", "write") and getattr(node.value, "id", "") == "os"
    }
    assert patched == set()
