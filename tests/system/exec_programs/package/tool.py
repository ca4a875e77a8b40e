"""Runs a function of its own in a process that is started anew. Usage: python -m package.tool."""

import multiprocessing
import sys

from .words import shout


def told(queue):
    queue.put(f"{shout('child')} {__name__}")


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=told, args=(queue,))
    child.start()
    child.join()
    print("nothing" if queue.empty() else queue.get(), child.exitcode)
    print(__spec__.name, __package__, __file__, sys.argv, sys.path[0])
