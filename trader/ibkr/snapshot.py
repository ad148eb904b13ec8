"""The broker's word at one instant, asked in five parts: all of them complete, or no snapshot.

A part is complete when its end marker came; a message that could not be decoded meanwhile may
have been a row, so it spoils the snapshot as well: an order or a position that is absent from a
snapshot counts as gone (INC-005, INC-009, INC-045).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ib_async.objects import ExecutionFilter

from trader.core.amounts import decimal_from
from trader.core.executions import Commission, Execution
from trader.core.ids import AccountId, ExecFamily, exec_family
from trader.core.snapshots import (
    BrokerSnapshot,
    CompletedOrderRow,
    ExecutionList,
    OpenOrderRow,
    PositionRow,
)
from trader.ibkr.requests import Key, Kind, Pending, Requests
from trader.ibkr.settings import BrokerSettings
from trader.ibkr.tap import Tap
from trader.ports import Clock, SnapshotUnavailable, WorldError

_ACCOUNT_VALUES = "account values"
_CLOCKS_DIFFER = timedelta(seconds=5)
# Sends one request once the pacer allows it.
Paced = Callable[[Callable[[], None]], Any]


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    key: Key
    send: Callable[[], None]


class SnapshotTaker:
    """Take one snapshot at a time; a second caller waits and gets one of its own."""

    def __init__(
        self, settings: BrokerSettings, clock: Clock, tap: Tap, api: Any, paced: Paced
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._tap = tap
        self._requests: Requests = tap.requests
        self._api = api
        self._paced = paced
        self._zone = ZoneInfo(settings.broker_zone)

    async def take(self) -> BrokerSnapshot:
        """Ask for everything; raises SnapshotUnavailable with the part that is missing."""
        account = self._tap.account
        if account is None:
            raise SnapshotUnavailable("no account is known")
        part = "its turn"
        try:
            async with asyncio.timeout(self._settings.snapshot_deadline_s):
                # Shared would be wrong: the second caller wants the word of after its call.
                async with self._requests.turn("snapshot"), self._commissions() as commissions:
                    errors, started = self._tap.decode_errors, self._clock.utc()
                    answers: dict[str, list[Any]] = {}
                    async with self._asked(account) as asked:
                        for part, pending in asked:
                            answers[part] = await self._requests.answer(pending)
                        # Positions go on changing until this; after a failure they may, since
                        # a cancel could take away the end marker that is still owed.
                        self._api.cancelPositions()
                    if self._tap.decode_errors != errors:
                        raise SnapshotUnavailable("a message could not be decoded meanwhile")
                    return self._assembled(account, started, answers, commissions.rows)
        except TimeoutError:
            limit_s = self._settings.snapshot_deadline_s
            raise SnapshotUnavailable(f"{part}: no end within {limit_s} s") from None
        except SnapshotUnavailable:
            raise
        except WorldError as error:
            raise SnapshotUnavailable(f"{part}: {error}") from error

    async def executions(self) -> ExecutionList:
        """Ask for the executions alone (message 7); raises SnapshotUnavailable.

        Their commissions follow without a request id and go to the sink like live ones.
        """
        account = self._tap.account
        if account is None:
            raise SnapshotUnavailable("no account is known")
        part = self._executions(account)
        pending: Pending | None = None
        try:
            async with asyncio.timeout(self._settings.snapshot_deadline_s):
                errors = self._tap.decode_errors
                pending = self._requests.open(part.key)
                await self._paced(part.send)
                pending.is_sent = True
                rows: list[Execution] = await self._requests.answer(pending)
        except TimeoutError:
            limit_s = self._settings.snapshot_deadline_s
            raise SnapshotUnavailable(f"{part.name}: no end within {limit_s} s") from None
        except WorldError as error:
            raise SnapshotUnavailable(f"{part.name}: {error}") from error
        finally:
            if pending is not None:
                self._requests.abandon(pending)
        if self._tap.decode_errors != errors:
            raise SnapshotUnavailable("a message could not be decoded meanwhile")
        return ExecutionList(account, self._window_of(self._clock.utc()), _unique(rows))

    @asynccontextmanager
    async def _commissions(self) -> AsyncIterator[Pending]:
        """Collect the commissions, which follow their executions without a request id."""
        try:
            yield self._requests.open(Kind.COMMISSIONS)
        finally:
            self._requests.finish(Kind.COMMISSIONS)

    @asynccontextmanager
    async def _asked(self, account: AccountId) -> AsyncIterator[list[tuple[str, Pending]]]:
        """Send all parts, so that they lie close together in time; abandon what stays open."""
        asked: list[tuple[str, Pending]] = []
        try:
            for part in self._parts(account):
                pending = self._requests.open(part.key)
                asked.append((part.name, pending))
                await self._paced(part.send)
                pending.is_sent = True
            yield asked
        finally:
            for name, pending in asked:
                self._requests.abandon(pending)
                if name == _ACCOUNT_VALUES and pending.is_sent:
                    # They go on coming until they are cancelled (message 77).
                    with suppress(WorldError):
                        self._api.cancelAccountUpdatesMulti(pending.key)

    def _parts(self, account: AccountId) -> list[_Part]:
        api = self._api
        values = self._tap.ids.take()
        # Executions before positions: a fill in between shows as an execution that is missing,
        # which the next run finds, rather than as a position nobody can explain.
        return [
            _Part("open orders", Kind.OPEN_ORDERS, api.reqAllOpenOrders),
            _Part("completed orders", Kind.COMPLETED_ORDERS, lambda: api.reqCompletedOrders(False)),
            self._executions(account),
            _Part("positions", Kind.POSITIONS, api.reqPositions),
            _Part(
                _ACCOUNT_VALUES,
                values,
                lambda: api.reqAccountUpdatesMulti(values, account, "", False),
            ),
        ]

    def _executions(self, account: AccountId) -> _Part:
        request_id, wanted = self._tap.ids.take(), ExecutionFilter(acctCode=account)
        return _Part("executions", request_id, lambda: self._api.reqExecutions(request_id, wanted))

    def _window_of(self, ended: datetime) -> datetime:
        """Return how far back lists reach that ended then: to the start of the broker's day.

        A list that midnight fell into may be of the new day alone, and the broker's clock may be
        a little ahead of ours.
        """
        local = (ended + _CLOCKS_DIFFER).astimezone(self._zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

    def _assembled(
        self,
        account: AccountId,
        started: datetime,
        answers: dict[str, list[Any]],
        commissions: list[Commission],
    ) -> BrokerSnapshot:
        executions: list[Execution] = answers["executions"]
        families = {exec_family(row.exec_id)[0] for row in executions}
        cash, net_liquidation = _account_values(answers[_ACCOUNT_VALUES])
        finished = self._clock.utc()
        return BrokerSnapshot(
            account=account,
            started_utc=started,
            finished_utc=finished,
            window_utc=self._window_of(finished),
            open_orders=_latest_orders(answers["open orders"]),
            completed_orders=_latest_completed(answers["completed orders"]),
            executions=_unique(executions),
            commissions=_of_families(commissions, families),
            positions=_latest_positions(answers["positions"]),
            cash=cash,
            net_liquidation=net_liquidation,
        )


def _unique(rows: list[Execution]) -> tuple[Execution, ...]:
    """Keep each execution once; a list can hold one twice (INC-034)."""
    return tuple({row.exec_id: row for row in rows}.values())


def _latest_orders(rows: list[OpenOrderRow]) -> tuple[OpenOrderRow, ...]:
    """Keep the last word on each order; two permIds under one id are two orders (INC-085)."""
    latest = {(row.perm_id, row.client_id, row.order_id): row for row in rows}
    return tuple(latest.values())


def _latest_completed(rows: list[CompletedOrderRow]) -> tuple[CompletedOrderRow, ...]:
    return tuple({(row.perm_id, row.order_ref): row for row in rows}.values())


def _latest_positions(rows: list[PositionRow]) -> tuple[PositionRow, ...]:
    """Keep the last word on each instrument: a live change may have come in between."""
    return tuple({row.con_id: row for row in rows}.values())


def _of_families(
    commissions: list[Commission], families: set[ExecFamily]
) -> tuple[Commission, ...]:
    kept = {row.exec_id: row for row in commissions if exec_family(row.exec_id)[0] in families}
    return tuple(kept.values())


def _account_values(
    rows: list[tuple[str, str, str]],
) -> tuple[dict[str, Decimal], Decimal | None]:
    """Return the cash of each currency, and the net liquidation value (message 73).

    Raises SnapshotUnavailable when there is none at all, or the gateway's server is being reset:
    it says so, and its values are then not to be relied on.
    """
    if ("AccountReady", "false") in {(key, value) for key, value, _ in rows}:
        raise SnapshotUnavailable(f"{_ACCOUNT_VALUES}: the broker's server is not ready")
    cash: dict[str, Decimal] = {}
    net_liquidation: Decimal | None = None
    for key, value, currency in rows:
        number = decimal_from(value)
        if number is None:
            continue
        if key == "CashBalance" and currency not in ("", "BASE"):
            cash[currency] = number
        elif key == "NetLiquidation":
            net_liquidation = number
    if not cash:
        # Every account has a balance: an end marker without one ends no answer (INC-005).
        raise SnapshotUnavailable(f"{_ACCOUNT_VALUES}: no cash balance among {len(rows)} values")
    return cash, net_liquidation
