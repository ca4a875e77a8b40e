"""How the owner bears up: simulated workers by the thousand report to a real owner, in simulated time.

What runs is real on both sides of the channel: a worker's station, tasks, cells and batches (`backends/engine_worker`,
`channels/remote`), and the run's backend for engines, map, loop, state, view and terminal. What is simulated is what
lies between, an engine that hands out pieces and carries bytes with a delay, and the clock. The owner's own computing
takes simulated time: what comes meanwhile waits, as it would.
"""
