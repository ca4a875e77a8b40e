"""The command: `mainstage map`, `mainstage demo`; `python -m mainstage` is the same."""
