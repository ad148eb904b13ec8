"""Order requests: place, cancel, executions; fields in, frozen values out, no decision taken.

The server-version gates are those of versions 157 to 200. A message that cannot be read
raises `FieldError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trader.sim.model.orders import OrderRequest, Terms
from trader.sim.wire.frames import FieldError
from trader.sim.wire.reader import Fields

# Fields of one order condition after its type, by type (price, time, margin, execution,
# volume, percent change).
_CONDITION_FIELDS = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}


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


def parse_executions(fields: Sequence[str]) -> ExecutionFilter:
    """Read message 7."""
    read = Fields(fields, 2)
    return ExecutionFilter(read.integer(), read.integer(), *(read.text() for _ in range(6)))


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
