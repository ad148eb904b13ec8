"""Executions, commissions, positions and cash: booked once, as they were, and they add up.

Executions are compared by family: a correction replaces the one before, and only the last
revision counts. What the account held before the journal took it over is in the journal's
starting positions, so an execution from before is not asked for.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from trader.sim.oracle.findings import Finding, Kind, Note
from trader.sim.oracle.records import (
    BrokerExecution,
    Cash,
    Execution,
    Journal,
    JournalExecution,
    Position,
    Truth,
    family_of,
    revision_of,
)

# A gateway tells cash in whole cents, and a journal starts from what it was told.
_HALF_A_CENT = Decimal("0.005")
_ZERO = Decimal(0)


def money_findings(truth: Truth, journal: Journal) -> list[Finding]:
    """Compare everything that moves a position or cash."""
    happened = {family_of(one.execution.exec_id): one for one in truth.executions}
    booked = {family_of(one.execution.exec_id): one for one in journal.executions}
    found = [
        *_recorded_twice(journal, booked),
        *_executions(happened, booked, journal),
        *_commissions(happened, booked, journal),
    ]
    if journal.baseline_us is None:
        text = "the account was never taken over: positions and cash are not compared"
        return [*found, Finding(Note.NO_BASELINE, "journal", text)]
    return [
        *found,
        *_positions(truth.positions, journal.positions),
        *_cash(truth.cash, journal.cash),
    ]


def _recorded_twice(journal: Journal, booked: dict[str, JournalExecution]) -> Iterator[Finding]:
    for exec_id, count in Counter(journal.recorded).items():
        if count > 1:
            text = f"the journal has {count} rows of it"
            yield Finding(Kind.EXECUTION_TWICE, exec_id, text)
    families = Counter(family_of(one.execution.exec_id) for one in journal.executions)
    for family, count in families.items():
        if count > 1:
            text = f"{count} revisions of it are booked at once"
            yield Finding(Kind.EXECUTION_TWICE, booked[family].execution.exec_id, text)


def _is_asked_for(family: str, one: BrokerExecution, journal: Journal) -> bool:
    if journal.baseline_us is None or family in journal.baselined:
        return False
    return one.at_us > journal.baseline_us


def _executions(
    happened: dict[str, BrokerExecution], booked: dict[str, JournalExecution], journal: Journal
) -> Iterator[Finding]:
    for family, real in happened.items():
        ours = booked.get(family)
        if ours is not None:
            yield from _execution(real.execution, ours.execution)
        elif _is_asked_for(family, real, journal):
            text = f"{_traded(real.execution)} of order {real.order_id} is not booked"
            yield Finding(Kind.EXECUTION_MISSING, real.execution.exec_id, text)
    for family, ours in booked.items():
        if family not in happened:
            text = f"{_traded(ours.execution)} is booked, and the broker has no such execution"
            yield Finding(Kind.EXECUTION_UNKNOWN, ours.execution.exec_id, text)


def _execution(real: Execution, ours: Execution) -> Iterator[Finding]:
    if real.exec_id != ours.exec_id:
        text = (
            f"the broker's last word is revision {revision_of(real.exec_id)} ({_traded(real)}), "
            f"booked is revision {revision_of(ours.exec_id)} ({_traded(ours)})"
        )
        yield Finding(Kind.EXECUTION_REVISION, real.exec_id, text)
        return
    names = [
        name
        for name in ("con_id", "side", "quantity", "price")
        if getattr(real, name) != getattr(ours, name)
    ]
    if names:
        text = f"{', '.join(names)}: the broker has {_traded(real)}, booked is {_traded(ours)}"
        yield Finding(Kind.EXECUTION_DIFFERS, real.exec_id, text)


def _commissions(
    happened: dict[str, BrokerExecution], booked: dict[str, JournalExecution], journal: Journal
) -> Iterator[Finding]:
    known = {family_of(one.exec_id): one for one in journal.commissions}
    for family, real in happened.items():
        ours = known.get(family)
        if ours is None:
            if family in booked:
                text = f"{real.commission:f} is not booked"
                yield Finding(Kind.COMMISSION_MISSING, real.execution.exec_id, text)
        elif ours.amount != real.commission:
            text = f"the broker took {real.commission:f}, booked is {ours.amount:f}"
            yield Finding(Kind.COMMISSION_DIFFERS, real.execution.exec_id, text)
    for family, ours in known.items():
        if family not in happened and family not in booked:
            text = f"{ours.amount:f} is booked, and the broker has no such execution"
            yield Finding(Kind.COMMISSION_UNKNOWN, ours.exec_id, text)


def _positions(truth: tuple[Position, ...], ours: tuple[Position, ...]) -> Iterator[Finding]:
    symbols = {one.con_id: one.symbol for one in (*ours, *truth)}
    real = {one.con_id: one.quantity for one in truth}
    booked = {one.con_id: one.quantity for one in ours}
    for con_id, symbol in symbols.items():
        there, here = real.get(con_id, _ZERO), booked.get(con_id, _ZERO)
        if there != here:
            text = f"the broker holds {there:f}, the journal {here:f}"
            yield Finding(Kind.POSITION, f"{symbol} ({con_id})", text)


def _cash(truth: tuple[Cash, ...], ours: tuple[Cash, ...]) -> Iterator[Finding]:
    real = {one.currency: one.amount for one in truth}
    booked = {one.currency: one.amount for one in ours}
    for currency in {**real, **booked}:
        there, here = real.get(currency, _ZERO), booked.get(currency, _ZERO)
        if there == here:
            continue
        text = f"the broker has {there:f}, the journal {here:f}: {here - there:+f}"
        is_rounding = abs(there - here) <= _HALF_A_CENT
        yield Finding(Note.CASH_ROUNDING if is_rounding else Kind.CASH, currency, text)


def _traded(one: Execution) -> str:
    return f"{one.side} {one.quantity:f} {one.symbol} at {one.price:f}"
