"""Generated worlds in which a broker and a journal agree, to plant differences in.

Everything here is made up; a world is drawn part by part, and both sides are built from it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import strategies as st

from trader.sim.oracle.records import (
    BrokerExecution,
    BrokerOrder,
    Cash,
    Execution,
    Frame,
    Halt,
    Journal,
    JournalCommission,
    JournalExecution,
    JournalOrder,
    Position,
    State,
    Terms,
    Truth,
)

CLIENT, PREFIX, ACCOUNT = 7, "T1-abc123-", "DUSIM1"
SYMBOLS = {5: "AAPL", 6: "IBM"}
OPENED_US, BASELINE_US, FIRST_US = 1_000, 2_000, 10_000
START_CASH = Decimal("1000000.00")
# How an order ended: what the journal says, what the broker says (None: it has no such order),
# and whether a message of it arrived.
ENDS: dict[str, tuple[State, str | None, bool]] = {
    "filled": (State.FILLED, "Filled", True),
    "cancelled": (State.CANCELLED, "Cancelled", True),
    "rejected": (State.REJECTED, "Inactive", True),
    "working": (State.WORKING, "Submitted", True),
    "cancelling": (State.CANCELLING, "PreSubmitted", True),
    "refused": (State.REJECTED, None, True),
    "swallowed": (State.CANCELLED, None, True),
    "lost": (State.CANCELLED, None, False),
    "withheld": (State.WITHHELD, None, False),
    "promised": (State.PLANNED, None, False),
}


@dataclass(slots=True)
class Draft:
    """A world while it is made."""

    orders: list[BrokerOrder] = field(default_factory=list)
    executions: list[BrokerExecution] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    promised: list[JournalOrder] = field(default_factory=list)
    booked: list[JournalExecution] = field(default_factory=list)
    paid: list[JournalCommission] = field(default_factory=list)
    held: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    cash: Decimal = START_CASH


def seq_of(number: int) -> int:
    """Return where an order was promised; it left two events later."""
    return 10 * number


def terms_of(number: int, side: str, quantity: int) -> Terms:
    """Return terms that depend on the number alone."""
    limit = Decimal("10.25") if number % 2 else None
    kind = "LMT" if limit else "MKT"
    return Terms(5 + number % 2, side, Decimal(quantity), kind, limit, None, "DAY")


def add_order(draft: Draft, number: int, end: str, side: str, parts: list[tuple[int, int]]) -> None:
    """Add one order; ``parts`` are quantity and revision of what it filled."""
    state, status, has_arrived = ENDS[end]
    rest = 0 if end == "filled" else 3
    fills = parts if end in ("filled", "cancelled", "working") else []
    terms = terms_of(number, side, sum(quantity for quantity, _ in fills) + rest)
    ref, at_us = f"{PREFIX}momentum-{number}-ffff", FIRST_US + 100 * number
    symbol = SYMBOLS[terms.con_id]
    was_sent = end not in ("withheld", "promised")
    draft.promised.append(
        JournalOrder(
            seq_of(number), at_us, number, CLIENT, ref, symbol, terms, "momentum", False,
            seq_of(number) + 2 if was_sent else None, state, broker_status=status or "",
        )
    )  # fmt: skip
    if has_arrived:
        draft.frames.append(Frame(number, CLIENT, ref, False, at_us + 5))
    for place, (quantity, revision) in enumerate(fills):
        one = Execution(
            f"0001.{number:02x}{place:02x}.{revision:02d}", terms.con_id, symbol, side,
            Decimal(quantity), Decimal("10.125") + place,
        )  # fmt: skip
        add_execution(draft, one, number, 900 + number, number)
    if status is not None:
        filled = sum((Decimal(quantity) for quantity, _ in fills), Decimal(0))
        draft.orders.append(
            BrokerOrder(number, CLIENT, 900 + number, ref, symbol, terms, status, filled, at_us + 5)
        )


def add_execution(
    draft: Draft, one: Execution, order_id: int, perm_id: int, ours: int | None
) -> None:
    """Add one fill on both sides, with its commission."""
    commission = Decimal("0.005") * one.quantity
    draft.executions.append(BrokerExecution(one, order_id, perm_id, commission, FIRST_US + 50))
    draft.booked.append(JournalExecution(one, ours))
    draft.paid.append(JournalCommission(one.exec_id, commission))
    signed = one.quantity if one.side == "BUY" else -one.quantity
    draft.held[one.con_id] += signed
    draft.cash -= signed * one.price + commission


def finished(draft: Draft, count: int) -> tuple[Truth, Journal]:
    """Return both sides of a world."""
    positions = tuple(Position(key, SYMBOLS[key], held) for key, held in draft.held.items())
    cash = (Cash("USD", draft.cash),)
    last_seq = seq_of(count + 1)
    truth = Truth(
        ACCOUNT, tuple(draft.orders), tuple(draft.executions), tuple(draft.frames), positions, cash
    )
    journal = Journal(
        account=ACCOUNT, order_ref_prefix=PREFIX, opened_us=OPENED_US, baseline_us=BASELINE_US,
        last_seq=last_seq, event_count=last_seq, orders=tuple(draft.promised),
        recorded=tuple(one.execution.exec_id for one in draft.booked),
        executions=tuple(draft.booked), commissions=tuple(draft.paid), baselined=frozenset(),
        positions=positions, cash=cash,
        halts=(Halt(1, "fresh_install", True), Halt(2, "fresh_install", False)), tickets=(),
    )  # fmt: skip
    return truth, journal


PARTS = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 3)), min_size=1, max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Truth, Journal]:
    """Draw a world in which both sides agree: orders of every end, and trades by hand."""
    draft = Draft()
    ends = draw(st.lists(st.sampled_from(sorted(ENDS)), max_size=6))
    # One that filled and one that works are always there, so that every plant has its place.
    for number, end in enumerate(["filled", "working", *ends], start=1):
        add_order(draft, number, end, draw(st.sampled_from(["BUY", "SELL"])), draw(PARTS))
    for place in range(draw(st.integers(0, 2))):
        one = Execution(f"0001.ffff{place}.01", 5, "AAPL", "BUY", Decimal(4), Decimal("9.5"))
        add_execution(draft, one, 0, 10**9 + place, None)
        terms = Terms(5, "BUY", Decimal(4), "MKT", None, None, "DAY")
        draft.orders.append(
            BrokerOrder(0, 0, 10**9 + place, "", "AAPL", terms, "Filled", Decimal(4), FIRST_US)
        )
    return finished(draft, 2 + len(ends))
