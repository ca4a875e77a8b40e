"""Measure areas on four threads with joblib, which writes a line now and then."""

import time

import mainstage
from joblib import Parallel, delayed


def area(side):
    time.sleep(0.25)
    return side * side


with mainstage.joblib("areas"):
    areas = Parallel(n_jobs=4, backend="threading", verbose=5)([delayed(area)(side) for side in range(30)])
print(f"total {sum(areas)}")
