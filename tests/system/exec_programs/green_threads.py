"""Everything of the standard library that gevent or eventlet replaces, in use."""

import sys
import warnings

if sys.argv[1] == "gevent":
    import gevent.monkey

    gevent.monkey.patch_all()
    spawn, spawn_later, value_of = gevent.spawn, gevent.spawn_later, gevent.Greenlet.get
else:
    warnings.simplefilter("ignore")
    import eventlet

    eventlet.monkey_patch()
    spawn, spawn_later, value_of = eventlet.spawn, eventlet.spawn_after, eventlet.greenthread.GreenThread.wait

import os
import queue
import select
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

PAUSE = float(sys.argv[2])


def work(n):
    time.sleep(PAUSE)
    return n * n


print("threads:", threading.active_count(), threading.current_thread() is threading.main_thread())
jobs = [spawn(work, n) for n in range(3)]
print("green:", [value_of(job) for job in jobs])
for _ in tqdm(range(20), desc="steps"):
    time.sleep(PAUSE)
with ThreadPoolExecutor(3) as pool:
    print("pool:", list(pool.map(work, range(9))))
ready, words = threading.Event(), queue.Queue()
thread = threading.Thread(target=lambda: (time.sleep(PAUSE), words.put("a word"), ready.set()))
thread.start()
ready.wait()
print("thread:", words.get(), thread.join(), thread.is_alive())
print("child:", subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout)
child = os.fork()
if not child:
    os._exit(3)
print("forked:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
here, there = socket.socketpair()
spawn_later(PAUSE, there.send, b"x")
print("select:", select.select([here], [], [], 5)[0] == [here], here.recv(1))
signal.signal(signal.SIGUSR1, lambda *_: print("signal: caught"))
spawn_later(PAUSE, os.kill, os.getpid(), signal.SIGUSR1)
time.sleep(2 * PAUSE + 0.05)
print("threads:", threading.active_count())
