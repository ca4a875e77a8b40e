"""`python -m mainstage` is the same command as `mainstage`."""

from __future__ import annotations

from mainstage.cli.main import main

if __name__ == "__main__":
    main()
