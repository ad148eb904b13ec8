"""ib_async's objects and the wire's text to values of ``trader.core``, and back; pure.

Nothing is guessed: a side, a size or a price that cannot be read raises :class:`Unreadable`, and
the caller reports it. The one exception is the time of an execution: it is never worth losing
the execution for, so it becomes None (INC-025).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import structlog
from ib_async.contract import Contract, ContractDetails
from ib_async.objects import PriceIncrement
from ib_async.order import Order, OrderState

from trader.core.account import MarginPreview
from trader.core.amounts import ZERO, decimal_from
from trader.core.brackets import OCA_REDUCE_WITH_BLOCK, Role
from trader.core.calendar import ContractHours, UnreadableHours, contract_hours
from trader.core.events import OpenOrderSeen
from trader.core.executions import Commission, Execution
from trader.core.ids import AccountId, ClientId, ConId, ExecId, OrderId, OrderRef, PermId
from trader.core.instruments import Instrument, InstrumentSpec, PriceBand, mismatch_of
from trader.core.intents import Intent, OrderType, Side
from trader.core.orders import OrderTerms
from trader.core.risk import ApprovedChange, ApprovedOrder
from trader.core.snapshots import CompletedOrderRow, OpenOrderRow, PositionRow
from trader.ibkr.account import HoldingRow

log = structlog.get_logger(__name__)

ONE = Decimal(1)
_EXECUTION_SIDES = {"BOT": Side.BUY, "SLD": Side.SELL}
_ORDER_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
# Up to orderRef; what follows in message 11 changes nothing that we book.
_EXECUTION_FIELDS_MIN = 27
_PORTFOLIO_FIELDS = 20
_USUAL_TIME = re.compile("[0-9]{8}[- ][0-9]{2}:[0-9]{2}:[0-9]{2}")


class Unreadable(ValueError):
    """A field that decides about money cannot be read."""


def amount(name: str, value: float | int | str | Decimal | None) -> Decimal:
    """Return a number that must be there."""
    number = decimal_from(value)
    if number is None:
        raise Unreadable(f"{name} {value!r} is not a number")
    return number


# ---- executions


def execution_in(fields: Sequence[str], naive_zone: ZoneInfo) -> Execution:
    """Read execDetails (message 11) by position; its numbers stay the text's, digit by digit."""
    if len(fields) < _EXECUTION_FIELDS_MIN:
        raise Unreadable(f"execution of {len(fields)} fields")
    side = _EXECUTION_SIDES.get(fields[18])
    if side is None:
        raise Unreadable(f"execution side {fields[18]!r}")
    if not fields[14]:
        raise Unreadable("execution without an id")
    return Execution(
        exec_id=ExecId(fields[14]),
        account=AccountId(fields[16]),
        con_id=ConId(int(fields[3])),
        symbol=fields[4],
        side=side,
        quantity=amount("execution quantity", fields[19]),
        price=amount("execution price", fields[20]),
        order_id=OrderId(int(fields[2] or 0)),
        client_id=ClientId(int(fields[22] or 0)),
        perm_id=PermId(int(fields[21] or 0)),
        order_ref=OrderRef(fields[26]),
        time_utc=execution_time(fields[15], naive_zone),
        multiplier=multiplier_in(fields[9]),
        currency=fields[11],
        is_liquidation=fields[23] not in ("", "0"),
    )


def execution_time(text: str, naive_zone: ZoneInfo) -> datetime | None:
    """Return the instant that an execution's time text names, or None.

    ``20231116-12:15:35`` is UTC, whatever the gateway's zone (INC-084); ``20230224 12:04:56 MET``
    names its zone, resolvable or not ("British Summer Time" is what some machines say); without
    one it is the gateway's own. In the repeated hour of autumn the first is meant.
    """
    text = text.strip()
    if text[8:9] == "-":
        return _time_in(text, "%Y%m%d-%H:%M:%S", UTC)
    day, _, rest = text.partition(" ")
    clock, _, zone_name = rest.strip().partition(" ")
    zone = _zone_of(zone_name.strip()) if zone_name.strip() else naive_zone
    return _time_in(f"{day} {clock}", "%Y%m%d %H:%M:%S", zone) if zone is not None else None


def _zone_of(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def _time_in(text: str, form: str, zone: Any) -> datetime | None:
    try:
        # What a gateway sends, in a tenth of the time that strptime takes for it.
        if _USUAL_TIME.fullmatch(text):
            day = int(text[:4]), int(text[4:6]), int(text[6:8])
            clock = int(text[9:11]), int(text[12:14]), int(text[15:17])
            return datetime(*day, *clock, tzinfo=zone).astimezone(UTC)
        return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def commission_in(exec_id: str, value: str, currency: str) -> Commission | None:
    """Read commissionReport (message 59); None while the amount is not known.

    -1 and the largest double stand for "not known yet" (INC-078): the configured worst case
    holds until the amount comes.
    """
    number = decimal_from(value)
    if number is None or number == -1 or not exec_id:
        return None
    return Commission(exec_id=ExecId(exec_id), amount=number, currency=currency)


# ---- orders


def open_order_in(
    contract: Contract, order: Order, state: OrderState, magnifier: int | None = 1
) -> OpenOrderRow:
    """Read openOrder (message 5).

    Its prices come as so many times the currency (INC-101); where nobody has told how many, they
    are not known.
    """
    return OpenOrderRow(
        order_id=OrderId(max(order.orderId, 0)),
        client_id=ClientId(order.clientId),
        perm_id=PermId(order.permId),
        order_ref=OrderRef(order.orderRef),
        account=AccountId(order.account),
        con_id=ConId(contract.conId),
        symbol=contract.symbol,
        side=_order_side(order.action),
        quantity=amount("order quantity", order.totalQuantity),
        order_type=order.orderType,
        limit_price=_in_currency(_limit_price(order), magnifier),
        status=status_text(state.status),
        stop_price=_in_currency(_stop_price(order), magnifier),
        time_in_force=order.tif,
        parent_id=OrderId(max(order.parentId, 0)),
    )


def open_order_event(row: OpenOrderRow) -> OpenOrderSeen:
    """Return the same words as an event."""
    return OpenOrderSeen(
        order_id=row.order_id,
        client_id=row.client_id,
        perm_id=row.perm_id,
        order_ref=row.order_ref,
        account=row.account,
        con_id=row.con_id,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        limit_price=row.limit_price,
        status=row.status,
        stop_price=row.stop_price,
        time_in_force=row.time_in_force,
    )


def completed_order_in(contract: Contract, order: Order, state: OrderState) -> CompletedOrderRow:
    """Read completedOrder (message 101), whose size is in ``filledQuantity``."""
    filled = decimal_from(order.filledQuantity)
    if filled is None and state.status == "Filled":
        raise Unreadable(f"filled order {order.permId} without its size")
    return CompletedOrderRow(
        perm_id=PermId(order.permId),
        order_ref=OrderRef(order.orderRef),
        account=AccountId(order.account),
        con_id=ConId(contract.conId),
        status=status_text(state.status),
        filled=filled or ZERO,
        note=state.completedStatus,
    )


def _order_side(action: str) -> Side:
    side = _ORDER_SIDES.get(action)
    if side is None:
        raise Unreadable(f"order side {action!r}")
    return side


def status_text(status: str) -> str:
    """Return a status as it is, if it is a word at all."""
    # Any word of letters is passed on, known or not: the order machine ignores what it does not
    # know. Anything else means that the fields have shifted (INC-113).
    if not status.isalpha():
        raise Unreadable(f"order status {status!r}")
    return status


def _limit_price(order: Order) -> Decimal | None:
    # For the other types the field holds 0.0 or a price that the gateway computed for itself.
    return decimal_from(order.lmtPrice) if "LMT" in order.orderType else None


def _stop_price(order: Order) -> Decimal | None:
    return decimal_from(order.auxPrice) if "STP" in order.orderType else None


def _in_currency(price: Decimal | None, magnifier: int | None) -> Decimal | None:
    return None if price is None or magnifier is None else price / magnifier


def contract_out(instrument: Instrument) -> Contract:
    """Name an instrument to the broker."""
    return Contract(
        conId=instrument.con_id,
        symbol=instrument.symbol,
        secType=instrument.sec_type,
        exchange=instrument.exchange,
        currency=instrument.currency,
    )


def change_out(change: ApprovedChange) -> Order:
    """Write a working order's new terms, and all others as they were written at first.

    A leg stays in its group: another one, or none, would be refused (INC-142). Its parent goes with
    it for as long as that works, and not any longer: it could not be found (INC-134).
    """
    instrument = change.approval.instrument
    order = _order_out(change.terms, change.order.order_ref, instrument.price_magnifier)
    place = change.terms.bracket
    if place is not None and place.is_leg and change.has_parent:
        order.parentId = place.entry_id
    return order


def order_out(approved: ApprovedOrder) -> Order:
    """Write an order's terms; everything else stays at the protocol's "not set".

    The time in force is always sent: without one the broker fills in a preset and answers 10349,
    which reads like a cancel (INC-001). Prices go out in what quotes come in (INC-101).
    """
    magnifier = approved.approval.instrument.price_magnifier
    order = _order_out(approved.terms, approved.order_ref, magnifier)
    if (place := approved.terms.bracket) is not None:
        # Held back until the stop, which is written last, lets all three go (INC-146).
        order.transmit = place.role is Role.STOP_LOSS
        order.parentId = place.entry_id if place.is_leg else 0
    return order


def _order_out(terms: OrderTerms, order_ref: OrderRef, magnifier: int) -> Order:
    order = Order(
        action=terms.side.value,
        # The encoder writes a Decimal as it is; ib_async declares the field a float.
        totalQuantity=cast(float, terms.quantity),
        orderType=terms.order_type.value,
        tif=terms.told_time_in_force,
        goodTillDate=_moment_out(terms.good_till_utc),
        account=terms.account,
        orderRef=order_ref,
        transmit=True,
        outsideRth=False,
    )
    if (place := terms.bracket) is not None and place.is_leg:
        order.ocaGroup, order.ocaType = place.oca_group, OCA_REDUCE_WITH_BLOCK
    return _priced(order, terms, magnifier)


def _moment_out(at_utc: datetime | None) -> str:
    """Write a time as the protocol takes it in UTC; nothing for none."""
    return "" if at_utc is None else f"{at_utc.astimezone(UTC):%Y%m%d-%H:%M:%S}"


def preview_out(intent: Intent, account: AccountId, magnifier: int) -> Order:
    """Write the question what an order would leave behind (whatIf); it is never an order."""
    order = Order(
        action=intent.side.value,
        totalQuantity=cast(float, intent.quantity),
        orderType=intent.order_type.value,
        tif=intent.time_in_force.value,
        account=account,
        # A gateway refuses a what-if that is held back.
        transmit=True,
        outsideRth=False,
        whatIf=True,
    )
    return _priced(order, intent, magnifier)


def preview_in(state: OrderState) -> MarginPreview | None:
    """Read the answer to a what-if; None while its numbers are unset (INC-080)."""
    margin = decimal_from(state.initMarginAfter)
    equity = decimal_from(state.equityWithLoanAfter)
    if margin is None or equity is None:
        return None
    return MarginPreview(initial_margin_after=margin, equity_with_loan_after=equity)


def _priced(order: Order, terms: OrderTerms | Intent, magnifier: int) -> Order:
    match terms.order_type:
        case OrderType.LIMIT:
            assert terms.limit_price is not None, "limit order without a limit"
            order.lmtPrice = terms.limit_price * magnifier
        case OrderType.STOP:
            assert terms.stop_price is not None, "stop order without a stop"
            order.auxPrice = terms.stop_price * magnifier
        case OrderType.MARKET:
            pass
    return order


# ---- positions and instruments


def position_in(account: str, contract: Contract, quantity: float, cost: float) -> PositionRow:
    """Read position (message 61); the average cost includes the multiplier (INC-088)."""
    return PositionRow(
        account=AccountId(account),
        con_id=ConId(contract.conId),
        symbol=contract.symbol,
        quantity=amount("position", quantity),
        # Unset for some rows (INC-105); it is shown and never computed with.
        average_cost=decimal_from(cost) or ZERO,
        multiplier=multiplier_in(contract.multiplier),
        currency=contract.currency,
    )


def holding_in(fields: Sequence[str]) -> tuple[AccountId, HoldingRow]:
    """Read updatePortfolio (message 7): the account, and what a holding is worth there.

    Price and value are unset for some rows (INC-105); only the value is counted with, which is in
    the row's currency and has the multiplier in it.
    """
    if len(fields) != _PORTFOLIO_FIELDS:
        raise Unreadable(f"portfolio row of {len(fields)} fields, not {_PORTFOLIO_FIELDS}")
    price, value = decimal_from(fields[14]), decimal_from(fields[15])
    row = HoldingRow(
        con_id=ConId(int(fields[2])),
        symbol=fields[3],
        sec_type=fields[4],
        currency=fields[10],
        quantity=amount("position", fields[13]),
        # A value beside a price that is none is of another moment.
        value=None if price is None else value,
    )
    return AccountId(fields[19]), row


def multiplier_in(text: str) -> Decimal:
    """Return a contract's multiplier; stocks send none."""
    return amount("multiplier", text) if text else ONE


def contract_sought(spec: InstrumentSpec) -> Contract:
    """Return the question for an instrument (message 9)."""
    return Contract(
        symbol=spec.symbol,
        secType=spec.sec_type,
        exchange=spec.exchange,
        currency=spec.currency,
        primaryExchange=spec.primary_exchange,
    )


def is_match(spec: InstrumentSpec, details: ContractDetails) -> bool:
    """Tell whether contract details are what was asked for, to the letter."""
    contract = details.contract
    assert contract is not None, "contract details without a contract"
    primary_ok = spec.primary_exchange in ("", contract.primaryExchange)
    return primary_ok and (
        (contract.symbol, contract.secType, contract.exchange, contract.currency)
        == (spec.symbol, spec.sec_type, spec.exchange, spec.currency)
    )


def market_rule_of(details: ContractDetails) -> int | None:
    """Return the id of the price rule at the contract's exchange, or None if it has none."""
    contract = details.contract
    assert contract is not None, "contract details without a contract"
    rules = [part.strip() for part in details.marketRuleIds.split(",") if part.strip()]
    exchanges = [part.strip() for part in details.validExchanges.split(",")]
    if not rules:
        return None
    # The two lists run in parallel (message 10).
    for exchange, rule in zip(exchanges, rules, strict=False):
        if exchange == contract.exchange:
            return int(rule)
    return int(rules[0])


def instrument_in(
    spec: InstrumentSpec, details: ContractDetails, rule: Sequence[PriceIncrement]
) -> Instrument:
    """Make an instrument of contract details and their price rule (messages 10 and 93).

    Its steps are in the currency; the broker's are in what quotes come in (INC-101).
    """
    contract = details.contract
    assert contract is not None, "contract details without a contract"
    steps = [(step.lowEdge, step.increment) for step in rule] or [(0.0, details.minTick)]
    magnifier = details.priceMagnifier
    if magnifier < 1:
        if spec.is_tradeable:
            raise Unreadable(f"{spec.symbol}: price magnifier {magnifier}")
        magnifier = 1
    bands = tuple(
        PriceBand(
            amount("price band", edge) / magnifier,
            amount("price increment", increment) / magnifier,
        )
        for edge, increment in sorted(steps)
    )
    if spec.is_tradeable and any(band.increment <= ZERO for band in bands):
        raise Unreadable(f"{spec.symbol}: price increments {steps}")
    instrument = Instrument(
        con_id=ConId(contract.conId),
        symbol=contract.symbol,
        sec_type=contract.secType,
        exchange=contract.exchange,
        currency=contract.currency,
        multiplier=multiplier_in(contract.multiplier),
        bands=bands,
        size_increment=_size_increment(contract, details),
        price_magnifier=magnifier,
        is_tradeable=spec.is_tradeable,
        primary_exchange=contract.primaryExchange,
    )
    return replace(
        instrument, mismatch=mismatch_of(spec, instrument), hours=hours_in(spec.symbol, details)
    )


def hours_in(symbol: str, details: ContractDetails) -> ContractHours | None:
    """Read when a contract trades; None where its text or its zone cannot be read.

    It is never worth losing the instrument for: without hours new risk waits where the policy
    asks for them, and what is held can still be closed.
    """
    zone = _zone_of(details.timeZoneId)
    try:
        if zone is None:
            raise UnreadableHours(f"zone {details.timeZoneId!r}")
        return contract_hours(details.tradingHours, details.liquidHours, zone)
    except UnreadableHours as error:
        log.warning("trading hours not known", symbol=symbol, problem=str(error))
        return None


def _size_increment(contract: Contract, details: ContractDetails) -> Decimal:
    increment = decimal_from(details.sizeIncrement) or ONE
    # Stocks announce 0.0001, and orders for parts of a share are refused through the API (10243).
    return max(increment, ONE) if contract.secType in ("STK", "IND") else increment
