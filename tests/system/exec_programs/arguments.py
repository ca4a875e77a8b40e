"""Options of its own, a message for stderr, a status. Usage: arguments.py [-v] [--view VIEW] NAME [NAME ...]."""

import argparse
import atexit
import sys

parser = argparse.ArgumentParser()
parser.add_argument("-v", action="store_true")
parser.add_argument("--view", default="none")
parser.add_argument("names", nargs="*")
args = parser.parse_args()
atexit.register(print, "at the exit")
print(args.v, args.view, args.names)
print(len(sys.argv), sys.path[0], sorted(globals()))
print(__name__, __file__, __spec__, __package__, __builtins__.__name__, sys.modules["__main__"].parser is parser)
sys.exit(3 if args.v else "an error, told in words")
