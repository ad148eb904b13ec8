"""The daemon, with one point in it at which it kills itself.

``CRASH_POINT`` names the point, ``CRASH_AT`` how many sends before it go well. Only one method
of the real broker is wrapped; everything else is the program as it ships.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from trader.cli import main
from trader.core.risk import ApprovedOrder
from trader.ibkr.broker import IbkrBroker

BEFORE_THE_WRITE = "before-the-write"
AFTER_THE_WRITE = "after-the-write"
Place = Callable[[IbkrBroker, ApprovedOrder], None]


def crashing(place: Place, point: str, at: int) -> Place:
    """Return ``place`` with SIGKILL before or after its ``at``-th call."""
    calls = 0

    def replacement(self: IbkrBroker, order: ApprovedOrder) -> None:
        nonlocal calls
        calls += 1
        if calls == at and point == BEFORE_THE_WRITE:
            os.kill(os.getpid(), signal.SIGKILL)
        place(self, order)
        if calls == at and point == AFTER_THE_WRITE:
            os.kill(os.getpid(), signal.SIGKILL)

    return replacement


if __name__ == "__main__":
    wrapped = crashing(IbkrBroker.place, os.environ["CRASH_POINT"], int(os.environ["CRASH_AT"]))
    setattr(IbkrBroker, "place", wrapped)  # noqa: B010 - mypy allows no assignment to a method
    sys.exit(main())
