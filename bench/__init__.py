"""The budget of docs/design.md, row by row, each beside its peers: `python -m bench`."""
