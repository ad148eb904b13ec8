"""The daemon with an event loop that blocks for as long as a file says: ``python -m`` this."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from trader.cli import main
from trader.engine.told.board import Board

WEDGE = "TEST_WEDGE_FILE"


def _blocking(sample: object) -> object:
    def sample_equity(self: Board) -> None:
        path = Path(os.environ[WEDGE])
        if path.exists():
            seconds = float(path.read_text())
            path.unlink()
            # A system call that does not come back, as on a hanging network file system.
            time.sleep(seconds)
        sample(self)  # type: ignore[operator]

    return sample_equity


if __name__ == "__main__":
    Board.sample_equity = _blocking(Board.sample_equity)  # type: ignore[method-assign,assignment]
    sys.exit(main())
