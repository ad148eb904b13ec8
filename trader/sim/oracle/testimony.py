"""The broker's truth, read from the control port of a simulator or from a file of it."""

import http.client
import json
from pathlib import Path
from typing import Any

from trader.sim.oracle.fields import Fields, execution_of, terms_of
from trader.sim.oracle.records import (
    BrokerExecution,
    BrokerOrder,
    Cash,
    Frame,
    InputError,
    Position,
    Truth,
)


def asked(port: int, timeout_s: float) -> Truth:
    """Ask the control port on loopback for `/truth`. Raises InputError."""
    if not 1 <= port <= 65535:
        raise InputError(f"control: {port} is not allowed; allowed: 1 to 65535")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", "/truth")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"control: {port} does not answer ({error!r}); "
            "allowed: the control port of a running simulator"
        ) from None
    finally:
        connection.close()
    if response.status != 200:
        raise InputError(
            f"control: {port} answers {response.status}; "
            "allowed: the control port of a running simulator"
        )
    return told(body, f"control {port}")


def of_file(path: Path) -> Truth:
    """Read what `/truth` once answered from a file. Raises InputError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"truth: {path} cannot be read ({error.strerror}); "
            "allowed: a file with an answer of /truth"
        ) from None
    return told(content, f"truth {path}")


def told(content: bytes, name: str) -> Truth:
    """Return what the JSON text says; more fields than these are fine. Raises InputError."""
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not JSON ({error}); allowed: an answer of /truth") from None
    top = Fields(f"{name}: truth", data)
    account = top.text("account")
    return Truth(
        account=account,
        orders=tuple(_order(row) for row in top.rows("orders") if _is_of(account, row)),
        executions=tuple(_execution(row) for row in top.rows("executions") if _is_of(account, row)),
        frames=tuple(_frame(row) for row in top.rows("place_frames")),
        positions=tuple(
            Position(row.whole("con_id"), row.text("symbol"), row.decimal("quantity"))
            for row in top.rows("positions")
            if _is_of(account, row)
        ),
        cash=tuple(Cash(currency, amount) for currency, amount in top.amounts("cash")),
    )


def _is_of(account: str, row: Fields) -> bool:
    return not row.has("account") or row.text("account") == account


def _order(row: Fields) -> BrokerOrder:
    return BrokerOrder(
        order_id=row.whole("order_id"),
        client_id=row.whole("client_id"),
        perm_id=row.whole("perm_id"),
        order_ref=row.text("order_ref"),
        symbol=row.text("symbol"),
        terms=terms_of(row, tif="tif"),
        status=row.text("status"),
        filled=row.decimal("filled"),
        created_us=row.moment_us("created_utc"),
    )


def _execution(row: Fields) -> BrokerExecution:
    return BrokerExecution(
        execution=execution_of(row),
        order_id=row.whole("order_id"),
        perm_id=row.whole("perm_id"),
        commission=row.decimal("commission"),
        at_us=row.moment_us("time_utc"),
    )


def _frame(row: Fields) -> Frame:
    return Frame(
        order_id=row.whole("order_id"),
        client_id=row.whole("client_id"),
        order_ref=row.text("order_ref"),
        is_change=row.flag("modify"),
        at_us=row.moment_us("received_utc"),
    )
