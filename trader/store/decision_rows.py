"""The decisions that a journal holds, as the rows that a replay and a shadow write of theirs.

They are given one by one as they are read: only the newest orders and verdicts are kept meanwhile.
"""

import sqlite3
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from trader.core.decisions import Row, rows_of
from trader.core.events import DaemonStarted, IntentReviewed, OrderPlanned, Recorded
from trader.core.ids import ConId, OrderId
from trader.core.orders import OrderTerms
from trader.core.parity.spans import Span
from trader.store.archives import history
from trader.store.onlooker import EVENT_ROWS, describe
from trader.store.rows import JournalUnusable, recorded_of

_KINDS = (
    "IntentReviewed", "OrderPlanned", "ModifyPlanned", "CancelSent", "ExecutionSeen",
    "CommissionSeen", "StrategyFailed",
)  # fmt: skip
_EVENTS = (
    f"{EVENT_ROWS}WHERE kind IN ({', '.join('?' * len(_KINDS))}) AND at_us BETWEEN ? AND ? "
    "ORDER BY seq"
)
_SYMBOLS = (
    "SELECT DISTINCT json_extract(payload, '$.terms.con_id'), json_extract(payload, "
    "'$.terms.symbol') FROM events WHERE kind = 'OrderPlanned'"
)
_STARTS = f"{EVENT_ROWS}WHERE kind = 'DaemonStarted' ORDER BY seq"
# What a process was the last to write; who restores or archives is none.
_LAST = (
    "SELECT at_us FROM events WHERE seq >= ? AND seq < ? AND kind NOT IN "
    "('JournalRestored', 'JournalArchived', 'JournalOpened') ORDER BY seq DESC LIMIT 1"
)
_COUNTS = "SELECT count(*), min(seq), max(seq) FROM events"
_NO_END = 2**62
# So many orders and verdicts may come before a cancel or a second look at an intent.
_KEPT_MAX = 5_000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Newest(Generic[K, V]):
    """The newest of what was told, and no more of it than a number."""

    def __init__(self) -> None:
        self._kept: dict[K, V] = {}

    def put(self, key: K, value: V) -> None:
        self._kept.pop(key, None)
        self._kept[key] = value
        if len(self._kept) > _KEPT_MAX:
            del self._kept[next(iter(self._kept))]

    def get(self, key: K) -> V | None:
        return self._kept.get(key)


@dataclass(frozen=True, slots=True)
class JournalDecisions:
    """A journal at one moment of it, and what it knows of itself."""

    db: sqlite3.Connection
    path: Path
    spans: tuple[Span, ...]
    # What contracts are called, of those that were ever ordered.
    symbols: dict[ConId, str]

    def rows(self, first_us: int, last_us: int) -> Iterator[Row]:
        """Give the rows of a stretch of time, in their order; raises JournalUnusable."""
        terms: _Newest[OrderId, OrderTerms] = _Newest()
        seen: _Newest[str, bool] = _Newest()

        def symbol_of(con_id: ConId) -> str:
            # Of what was refused and never ordered the journal has the contract alone.
            return self.symbols.get(con_id, str(con_id))

        for row in self.db.execute(_EVENTS, (*_KINDS, first_us, last_us)):
            recorded = recorded_of(row)
            if isinstance(recorded.event, OrderPlanned):
                terms.put(recorded.event.order_id, recorded.event.terms)
            if not _is_repeated(recorded, seen):
                yield from rows_of(recorded, terms.get, symbol_of)


@contextmanager
def journal_decisions(path: Path) -> Iterator[JournalDecisions]:
    """Open a journal, with its archives, for its decisions; raises JournalUnusable."""
    try:
        with history(path) as db:
            found = db.execute(_SYMBOLS)
            symbols = {ConId(con_id): str(symbol) for con_id, symbol in found}
            yield JournalDecisions(db, path, tuple(_spans(db)), symbols)
    except sqlite3.Error as error:
        raise JournalUnusable(f"{path}: {describe(error)}") from error


def must_be_whole(read: JournalDecisions) -> None:
    """Raise JournalUnusable where events are missing in the row."""
    ((count, first, last),) = read.db.execute(_COUNTS)
    if count and count != last - first + 1:
        raise JournalUnusable(
            f"{read.path}: {last - first + 1 - count} of the events {first} to {last} are missing; "
            "`trader verify` says which"
        )


def decisions_in(path: Path, first_us: int, last_us: int) -> tuple[Row, ...]:
    """Return the rows of a stretch of time; raises JournalUnusable."""
    with journal_decisions(path) as read:
        return tuple(read.rows(first_us, last_us))


def _spans(db: sqlite3.Connection) -> Iterator[Span]:
    """Give each process that wrote the journal, with the last that is there of it."""
    starts = [recorded_of(row) for row in db.execute(_STARTS)]
    if not starts:
        return
    ends = [int(recorded.seq) for recorded in starts[1:]]
    for recorded, end in zip(starts, [*ends, _NO_END], strict=True):
        event = recorded.event
        assert isinstance(event, DaemonStarted), "asked for by its kind"
        ((first_us,),) = db.execute("SELECT at_us FROM events WHERE seq = ?", (recorded.seq,))
        ((last_us,),) = db.execute(_LAST, (recorded.seq, end))
        yield Span(
            first_us=first_us,
            # A clock that was set back: what it wrote behind that lies before its beginning.
            last_us=max(first_us, last_us),
            mode=str(event.mode),
            account=str(event.account),
            strategies=tuple(map(str, event.strategies)),
            is_shadow=False,
            problem="" if event.mode.may_send else f"mode {event.mode} sends nothing",
        )


def _is_repeated(recorded: Recorded, seen: _Newest[str, bool]) -> bool:
    """Tell whether an intent was reviewed before: the first verdict is its own."""
    event = recorded.event
    if not isinstance(event, IntentReviewed):
        return False
    name = str(event.intent.intent_id)
    is_repeated = seen.get(name) is not None
    seen.put(name, True)
    return is_repeated
