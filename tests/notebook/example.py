"""The notebook in examples/, and what makes its saved form: `python -m tests.notebook.example`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import nbclient
import nbformat

ROOT = Path(__file__).parents[2]
FILE: Final = ROOT / "examples" / "notebook.ipynb"
TRACEBACK_FILE: Final = "ipykernel"


def executed() -> Any:
    """Return the notebook, executed anew as it stands."""
    os.environ["PYTHONPATH"] = str(ROOT / "src")
    read: Any = nbformat.read
    notebook = read(FILE, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", allow_errors=False, record_timing=False
    ).execute()
    nbformat.validate(notebook)
    return notebook


def displays(notebook: Any) -> list[list[str]]:
    """Return the plain texts of what each cell has shown by displays."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        [o["data"].get("text/plain", "") for o in cell.outputs if o["output_type"] == "display_data"] for cell in cells
    ]


def main() -> None:
    """Execute it, and save it with what it has shown."""
    notebook = executed()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    write: Any = nbformat.write
    write(notebook, FILE)


if __name__ == "__main__":
    main()
