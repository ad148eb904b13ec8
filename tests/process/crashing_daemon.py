"""The daemon, with one point in it at which it kills itself.

``CRASH_POINT`` names the point, ``CRASH_AT`` how many sends go well before it, and ``CRASH_IN``
whether sends are orders (``place``) or changes (``modify``). Only one method of the real broker, or
of the real journal, is wrapped; everything else is the program as it ships.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from trader.cli import main
from trader.core.events import ModifyPlanned, OrderPlanned, Recorded
from trader.ibkr.broker import IbkrBroker
from trader.store.journal import SqliteJournal

BEFORE_THE_PROMISE = "before-the-promise"
BEFORE_THE_WRITE = "before-the-write"
AFTER_THE_WRITE = "after-the-write"
PROMISES: dict[str, type] = {"place": OrderPlanned, "modify": ModifyPlanned}
Send = Callable[[Any, Any], None]


def crashing(send: Send, point: str, at: int) -> Send:
    """Return ``send`` with SIGKILL before or after its ``at``-th call."""
    calls = 0

    def replacement(self: Any, what: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at and point == BEFORE_THE_WRITE:
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, what)
        if calls == at and point == AFTER_THE_WRITE:
            os.kill(os.getpid(), signal.SIGKILL)

    return replacement


def without_promise(append: Send, promise: type, at: int) -> Send:
    """Return ``append`` with SIGKILL before the ``at``-th promise of a kind is written."""
    calls = 0

    def replacement(self: Any, recorded: Recorded) -> None:
        nonlocal calls
        calls += isinstance(recorded.event, promise)
        if calls == at and isinstance(recorded.event, promise):
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, recorded)

    return replacement


def crash(point: str, at: int, method: str) -> None:
    """Put the crash into the program."""
    owner: type = IbkrBroker
    if point == BEFORE_THE_PROMISE:
        owner, name = SqliteJournal, "append"
        wrapped = without_promise(SqliteJournal.append, PROMISES[method], at)
    else:
        name, wrapped = method, crashing(getattr(IbkrBroker, method), point, at)
    setattr(owner, name, wrapped)


if __name__ == "__main__":
    crash(
        os.environ["CRASH_POINT"], int(os.environ["CRASH_AT"]), os.environ.get("CRASH_IN", "place")
    )
    sys.exit(main())
