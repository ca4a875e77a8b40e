"""Count the primes below several numbers in worker processes."""

import time
from concurrent.futures import ProcessPoolExecutor


def primes_below(limit):
    time.sleep(0.4)
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=2) as pool:
        for limit, count in zip(range(100, 1100, 100), pool.map(primes_below, range(100, 1100, 100))):
            print(f"{count} primes below {limit}")
