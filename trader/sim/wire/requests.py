"""Client-to-server messages: fields in, frozen values out, no decision taken.

The server-version gates follow PROTOCOL facts for versions 157 to 200. `FieldError` means the
client's message cannot be read; the session answers it with error 320.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery
from trader.sim.model.orders import OrderRequest, Terms
from trader.sim.wire.frames import FieldError, read_decimal, read_flag, read_integer

# Fields of one order condition after its type, by type (price, time, margin, execution,
# volume, percent change).
_CONDITION_FIELDS = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}
_GROUP_MAX = 1000


class Fields:
    """Read the fields of one message in order."""

    def __init__(self, fields: Sequence[str], start: int = 1) -> None:
        self._fields = fields
        self._next = start

    def text(self) -> str:
        """Return the next field."""
        position = self._next
        if position >= len(self._fields):
            raise FieldError(f"message {self._fields[0][:20]!r} ends after {position} fields")
        self._next = position + 1
        return self._fields[position]

    def skip(self, count: int) -> None:
        """Pass over fields that must be there."""
        if count:
            self._next += count - 1
            self.text()

    def integer(self) -> int:
        """Return an integer, zero when unset."""
        return read_integer(self.text()) or 0

    def decimal(self) -> Decimal | None:
        """Return a number, None when unset."""
        return read_decimal(self.text())

    def flag(self) -> bool:
        """Return a boolean."""
        return read_flag(self.text())

    def count(self) -> int:
        """Return the length of the group that follows."""
        value = self.integer()
        if not 0 <= value <= _GROUP_MAX:
            raise FieldError(f"group of {value} entries, allowed 0 to {_GROUP_MAX}")
        return value

    def contract(self) -> ContractQuery:
        """Return the twelve contract fields."""
        con_id = self.integer()
        symbol, sec_type = self.text(), self.text()
        self.skip(4)  # expiry, strike, right, multiplier: no derivative is in the catalogue
        exchange, primary, currency = self.text(), self.text(), self.text()
        return ContractQuery(
            con_id, symbol, sec_type, exchange, primary, currency, self.text(), self.text()
        )


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """The filter of reqExecutions (message 7); empty and zero mean any."""

    request_id: int
    client_id: int
    account: str
    since: str
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """The content of reqHistoricalData (message 20)."""

    request_id: int
    contract: ContractQuery
    end: str
    bar_size: str
    duration: str
    show: str
    format_date: int
    keep_up_to_date: bool


def parse_executions(fields: Sequence[str]) -> ExecutionFilter:
    """Read message 7."""
    read = Fields(fields, 2)
    return ExecutionFilter(read.integer(), read.integer(), *(read.text() for _ in range(6)))


def parse_market_data(fields: Sequence[str]) -> tuple[int, ContractQuery, bool]:
    """Read message 1: request id, contract, whether one snapshot is wanted."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    if contract.sec_type == "BAG":
        read.skip(4 * read.count())
    if read.flag():
        read.skip(3)
    read.text()  # generic tick list
    return request_id, contract, read.flag()


def parse_contract_details(fields: Sequence[str]) -> tuple[int, ContractQuery]:
    """Read message 9."""
    read = Fields(fields, 2)
    return read.integer(), read.contract()


def parse_history(fields: Sequence[str]) -> HistoryRequest:
    """Read message 20."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract()
    read.text()  # includeExpired
    end, bar_size, duration = read.text(), read.text(), read.text()
    read.text()  # useRTH
    show, format_date = read.text(), read.integer()
    if contract.sec_type == "BAG":
        read.skip(4 * read.count())
    return HistoryRequest(
        request_id, contract, end, bar_size, duration, show, format_date, read.flag()
    )


def parse_realtime_bars(fields: Sequence[str]) -> tuple[int, ContractQuery, str]:
    """Read message 50: request id, contract, what to show."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    read.text()  # bar size: always five seconds
    return request_id, contract, read.text()


def parse_cancel_order(fields: Sequence[str], server_version: int) -> int:
    """Read message 4: the order id."""
    return Fields(fields, 2 if server_version < 192 else 1).integer()


def parse_place_order(fields: Sequence[str], server_version: int) -> OrderRequest:
    """Read message 3 to its last field, so that a shifted layout cannot pass unnoticed."""
    read = Fields(fields, 1)
    order_id, contract = read.integer(), read.contract()
    read.skip(2)  # secIdType, secId
    action, quantity, order_type = read.text(), read.decimal(), read.text()
    limit_price, stop_price, tif = read.decimal(), read.decimal(), read.text()
    oca_group, account = read.text(), read.text()
    read.skip(2)  # openClose, origin
    order_ref, transmit, parent_id = read.text(), read.flag(), read.integer()
    read.skip(4)  # blockOrder, sweepToFill, displaySize, triggerMethod
    outside_rth = read.flag()
    read.text()  # hidden
    if contract.sec_type == "BAG":
        _skip_combo(read)
    read.skip(3)  # sharesAllocation, discretionaryAmt, goodAfterTime
    good_till = read.text()
    read.skip(8 if server_version < 177 else 7)  # allocation, model, short sale, exemptCode
    oca_type = read.integer()
    _skip_strategy_blocks(read)
    what_if = read.flag()
    _skip_tail(read, server_version, contract.exchange, order_type)
    terms = Terms(
        action=action.upper(), quantity=quantity, order_type=order_type.upper(),
        limit_price=limit_price, aux_price=stop_price, tif=tif.upper(), oca_group=oca_group,
        outside_rth=outside_rth, oca_type=oca_type or 3, good_till=good_till,
    )  # fmt: skip
    return OrderRequest(
        order_id=order_id, contract=contract, terms=terms, account=account, order_ref=order_ref,
        transmit=transmit, parent_id=parent_id, what_if=what_if,
    )  # fmt: skip


def _skip_combo(read: Fields) -> None:
    read.skip(8 * read.count())
    read.skip(read.count())
    read.skip(2 * read.count())


def _skip_strategy_blocks(read: Fields) -> None:
    """Pass from rule80A to algoId."""
    read.skip(16)  # rule80A .. volatilityType, first part
    read.skip(1)
    if read.text():  # deltaNeutralOrderType
        read.text()
        read.skip(8)
    else:
        read.text()
    read.skip(6)  # continuousUpdate .. scaleSubsLevelSize
    increment = read.decimal()
    if increment is not None and increment > 0:
        read.skip(7)
    read.skip(3)  # scaleTable, activeStartTime, activeStopTime
    if read.text():  # hedgeType
        read.text()
    read.skip(4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if read.flag():  # delta-neutral contract
        read.skip(3)
    if read.text():  # algoStrategy
        read.skip(2 * read.count())
    read.text()  # algoId


def _skip_conditions(read: Fields) -> None:
    count = read.count()
    for _ in range(count):
        kind = read.integer()
        if kind not in _CONDITION_FIELDS:
            raise FieldError(f"unknown order condition type {kind}")
        read.skip(_CONDITION_FIELDS[kind])
    if count:
        read.skip(2)


def _skip_tail(read: Fields, version: int, exchange: str, order_type: str) -> None:
    """Pass from miscOptions to the end."""
    read.skip(4)  # miscOptions, solicited, randomizeSize, randomizePrice
    if order_type in ("PEG BENCH", "PEGBENCH"):
        read.skip(5)
    _skip_conditions(read)
    read.skip(19)  # adjustedOrderType .. usePriceMgmtAlgo
    for since in (158, 160, 162, 166, 169):
        if version >= since:
            read.text()
    if version >= 170:
        _skip_pegged(read, exchange, order_type)
    read.skip(sum(version >= since for since in (183, 184, 189, 192, 199)))
    if 187 <= version < 189:
        read.skip(2)


def _skip_pegged(read: Fields, exchange: str, order_type: str) -> None:
    if exchange == "IBKRATS":
        read.text()
    if order_type in ("PEG BEST", "PEGBEST"):
        read.text()
        if read.text().lower().startswith("inf"):
            read.skip(2)
    elif order_type in ("PEG MID", "PEGMID"):
        read.skip(2)
