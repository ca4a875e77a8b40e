"""Measure areas in two processes with joblib, which writes a line now and then."""

import time

import mainstage
from joblib import Parallel, delayed


def area(side):
    time.sleep(0.3)
    return side * side


with mainstage.joblib("areas"):
    areas = Parallel(n_jobs=2, verbose=5)([delayed(area)(side) for side in range(12)])
print(f"total {sum(areas)}")
