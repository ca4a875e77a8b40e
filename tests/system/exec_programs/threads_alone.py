"""Threads that print, in whole lines and in pieces, in a program that has no tasks."""

import logging
import sys
import threading

said = threading.Lock()


def talk(name):
    for n in range(3):
        with said:
            print(name, "line", n)
            sys.stdout.write(f"{name} in ")
            sys.stdout.flush()
            sys.stdout.write("pieces\n")


logging.basicConfig(stream=sys.stdout, format="%(threadName)s: %(message)s")
for name in ("first", "second"):
    thread = threading.Thread(target=talk, args=(name,), name=name)
    thread.start()
    thread.join()
threading.Thread(target=logging.warning, args=("logged",), name="third").start()
