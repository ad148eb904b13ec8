"""The daemon, killed at one step of sending a bracket: ``BRACKET_POINT`` names it.

``promise-N``: before the N-th promise of an order reaches the journal. ``promised``: all three are
durable and nothing is written. ``frames-N``: so many of the three messages are on the wire, and a
part of the next. ``written``: all three are.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from trader.cli import main
from trader.core.events import OrderPlanned, Recorded
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.client import ApiClient
from trader.store.journal import SqliteJournal


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_before_promise(number: int) -> None:
    append, seen = SqliteJournal.append, [0]

    def replacement(self: SqliteJournal, recorded: Recorded) -> None:
        seen[0] += isinstance(recorded.event, OrderPlanned)
        if seen[0] == number:
            _die()
        append(self, recorded)

    setattr(SqliteJournal, "append", replacement)  # noqa: B010


def _kill_after_frames(count: int) -> None:
    def replacement(self: ApiClient, transport: Any, data: bytes) -> None:
        end = 0
        for _ in range(count):
            end += 4 + int.from_bytes(data[end : end + 4], "big")
        # And some bytes of the next: a write can end anywhere.
        transport.write(data[: end + 7] if end < len(data) else data)
        _die()

    place = IbkrBroker.place_bracket

    def placing(self: IbkrBroker, orders: Any) -> None:
        setattr(ApiClient, "_write", replacement)  # noqa: B010
        place(self, orders)

    setattr(IbkrBroker, "place_bracket", placing)  # noqa: B010


def _kill_before_writing() -> None:
    setattr(IbkrBroker, "place_bracket", lambda self, orders: _die())  # noqa: B010


if __name__ == "__main__":
    point, _, number = os.environ["BRACKET_POINT"].partition("-")
    if point == "promise":
        _kill_before_promise(int(number))
    elif point == "promised":
        _kill_before_writing()
    else:
        _kill_after_frames(int(number) if number else 3)
    sys.exit(main())
