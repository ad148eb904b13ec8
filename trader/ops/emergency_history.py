"""What was done without the daemon, as its next start takes it in.

An execution that an emergency wrote down is booked even when the broker's list of the day no
longer holds it; the execution id keeps it from being booked twice. Only what belongs to this
journal's lineage counts: a fresh journal's baseline contains the rest.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import structlog

from trader.core.emergency_events import (
    EmergencyCancelKnown,
    EmergencyEvent,
    EmergencyOrderKnown,
)
from trader.core.executions import Execution
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
)
from trader.core.intents import Side
from trader.engine.emergency_rows import EmergencyStatus
from trader.ops.emergency_record import (
    KILL_REF,
    EmergencyOrder,
    highest_id,
    read_lines,
    read_orders,
)
from trader.ports import WorldError

_log = structlog.get_logger(__name__)


def highest_used(path: Path, client_id: ClientId) -> OrderId:
    """Return the highest order id that an emergency has used in this client's name."""
    return OrderId(highest_id(path, client_id))


def shown(path: Path) -> tuple[EmergencyStatus, ...]:
    """Return every emergency order for the status; an unreadable file is told, not fatal."""
    try:
        orders = orders_of(path)
    except WorldError as error:
        _log.error("emergency orders not read", problem=str(error))
        return ()
    return tuple(
        EmergencyStatus(
            order_ref=order.order_ref,
            client_id=order.client_id,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=Decimal(order.quantity),
            filled=Decimal(0),
            at=order.at,
            by=order.by,
        )
        for order in orders
    )


def orders_of(path: Path) -> tuple[EmergencyOrder, ...]:
    """Return every emergency order that was promised; raises WorldError."""
    with _reading(path):
        return tuple(read_orders(path))


def events_of(path: Path, *lineages: Lineage) -> tuple[EmergencyEvent, ...]:
    """Return what left without the daemon in this journal's name, oldest first.

    Raises WorldError.
    """
    with _reading(path):
        rows = read_lines(path)
    return tuple(_events_in(rows, lineages))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make a file that cannot be read a WorldError that names it."""
    try:
        yield
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror or error}") from error


def _events_in(
    rows: list[dict[str, object]], lineages: tuple[Lineage, ...]
) -> Iterator[EmergencyEvent]:
    for row in rows:
        try:
            ref = KILL_REF.match(str(row.get("order_ref")))
            if row.get("kind") == "order" and ref is not None and ref[1] in lineages:
                yield _order(row)
            elif row.get("kind") == "cancel" and row.get("lineage") in lineages:
                yield _cancel(row)
        except (KeyError, ValueError, InvalidOperation):
            continue  # a line that was torn and still is JSON: the broker's own word remains


def _order(row: Mapping[str, object]) -> EmergencyOrderKnown:
    return EmergencyOrderKnown(
        order_ref=OrderRef(str(row["order_ref"])),
        client_id=ClientId(int(str(row["client_id"]))),
        order_id=OrderId(int(str(row["order_id"]))),
        account=AccountId(str(row["account"])),
        con_id=ConId(int(str(row["con_id"]))),
        symbol=str(row["symbol"]),
        side=Side(str(row["side"])),
        quantity=Decimal(str(row["quantity"])),
        sent_utc=_utc(row["at"]),
        by=str(row["by"]),
    )


def _cancel(row: Mapping[str, object]) -> EmergencyCancelKnown:
    return EmergencyCancelKnown(
        order_ref=OrderRef(str(row["order_ref"])),
        client_id=ClientId(int(str(row["client_id"]))),
        order_id=OrderId(int(str(row["order_id"]))),
        perm_id=PermId(int(str(row["perm_id"]))),
        symbol=str(row["symbol"]),
        is_everything=row["is_everything"] is True,
        sent_utc=_utc(row["at"]),
        by=str(row["by"]),
    )


def _utc(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)


def executions_of(path: Path, *lineages: Lineage) -> tuple[Execution, ...]:
    """Return the executions of emergency orders of this journal; raises WorldError."""
    with _reading(path):
        rows = read_lines(path)
    return tuple(_executions_in(rows, lineages))


def _executions_in(
    rows: list[dict[str, object]], lineages: tuple[Lineage, ...]
) -> Iterator[Execution]:
    for row in rows:
        ref = KILL_REF.match(str(row.get("order_ref")))
        if row.get("kind") != "execution" or ref is None or ref[1] not in lineages:
            continue
        try:
            yield _execution(row)
        except (KeyError, ValueError, InvalidOperation):
            continue  # a line that was torn and still is JSON: the broker tells it again


def _execution(row: Mapping[str, object]) -> Execution:
    time = row["time_utc"]
    return Execution(
        exec_id=ExecId(str(row["exec_id"])),
        account=AccountId(str(row["account"])),
        con_id=ConId(int(str(row["con_id"]))),
        symbol=str(row["symbol"]),
        side=Side(str(row["side"])),
        quantity=Decimal(str(row["quantity"])),
        price=Decimal(str(row["price"])),
        order_id=OrderId(int(str(row["order_id"]))),
        client_id=ClientId(int(str(row["client_id"]))),
        perm_id=PermId(int(str(row["perm_id"]))),
        order_ref=OrderRef(str(row["order_ref"])),
        time_utc=datetime.fromisoformat(str(time)).astimezone(UTC) if time else None,
        multiplier=Decimal(str(row["multiplier"])),
        currency=str(row["currency"]),
    )
