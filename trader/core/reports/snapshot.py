"""The broker's own word as a report, and what it was over time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.core.account import AccountReading
from trader.core.amounts import ZERO
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.table import SNAPSHOTS_DAILY, SNAPSHOTS_FULL, day_name, moment_name
from trader.core.snapshots import BrokerSnapshot, OpenOrderRow, PositionRow


@dataclass(frozen=True, slots=True)
class AccountValues:
    """The account's values as they were last told; None where the broker has not said."""

    currency: str
    net_liquidation: Decimal | None
    available_funds: Decimal | None
    buying_power: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    age_s: float


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """One complete snapshot; lists begin at ``window_utc``, the start of the broker's day."""

    started_utc: datetime
    finished_utc: datetime
    window_utc: datetime
    net_liquidation: Decimal | None
    cash: Mapping[str, Decimal]
    values: AccountValues | None
    positions: tuple[PositionRow, ...]
    open_orders: tuple[OpenOrderRow, ...]
    execution_count: int


def values_of(told: AccountReading | None, now_s: float) -> AccountValues | None:
    """Return the account's values with their age."""
    if told is None:
        return None
    return AccountValues(
        currency=told.currency,
        net_liquidation=told.net_liquidation,
        available_funds=told.available_funds,
        buying_power=told.buying_power,
        initial_margin=told.initial_margin,
        maintenance_margin=told.maintenance_margin,
        age_s=now_s - told.as_of_s,
    )


def snapshot_content(
    snapshot: BrokerSnapshot, values: AccountValues | None, age_s: float
) -> Content:
    """Return what the report says; one copy a moment and one a day are its history."""
    held = tuple(row for row in snapshot.positions if row.quantity != ZERO)
    body = SnapshotReport(
        started_utc=snapshot.started_utc,
        finished_utc=snapshot.finished_utc,
        window_utc=snapshot.window_utc,
        net_liquidation=snapshot.net_liquidation,
        cash=snapshot.cash,
        values=values,
        positions=tuple(row for row in held if row.account == snapshot.account),
        open_orders=snapshot.open_orders,
        execution_count=len(snapshot.executions),
    )
    copies = (
        f"{SNAPSHOTS_FULL}/{moment_name(snapshot.finished_utc)}.json",
        # The last of a day stands for it.
        f"{SNAPSHOTS_DAILY}/{day_name(snapshot.finished_utc)}.json",
    )
    return Content(ReportStatus.OK, (), body, copies=copies, age_s=age_s)


def series(
    reports: Iterable[Mapping[str, Any]], field: str
) -> tuple[tuple[str, Decimal | None], ...]:
    """Return one figure over time: ``net_liquidation``, ``open_orders``, ``cash.USD`` and so on.

    ``position.AAPL`` is 0 where nothing is held; a figure that was not told is None.
    """
    rows = {str(report["finished_utc"]): _figure(report, field) for report in reports}
    return tuple(sorted(rows.items()))


def _figure(report: Mapping[str, Any], field: str) -> Decimal | None:
    name, _, key = field.partition(".")
    if name == "position":
        rows = [row for row in report["positions"] if row["symbol"] == key]
        return sum((Decimal(row["quantity"]) for row in rows), start=ZERO)
    if name == "cash":
        return _number(report["cash"].get(key))
    if name == "values":
        return _number((report["values"] or {}).get(key))
    value = report.get(name)
    return Decimal(len(value)) if isinstance(value, list) else _number(value)


def _number(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
