"""What python runs for the package."""

import sys

from .words import shout

print(shout("the package"), __spec__.name, __package__, __file__, sys.argv, sys.path[0])
sys.exit(5)
