"""``python -m trader``."""

import sys

from trader.cli import main

if __name__ == "__main__":
    sys.exit(main())
