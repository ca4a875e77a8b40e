"""How good an ETA is: made and recorded workloads whose end is known, beside an oracle, tqdm and Rich.

`python -m bench.eta`. `runs` has what a workload is and what of it can be seen, `laws` the workloads with the oracle of
each, `peers` the estimators of tqdm and Rich, `score` the figures. No estimator sees more than a display would.
"""
