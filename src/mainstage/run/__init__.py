"""One live run: the run itself, its display session, the render loop, signals, shutdown."""
