"""The broker connection of an emergency: it looks, cancels and closes, and needs nothing else.

What a liquidator has to know is less than what a reconciliation compares, so a look asks for
open orders, positions and executions alone: an account list that never ends must not stand
between an operator and a flat account. Each part counts only with its end marker (messages 53,
62, 55).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from ib_async.objects import ExecutionFilter
from ib_async.order import Order

from trader.core.closing import ClosingOrder
from trader.core.executions import Execution
from trader.core.ids import ConId
from trader.core.instruments import Instrument, InstrumentSpec
from trader.core.snapshots import OpenOrderRow, PositionRow
from trader.ibkr import translate
from trader.ibkr.broker import IbkrBroker, instrument_of
from trader.ibkr.requests import Kind, Pending
from trader.ports import SnapshotUnavailable, WorldError


@dataclass(frozen=True, slots=True)
class Look:
    """What the broker said at one instant: open orders of everybody, positions, executions."""

    open_orders: tuple[OpenOrderRow, ...]
    positions: tuple[PositionRow, ...]
    executions: tuple[Execution, ...]
    server_utc: datetime


class EmergencyBroker(IbkrBroker):
    """One connection that may close without a review: only orders that can only shrink."""

    async def look(self) -> Look:
        """Ask for everything that a liquidator must know; raises SnapshotUnavailable."""
        account = self._tap.account
        if account is None:
            raise SnapshotUnavailable("no account is known")
        part = "the time"
        try:
            async with asyncio.timeout(self._settings.snapshot_deadline_s):
                server = await self.heartbeat()
                errors = self._tap.decode_errors
                async with self._lists() as lists:
                    rows = {}
                    for part, pending in lists:
                        rows[part] = await self._tap.requests.answer(pending)
                    self._api.cancelPositions()
        except TimeoutError:
            limit_s = self._settings.snapshot_deadline_s
            raise SnapshotUnavailable(f"{part}: no end within {limit_s:g} s") from None
        except SnapshotUnavailable:
            raise
        except WorldError as error:
            raise SnapshotUnavailable(f"{part}: {error}") from error
        if self._tap.decode_errors != errors:
            # What was lost may have been a row: absent means gone (INC-005).
            raise SnapshotUnavailable("a message could not be decoded meanwhile")
        orders: dict[tuple[int, int, int], OpenOrderRow] = {
            (row.perm_id, row.client_id, row.order_id): row for row in rows["open orders"]
        }
        positions: dict[ConId, PositionRow] = {row.con_id: row for row in rows["positions"]}
        executions: dict[str, Execution] = {row.exec_id: row for row in rows["executions"]}
        return Look(
            open_orders=tuple(orders.values()),
            positions=tuple(positions.values()),
            executions=tuple(executions.values()),
            server_utc=server.server_utc,
        )

    @asynccontextmanager
    async def _lists(self) -> AsyncIterator[list[tuple[str, Pending]]]:
        requests, api = self._tap.requests, self._api
        executions = self._tap.ids.take()
        wanted = ExecutionFilter(acctCode=str(self._tap.account))
        # Positions last: a fill between two parts shows as an execution that the position does
        # not contain yet, and that is waited for.
        parts = (
            ("open orders", Kind.OPEN_ORDERS, api.reqAllOpenOrders),
            ("executions", executions, lambda: api.reqExecutions(executions, wanted)),
            ("positions", Kind.POSITIONS, api.reqPositions),
        )
        asked: list[tuple[str, Pending]] = []
        try:
            for name, key, send in parts:
                pending = requests.open(key)
                asked.append((name, pending))
                await self._paced(send)
                pending.is_sent = True
            yield asked
        finally:
            for _, pending in asked:
                requests.abandon(pending)

    async def managed(
        self, con_id: ConId, symbol: str, specs: tuple[InstrumentSpec, ...]
    ) -> Instrument | None:
        """Return a contract's instrument if the settings name it, to the letter; else None.

        Raises WorldError when it may be one of theirs and the broker does not describe it.
        """
        for spec in specs:
            if spec.symbol != symbol or not spec.is_tradeable:
                continue
            details = await self.contract(con_id, spec.exchange)
            if details is None and await self.contract(con_id) is None:
                raise WorldError(f"contract {con_id}: the broker does not know it")
            if details is not None and translate.is_match(spec, details):
                return instrument_of(details)
        return None

    def close(self, order: ClosingOrder) -> None:
        """Write one closing order, synchronously; raises LinkDown or SendUncertain.

        A market order for the day: it reaches the market now or waits for it (399), and the
        broker's answer says which.
        """
        assert order.client_id == self._settings.client_id, "order of another client id"
        assert order.account == self._tap.account, "order for another account"
        self._ready()
        wire = Order(
            action=order.side.value,
            # The encoder writes a Decimal as it is; ib_async declares the field a float.
            totalQuantity=cast(float, order.quantity),
            orderType="MKT",
            tif="DAY",
            account=order.account,
            orderRef=order.order_ref,
            transmit=True,
            outsideRth=False,
        )
        self._api.placeOrder(order.order_id, translate.contract_out(order.instrument), wire)
