"""`python -m trader.sim`."""

import gc
import sys

# What modules define stays: to look for garbage among it while they load is a third of a start.
gc.disable()
from trader.sim.command import main

gc.freeze()
gc.enable()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
