"""Streams and functions of the standard library, sent to other processes the ways that people send them."""

import functools
import multiprocessing
import os
import pickle
import sys

import cloudpickle
import joblib

try:
    import dill
except ImportError:
    dill = cloudpickle


def tell(word, out=sys.stdout):
    out.write(f"a worker says {word}\n")
    out.flush()
    return os.getpid()


def main():
    for pickler in (cloudpickle, dill):
        for stream in (sys.stdout, sys.stderr):
            assert pickler.loads(pickler.dumps(stream)) is stream
    for function in (os._exit, os.execv, input):
        assert pickle.loads(pickle.dumps(function)) is function
    try:
        pickle.dumps(sys.stdout)
    except TypeError:
        print("plain pickle refuses")
    found = joblib.Parallel(n_jobs=2)([joblib.delayed(functools.partial(tell, out=sys.stdout))("hello")] * 2)
    print("from here:", os.getpid() in found)
    child = multiprocessing.get_context("spawn").Process(target=os._exit, args=(5,))
    child.start()
    child.join()
    print("the child ended with", child.exitcode)


if __name__ == "__main__":
    main()
