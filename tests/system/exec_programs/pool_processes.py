"""A process pool of its own functions, started anew or by fork. Usage: pool_processes.py [SECONDS [METHOD]]."""

import multiprocessing
import pickle
import sys
import time
from concurrent.futures import ProcessPoolExecutor

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05
method = sys.argv[2] if len(sys.argv) > 2 else "spawn"
NUMBERS = [97, 91, 89, 87, 83, 81]


def is_prime(number: int) -> bool:
    time.sleep(6 * pause)
    return all(number % divisor for divisor in range(2, number))


def main() -> None:
    assert pickle.loads(pickle.dumps(is_prime)) is is_prime
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for number, prime in zip(NUMBERS, pool.map(is_prime, NUMBERS)):
            print(number, "is prime" if prime else "is not", flush=True)


if __name__ == "__main__":
    main()
