"""Orders: what arrived was promised before, once, as it was promised, and stands where it stands.

An order at the broker is the client's by its reference, and by its id and client id where the
reference is empty. One that left without the client, in an emergency, is the client's by the
reference that its journal has of it. It is the client's although the journal has no row of it when
the journal's own client id or the journal's own prefix of references says so; every other one is
foreign.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.sim.oracle.findings import Finding, Kind, Note
from trader.sim.oracle.records import (
    BrokerOrder,
    EmergencyOrder,
    Execution,
    Frame,
    Halt,
    Journal,
    JournalOrder,
    State,
    Terms,
    Truth,
    family_of,
    revision_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDED = frozenset({State.FILLED, State.CANCELLED, State.REJECTED, State.WITHHELD})
_OPEN = frozenset(State) - _ENDED
# What the journal may say of an order that stands so at the broker; other words mean "alive".
_MAY_BE = {
    "Filled": frozenset({State.FILLED}),
    "Cancelled": frozenset({State.CANCELLED}),
    "ApiCancelled": frozenset({State.CANCELLED}),
    "Inactive": frozenset({State.REJECTED}),
}
# Inactive is no such word: an order may be held and live on (INC-016).
_TOLD_AS_OVER = frozenset({"Cancelled", "ApiCancelled", "Filled"})
# An order of a person at the client may leave under a halt if it can only close.
_OPERATOR = "operator"


class _Paired:
    """Both sides' orders, laid side by side."""

    def __init__(self, truth: Truth, journal: Journal) -> None:
        self.journal = journal
        self._clients = {order.client_id for order in journal.orders}
        self._by_ref = {order.order_ref: order for order in journal.orders}
        self._by_id = {(order.client_id, order.order_id): order for order in journal.orders}
        self.frames: dict[int, list[Frame]] = defaultdict(list)
        self.changes: dict[int, list[int]] = defaultdict(list)
        for change in journal.changes:
            self.changes[change.order_id].append(change.at_us)
        self.orders: dict[int, list[BrokerOrder]] = defaultdict(list)
        self.strange_frames: list[Frame] = []
        self.strange_orders: list[BrokerOrder] = []
        self.emergencies = {order.order_ref: order for order in journal.emergencies}
        for frame in truth.frames:
            promised = self.promised(frame)
            if promised is None:
                self.strange_frames.append(frame)
            else:
                self.frames[promised.order_id].append(frame)
        for order_id, frames in self.frames.items():
            self.frames[order_id] = _with_late_changes(frames, self.changes[order_id])
        for order in truth.orders:
            promised = self.promised(order)
            if promised is None:
                self.strange_orders.append(order)
            else:
                self.orders[promised.order_id].append(order)

    def promised(self, seen: Frame | BrokerOrder) -> JournalOrder | None:
        """Return the journal's row of what the broker saw."""
        if seen.order_ref:
            return self._by_ref.get(seen.order_ref)
        return self._by_id.get((seen.client_id, seen.order_id))

    def is_ours(self, seen: Frame | BrokerOrder, at_us: int) -> bool:
        """Return whether the client must have sent what its journal has no row of."""
        if at_us < self.journal.opened_us:
            return False
        prefix = self.journal.order_ref_prefix
        return seen.client_id in self._clients or seen.order_ref.startswith(prefix)

    def is_seen(self, order: JournalOrder) -> bool:
        """Return whether the broker knows of the order, as a message or as an order."""
        return bool(self.frames[order.order_id] or self.orders[order.order_id])


def _with_late_changes(frames: list[Frame], promised_us: list[int]) -> list[Frame]:
    """Take a message that follows its order for the change that was promised by then.

    One that arrives after the end of its order changes nothing that lives, and so the broker does
    not know it for a change.
    """
    known: list[Frame] = []
    first: Frame | None = None
    count = 0
    for frame in frames:
        told = frame
        if not frame.is_change and first is None:
            first = frame
        elif not frame.is_change and first is not None and frame.order_id == first.order_id:
            is_promised = sum(one <= frame.at_us for one in promised_us) > count
            told = replace(frame, is_change=is_promised)
        count += told.is_change
        known.append(told)
    return known


class _Fills:
    """The executions of each order on both sides, and which of them are not the same."""

    def __init__(self, truth: Truth, journal: Journal) -> None:
        self.real: dict[int, list[Execution]] = defaultdict(list)
        self.booked: dict[int, list[Execution]] = defaultdict(list)
        for one in truth.executions:
            if family_of(one.execution.exec_id) not in journal.baselined:
                self.real[one.perm_id].append(one.execution)
        for ours in journal.executions:
            if ours.our_order_id is not None:
                self.booked[ours.our_order_id].append(ours.execution)
        there = {one.execution for one in truth.executions}
        here = {one.execution for one in journal.executions}
        self.differing = {family_of(one.exec_id) for one in there ^ here}


def order_findings(truth: Truth, journal: Journal) -> list[Finding]:
    """Compare all orders."""
    paired = _Paired(truth, journal)
    fills = _Fills(truth, journal)
    found = [*_strange(paired), *_halted(paired)]
    for order in journal.orders:
        found += _arrival(order, paired)
        found += _changes(order, paired)
        for seen in paired.orders[order.order_id]:
            found += _terms(order, seen.terms)
            found += _state(order, seen)
            found += _filled(order, seen, fills)
    return found


# ---- what arrived


def _strange(paired: _Paired) -> Iterator[Finding]:
    """Tell of what arrived and is in no row: the client's own, or foreign."""
    told: set[tuple[int, int]] = set()
    refs: set[str] = set()
    for order in paired.strange_orders:
        told.add((order.client_id, order.order_id))
        known = paired.emergencies.get(order.order_ref)
        if known is not None:
            yield from _emergency(order, known, is_again=order.order_ref in refs)
            refs.add(order.order_ref)
            continue
        what = f"{_wanted(order.symbol, order.terms)}, {order.status}, {_ref(order.order_ref)}"
        subject = _subject(order)
        if paired.is_ours(order, order.created_us):
            text = f"{what}: the broker has it, the journal has no row"
            yield Finding(Kind.ORDER_UNRECORDED, subject, text)
        else:
            yield Finding(Note.FOREIGN_ORDER, subject, what)
    for frame in paired.strange_frames:
        key = (frame.client_id, frame.order_id)
        if frame.is_change or key in told or not paired.is_ours(frame, frame.at_us):
            continue
        if frame.order_ref in paired.emergencies:
            continue
        told.add(key)
        text = f"{_ref(frame.order_ref)}: the broker received it, the journal has no row"
        yield Finding(Kind.ORDER_UNRECORDED, _subject(frame), text)


def _emergency(order: BrokerOrder, known: EmergencyOrder, *, is_again: bool) -> Iterator[Finding]:
    """Tell of an order that left without the client, and where it is another than it wrote down."""
    subject, terms = _subject(order), order.terms
    if is_again:
        text = f"{_ref(order.order_ref)}: reached the broker more than once"
        yield Finding(Kind.ORDER_SENT_TWICE, subject, text)
    for name in ("con_id", "side", "quantity"):
        written, real = getattr(known, name), getattr(terms, name)
        if written != real:
            text = f"{name}: promised {_plain(written)}, the broker has {_plain(real)}"
            yield Finding(Kind.ORDER_TERMS, subject, text)
    what = f"{_wanted(order.symbol, terms)}, {order.status}, {_ref(order.order_ref)}"
    yield Finding(Note.EMERGENCY_ORDER, subject, what)


def _arrival(order: JournalOrder, paired: _Paired) -> Iterator[Finding]:
    frames = [frame for frame in paired.frames[order.order_id] if not frame.is_change]
    orders = paired.orders[order.order_id]
    count = max(len(frames), len(orders))
    if count > 1:
        ids = sorted({one.order_id for one in frames} | {one.order_id for one in orders})
        text = f"{_ref(order.order_ref)}: reached the broker {count} times, as {ids}"
        yield Finding(Kind.ORDER_SENT_TWICE, _subject(order), text)
    at_us = [frame.at_us for frame in frames] or [seen.created_us for seen in orders]
    if at_us and order.at_us > min(at_us):
        text = f"received {_moment(min(at_us))}, and its row was written {_moment(order.at_us)}"
        yield Finding(Kind.ORDER_RECORDED_LATE, _subject(order), text)
    if not paired.is_seen(order):
        yield from _unseen(order)
    elif not orders and order.state not in (State.CANCELLED, State.REJECTED):
        text = f"the journal says {order.state}, the broker received it and has no such order"
        yield Finding(Kind.ORDER_STATE, _subject(order), text)


def _changes(order: JournalOrder, paired: _Paired) -> Iterator[Finding]:
    """Tell of changes that arrived before as many were promised."""
    promised = sorted(paired.changes[order.order_id])
    arrived = sorted(frame.at_us for frame in paired.frames[order.order_id] if frame.is_change)
    for place, at_us in enumerate(arrived):
        if place >= len(promised) or promised[place] > at_us:
            count = sum(one <= at_us for one in promised)
            text = f"change {place + 1} received {_moment(at_us)}, promised by then: {count}"
            yield Finding(Kind.CHANGE_UNRECORDED, _subject(order), text)


def _unseen(order: JournalOrder) -> Iterator[Finding]:
    """Tell of an order that the broker never saw; one that was not sent may well be missing."""
    if order.state is State.WITHHELD:
        return
    sent = "SENT was recorded" if order.sent_seq is not None else "SENT was not recorded"
    wanted = _wanted(order.symbol, order.terms)
    text = f"{wanted}: the journal says {order.state}, {sent}, the broker never saw it"
    is_alive = order.sent_seq is not None and order.state in _OPEN
    if is_alive or order.state is State.FILLED:
        yield Finding(Kind.ORDER_UNSEEN, _subject(order), text)
    else:
        yield Finding(Note.NEVER_ARRIVED, _subject(order), text)


def _halted(paired: _Paired) -> Iterator[Finding]:
    windows = _windows(paired.journal.halts)
    for order in paired.journal.orders:
        if order.sent_seq is None and not paired.is_seen(order):
            continue
        if order.strategy == _OPERATOR and order.is_reduce_only:
            continue
        # Without a row of its leaving, the promise is the latest that is known of it.
        seq = order.sent_seq or order.seq
        for first, last, cause in windows:
            if first < seq and (last is None or seq < last):
                until = "not cleared since" if last is None else f"cleared by event {last}"
                text = f"left with event {seq}; halted by event {first} ({cause}), {until}"
                yield Finding(Kind.ORDER_SENT_WHILE_HALTED, _subject(order), text)


def _windows(halts: tuple[Halt, ...]) -> list[tuple[int, int | None, str]]:
    """Return from which event to which at least one cause held, and the first cause."""
    windows: list[tuple[int, int | None, str]] = []
    held: dict[str, None] = {}
    first, cause = 0, ""
    for halt in sorted(halts, key=lambda one: one.seq):
        if halt.is_raised:
            if not held:
                first, cause = halt.seq, halt.cause
            held[halt.cause] = None
        elif held.pop(halt.cause, True) is None and not held:
            windows.append((first, halt.seq, cause))
    if held:
        windows.append((first, None, cause))
    return windows


# ---- what it says and where it stands


def _terms(order: JournalOrder, real: Terms) -> Iterator[Finding]:
    """Compare with what is confirmed; while a change is open the broker may hold either."""
    if real == order.desired:
        return
    for field in fields(Terms):
        promised, seen = getattr(order.terms, field.name), getattr(real, field.name)
        if order.is_leg and field.name == "quantity" and seen < promised:
            continue
        if promised != seen:
            text = f"{field.name}: promised {_plain(promised)}, the broker has {_plain(seen)}"
            yield Finding(Kind.ORDER_TERMS, _subject(order), text)


def _state(order: JournalOrder, seen: BrokerOrder) -> Iterator[Finding]:
    # No list tells of a refused order: whoever missed the word finds that it is gone, and no more.
    is_gone = order.state is State.CANCELLED and order.broker_status not in _TOLD_AS_OVER
    if seen.status == "Inactive" and is_gone:
        return
    if order.state not in _MAY_BE.get(seen.status, _OPEN):
        text = f"the journal says {order.state}, the broker {seen.status}"
        yield Finding(Kind.ORDER_STATE, _subject(order), text)


def _filled(order: JournalOrder, seen: BrokerOrder, fills: _Fills) -> Iterator[Finding]:
    """Compare what filled, where no difference of an execution explains it already."""
    parts, ours = fills.real[seen.perm_id], fills.booked[order.order_id]
    if any(family_of(part.exec_id) in fills.differing for part in (*parts, *ours)):
        return
    real = seen.filled
    if any(revision_of(part.exec_id) > 1 for part in parts):
        # A correction changes an execution after its order has ended; the order keeps its count.
        real = sum((part.quantity for part in parts), Decimal(0))
    booked = sum((part.quantity for part in ours), Decimal(0))
    if booked != real:
        text = f"filled: the journal counts {booked:f}, the broker {real:f}"
        yield Finding(Kind.ORDER_FILLED, _subject(order), text)


# ---- words


def _subject(one: BrokerOrder | Frame | JournalOrder) -> str:
    return f"client {one.client_id} order {one.order_id}"


def _ref(order_ref: str) -> str:
    return f"reference {order_ref}" if order_ref else "no reference"


def _wanted(symbol: str, terms: Terms) -> str:
    return f"{terms.side} {terms.quantity:f} {symbol} {terms.order_type}"


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _moment(at_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
