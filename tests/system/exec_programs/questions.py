"""Questions, asked in two ways. Usage: questions.py."""

import sys

name = input("Your name? ")
print(f"Hello {name}.", "And your town?", end=" ", flush=True)
town = sys.stdin.readline().strip()
print(f"{town} is far away.")
print("left over:", repr(sys.stdin.read()) if not sys.stdin.isatty() else "nothing")
