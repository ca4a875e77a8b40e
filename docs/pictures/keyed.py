"""examples/dashboard.py with keys."""

# ruff: noqa: INP001  # a program as users write them

from __future__ import annotations

import dashboard

import mainstage

if __name__ == "__main__":
    with mainstage.Run("survey", max_workers=5, keys=True, on_error="skip") as run:
        list(run.map(dashboard.survey, dashboard.ROWS))
