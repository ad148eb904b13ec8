"""What book and broker disagree about, and what a run does about each disagreement.

One look repairs what the broker proved, leaves pending what it does not prove, and opens a ticket
where only a person can decide. What a run could not look at stays as pending as it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core import events as ev
from trader.core.ids import ConId, OrderId, RunId, Seq, TicketId
from trader.core.policy import CashPolicy


class DriftKind(StrEnum):
    """How book and broker can disagree."""

    EXECUTION_MISSED = "execution_missed"
    EXECUTION_OWED = "execution_owed"
    STATUS_BEHIND = "status_behind"
    ORDER_ABSENT = "order_absent"
    ORDER_GHOST = "order_ghost"
    CHANGE_UNSETTLED = "change_unsettled"
    DUPLICATED = "duplicated"
    FOREIGN_ORDER = "foreign_order"
    FOREIGN_GONE = "foreign_gone"
    POSITION = "position"
    CASH = "cash"
    # Of the account's value, by two words of the broker (core/day_result.py).
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Drift:
    """One disagreement; ``repair`` is empty where one look proves nothing."""

    kind: DriftKind
    key: str
    expected: str
    observed: str
    con_id: ConId | None = None
    repair: tuple[ev.Event, ...] = ()
    # Set when a second sighting cannot prove it either, so that a person must decide.
    needs_person: bool = False
    # Set when only time can tell: it stays pending however often it is seen.
    is_waiting: bool = False
    # The order of ours that it is about, if it is about one.
    order_id: OrderId | None = None

    @property
    def subject(self) -> OrderId | tuple[str, ConId] | None:
        """Name what the book would have moved if it moved: an order, or a position."""
        if self.kind is DriftKind.POSITION and self.con_id is not None:
            return ("position", self.con_id)
        return self.order_id


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run: its id, where the book stood when it began, and what it may tolerate."""

    run_id: RunId
    mark: Seq
    # When it began: the broker's word is no older, and may be hardly younger.
    now_utc: datetime
    # How far apart two looks are before a difference of positions or cash is believed, and
    # before an order in no list is: a late order can still fill, so that takes longer.
    quiet_s: float
    absence_s: float
    policy: CashPolicy
    cash_tolerance: Decimal
    cash_adjust_max: Decimal
    # Orders that this process has missed for less than that, whatever the clock says by now.
    missed_lately: frozenset[OrderId] = frozenset()
    # Those that it has looked for in vain for longer.
    missed_long: frozenset[OrderId] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run records: repairs first, then tickets.

    ``pending`` waits for a second look, ``unseen`` for any: it was in doubt before, and this run
    could not look at it.
    """

    repairs: tuple[ev.Event, ...]
    tickets: tuple[ev.TicketOpened, ...]
    pending: tuple[Drift, ...]
    unseen: tuple[Drift, ...] = ()

    @property
    def open(self) -> tuple[Drift, ...]:
        """Return all that keeps book and broker from being known to agree."""
        return (*self.pending, *self.unseen)


# One look proves nothing of these, although the repair is known.
_SEEN_TWICE = (DriftKind.CASH, DriftKind.CHANGE_UNSETTLED)


def plan(
    drifts: Iterable[Drift],
    seen_before: frozenset[str],
    run: RunContext,
    *,
    unseen: tuple[Drift, ...] = (),
) -> Plan:
    """Turn drifts into repairs, tickets and what must be seen a second time.

    ``seen_before`` holds the :func:`sighting` of every drift that a complete run at least a
    quiet period ago left pending; ``unseen`` is what this run could not look at and that was in
    doubt, by an earlier run or because nothing is known since the link was lost.
    """
    repairs: list[ev.Event] = []
    tickets: list[ev.TicketOpened] = []
    pending: list[Drift] = []
    for drift in drifts:
        is_second = sighting(drift) in seen_before
        if drift.is_waiting:
            pending.append(drift)
        elif drift.repair and (drift.kind not in _SEEN_TWICE or is_second):
            repairs.extend(drift.repair)
        elif drift.needs_person or (not drift.repair and is_second):
            tickets.append(_ticket(drift, run))
        else:
            pending.append(drift)
        if drift.kind is DriftKind.ORDER_ABSENT and _is_first_absence(drift):
            pending.append(drift)
    return Plan(tuple(repairs), tuple(tickets), tuple(pending), unseen)


def sighting(drift: Drift) -> str:
    """Name a drift together with what was observed: a moving difference is never a second look."""
    return f"{drift.kind}|{drift.key}|{drift.expected}|{drift.observed}"


def _is_first_absence(drift: Drift) -> bool:
    return any(isinstance(event, ev.OrderAbsentSeen) for event in drift.repair)


def ticket_ending(drift: Drift) -> str:
    """Return what the id of a drift's ticket ends with, whichever run opened it."""
    return f"-{drift.kind}-{drift.key}"


def _ticket(drift: Drift, run: RunContext) -> ev.TicketOpened:
    return ev.TicketOpened(
        ticket_id=TicketId(run.run_id + ticket_ending(drift)),
        kind=drift.kind,
        con_id=drift.con_id,
        text=f"{drift.key}: expected {drift.expected}, observed {drift.observed}",
        run_id=run.run_id,
    )
