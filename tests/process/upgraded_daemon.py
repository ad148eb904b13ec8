"""The daemon of a later version, which reads the layout that its elder could not.

The simulated gateway of the test writes the sides of executions in another way than any gateway
does so far. This program is the one that ships, with that one thing known to it. ``KILL_AFTER``
names a kind of event: the first of it reaches the disk, nothing behind it does, and the process
kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable

from trader.cli import main
from trader.core.events import Recorded
from trader.core.ids import Seq
from trader.core.intents import Side
from trader.ibkr import translate
from trader.store.journal import SqliteJournal

NEW_SIDES = {"BOTX": Side.BUY, "SLDX": Side.SELL}
Append = Callable[[SqliteJournal, Recorded], None]
Durable = Callable[[SqliteJournal, Seq], Awaitable[None]]


def cut_off(append: Append, durable: Durable, kind: str) -> tuple[Append, Durable]:
    """Return both with the journal ending at the first event of a kind, and the process there."""
    last: list[Seq] = []

    def appended(self: SqliteJournal, recorded: Recorded) -> None:
        if last:
            return
        append(self, recorded)
        if type(recorded.event).__name__ == kind:
            last.append(recorded.seq)

    async def awaited(self: SqliteJournal, seq: Seq) -> None:
        if not last or seq < last[0]:
            await durable(self, seq)
            return
        await durable(self, last[0])
        os.kill(os.getpid(), signal.SIGKILL)

    return appended, awaited


if __name__ == "__main__":
    vars(translate)["_EXECUTION_SIDES"].update(NEW_SIDES)
    if os.environ.get("KILL_AFTER"):
        ends = cut_off(SqliteJournal.append, SqliteJournal.durable, os.environ["KILL_AFTER"])
        setattr(SqliteJournal, "append", ends[0])  # noqa: B010
        setattr(SqliteJournal, "durable", ends[1])  # noqa: B010
    sys.exit(main())
