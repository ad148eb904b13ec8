"""Order requests: place, cancel, executions; fields in, frozen values out, no decision taken.

The server-version gates are those of versions 157 to 200. A message that cannot be read raises
`FieldError`. placeOrder is read to its last field, so that a shifted layout cannot pass unnoticed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from trader.sim.model.instruments import ContractQuery, Leg
from trader.sim.model.orders import ZERO, Condition, OrderRequest, Terms
from trader.sim.wire.frames import FieldError, amount, read_decimal, read_flag, read_integer
from trader.sim.wire.order_fields import (
    BENCHMARK,
    DELTA_NEUTRAL,
    PEG_BENCHMARK_TYPES,
    PEG_BEST_TYPES,
    PEG_MID_TYPES,
    SCALE,
    layout,
)
from trader.sim.wire.reader import Fields

_MAIN = layout(
    "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin"
    " orderRef transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden"
)
_ALLOCATION = layout(
    "sharesAllocation discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage"
)
_PROFILE = layout("faProfile")
_ATTRIBUTES = layout(
    "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone"
    " minQty percentOffset eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice"
    " stockRefPrice delta stockRangeLower stockRangeUpper overridePercentageConstraints"
    " volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice"
)
_DELTA_NEUTRAL = layout(DELTA_NEUTRAL)
_TRAIL_AND_SCALE = layout(
    "continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize"
    " scaleSubsLevelSize scalePriceIncrement"
)
_ACTIVE = layout("scaleTable activeStartTime activeStopTime hedgeType")
_HEDGE = layout("hedgeParam")
_CLEARING = layout("optOutSmartRouting clearingAccount clearingIntent notHeld")
_ALGO = layout("algoStrategy")
_FLAGS = layout("algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice")
_ADJUSTED = layout(
    "adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice"
    " adjustedTrailingAmount adjustableTrailingUnit extOperator softDollarTierName"
    " softDollarTierValue cashQty mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader"
    " mifid2ExecutionAlgo dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice"
    " usePriceMgmtAlgo"
)
# From which server version on each of these fields is there; pegging stands between the two.
_SINCE = tuple(
    (since, layout(name))
    for since, name in (
        (158, "duration"), (160, "postToAts"), (162, "autoCancelParent"),
        (166, "advancedErrorOverride"), (169, "manualOrderTime"),
    )
)  # fmt: skip
_SINCE_LATE = tuple(
    (since, until, layout(name))
    for since, until, name in (
        (183, 999, "customerAccount"), (184, 999, "professionalCustomer"),
        # Two fields came and went again.
        (187, 190, "rfqText rfqNumber"),
        (189, 999, "includeOvernight"), (192, 999, "manualOrderIndicator"),
        (199, 999, "imbalanceOnly"),
    )
)  # fmt: skip
_PEG_TRADE = layout("minTradeQty")
_PEG_BEST = layout("minCompeteSize competeAgainstBestOffset")
_PEG_MID = layout("midOffsetAtWhole midOffsetAtHalf")

# What each field of a condition is after its type, by type: price, time, margin, execution,
# volume, percent change. c is the conjunction, f a flag, n a number, i an integer, t text.
_CONDITIONS = {1: "cfnitI", 3: "cft", 4: "cfi", 5: "cttt", 6: "cfiit", 7: "cfnit"}
_IGNORED = ("sharesAllocation", "faProfile", "dontUseAutoPriceForHedge", "rfqText", "rfqNumber")


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
    # None where the client named no number of days; dates are written `yyyymmdd`.
    last_days: int | None = None
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A cancelOrder (message 4), or a global one (58) with order id 0."""

    order_id: int
    manual_time: str = ""
    operator: str = ""
    manual_indicator: int | None = None


def parse_place_order(fields: Sequence[str], server_version: int) -> OrderRequest:
    """Read message 3."""
    read, given = Fields(fields, 1), dict[str, str]()
    order_id, contract = read.integer(), read.contract()
    secured = read.texts(2)
    if secured != ("", ""):
        contract = replace(contract, sec_id_type=secured[0], sec_id=secured[1])
    groups: dict[str, tuple[str, ...]] = {}
    read.run(_MAIN, given)
    prices: tuple[Decimal | None, ...] = ()
    if contract.sec_type == "BAG":
        contract = replace(contract, legs=_combination(read))
        prices = tuple(read.decimal() for _ in range(read.count()))
        _pairs(read, groups, "smartComboRoutingParams")
    read.run(_ALLOCATION, given)
    if server_version < 177:
        read.run(_PROFILE, given)
    read.run(_ATTRIBUTES, given)
    _strategies(read, given, groups)
    conditions = _tail(read, given, server_version, contract.exchange)
    for name in _IGNORED:
        given.pop(name, None)
    return _request(
        order_id, contract, given, groups=groups, conditions=conditions, leg_prices=prices
    )


def _combination(read: Fields) -> tuple[Leg, ...]:
    return tuple(
        Leg(
            con_id=read.integer(), ratio=read.integer(), action=read.text().upper(),
            exchange=read.text(), open_close=read.integer(), short_sale_slot=read.integer(),
            designated_location=read.text(), exempt_code=_code(read.text()),
        )
        for _ in range(read.count())
    )  # fmt: skip


def _code(text: str) -> int:
    value = read_integer(text)
    return -1 if value is None else value


def _pairs(read: Fields, groups: dict[str, tuple[str, ...]], name: str) -> None:
    found = read.texts(2 * read.count())
    if found:
        groups[name] = found


def _strategies(read: Fields, given: dict[str, str], groups: dict[str, tuple[str, ...]]) -> None:
    """Read from the delta-neutral block to randomizePrice."""
    if read.back(2):  # deltaNeutralOrderType as written
        read.run(_DELTA_NEUTRAL, given)
    read.run(_TRAIL_AND_SCALE, given)
    increment = given.get("scalePriceIncrement")
    if increment and Decimal(increment) > 0:
        read.run(SCALE, given)
    read.run(_ACTIVE, given)
    if read.back(1):  # hedgeType
        read.run(_HEDGE, given)
    read.run(_CLEARING, given)
    if read.flag():
        groups["deltaNeutralContract"] = _hedge_contract(read)
    read.run(_ALGO, given)
    if read.back(1):
        _pairs(read, groups, "algoParams")
    read.run(_FLAGS, given)


def _hedge_contract(read: Fields) -> tuple[str, ...]:
    """Return contract id, delta and price of the underlying that hedges an option."""
    con_id, delta, price = read.integer(), read.decimal(), read.decimal()
    return str(con_id), amount(delta or ZERO), amount(price or ZERO)


def _tail(
    read: Fields, given: dict[str, str], version: int, exchange: str
) -> tuple[Condition, ...]:
    """Read from the benchmark block to the end; return the conditions."""
    order_type = given.get("orderType", "")
    if order_type in PEG_BENCHMARK_TYPES:
        read.run(BENCHMARK, given)
    conditions = tuple(_condition(read) for _ in range(read.count()))
    if conditions:
        given["conditionsIgnoreRth"] = str(int(read.flag()))
        given["conditionsCancelOrder"] = str(int(read.flag()))
    read.run(_ADJUSTED, given)
    for since, late in _SINCE:
        if version >= since:
            read.run(late, given)
    if version >= 170:
        _pegging(read, given, exchange, order_type)
    for since, until, late in _SINCE_LATE:
        if since <= version < until:
            read.run(late, given)
    return conditions


def _pegging(read: Fields, given: dict[str, str], exchange: str, order_type: str) -> None:
    if exchange == "IBKRATS":
        read.run(_PEG_TRADE, given)
    if order_type in PEG_BEST_TYPES:
        read.run(_PEG_BEST, given)
        if given.get("competeAgainstBestOffset") == "Infinity":
            read.run(_PEG_MID, given)
    elif order_type in PEG_MID_TYPES:
        read.run(_PEG_MID, given)


def _condition(read: Fields) -> Condition:
    kind = read.integer()
    if kind not in _CONDITIONS:
        raise FieldError(f"order condition type {kind}, allowed: {sorted(_CONDITIONS)}")
    texts = read.texts(len(_CONDITIONS[kind]))
    checked = zip(_CONDITIONS[kind], texts, strict=True)
    return Condition(kind, tuple(_condition_field(code, text) for code, text in checked))


def _condition_field(code: str, text: str) -> str:
    """Check one field of a condition and return it as the gateway shows it again."""
    if code == "c" and text not in ("a", "o"):
        raise FieldError(f"conjunction {text[:20]!r}, allowed: a (and), o (or)")
    if code == "f":
        return str(int(read_flag(text)))
    if code == "n":
        read_decimal(text)
    if code in ("i", "I"):
        read_integer(text)
    return text


def _request(
    order_id: int, contract: ContractQuery, given: dict[str, str], **more: Any
) -> OrderRequest:
    """Make the request; what no field of it names stays in the terms' echo."""
    take = given.pop
    account, order_ref = take("account", ""), take("orderRef", "")
    parent_id = int(take("parentId", "0"))
    transmit, what_if = bool(take("transmit", "")), bool(take("whatIf", ""))
    return OrderRequest(
        order_id=order_id, contract=contract, terms=_terms(given, route=contract.exchange, **more),
        account=account, order_ref=order_ref, transmit=transmit, parent_id=parent_id,
        what_if=what_if,
    )  # fmt: skip


def _terms(
    given: dict[str, str], *, groups: Mapping[str, tuple[str, ...]],
    conditions: tuple[Condition, ...], leg_prices: tuple[Decimal | None, ...], route: str,
) -> Terms:  # fmt: skip
    take = given.pop
    return Terms(
        action=take("action", "").upper(), quantity=_number(given, "totalQuantity"),
        order_type=take("orderType", "").upper(), limit_price=_number(given, "lmtPrice"),
        aux_price=_number(given, "auxPrice"), tif=take("tif", "").upper(),
        trail_stop_price=_number(given, "trailStopPrice"),
        trailing_percent=_number(given, "trailingPercent"),
        limit_offset=_number(given, "lmtPriceOffset"),
        outside_rth=bool(take("outsideRth", "")), hidden=bool(take("hidden", "")),
        all_or_none=bool(take("allOrNone", "")), sweep_to_fill=bool(take("sweepToFill", "")),
        display_size=_whole(given, "displaySize"), min_quantity=_number(given, "minQty"),
        cash_quantity=_number(given, "cashQty"),
        discretionary=_number(given, "discretionaryAmt") or ZERO,
        trigger_method=_whole(given, "triggerMethod") or 0,
        good_after=take("goodAfterTime", ""), good_till=take("goodTillDate", ""),
        oca_group=take("ocaGroup", ""), oca_type=_whole(given, "ocaType") or 3,
        conditions=conditions, leg_prices=leg_prices, route=route,
        conditions_ignore_rth=take("conditionsIgnoreRth", "0") == "1",
        conditions_cancel=take("conditionsCancelOrder", "0") == "1",
        echo={**given, **groups},
    )  # fmt: skip


def _number(given: dict[str, str], name: str) -> Decimal | None:
    text = given.pop(name, None)
    return None if text is None else Decimal(text)


def _whole(given: dict[str, str], name: str) -> int | None:
    text = given.pop(name, None)
    return None if text is None else int(text)


def parse_cancel_order(fields: Sequence[str], server_version: int) -> CancelRequest:
    """Read message 4."""
    read = Fields(fields, 1)
    if server_version < 192:
        read.text()  # version
    order_id = read.integer()
    manual_time = read.text() if server_version >= 169 else ""
    if 187 <= server_version < 190:
        read.skip(3)
    return _tagged(read, server_version, order_id, manual_time)


def parse_global_cancel(fields: Sequence[str], server_version: int) -> CancelRequest:
    """Read message 58."""
    read = Fields(fields, 1)
    if server_version < 192:
        read.text()
    return _tagged(read, server_version, 0, "")


def _tagged(read: Fields, server_version: int, order_id: int, manual_time: str) -> CancelRequest:
    """Read who cancelled and whether by hand, which clients say from 192 on."""
    if server_version < 192:
        return CancelRequest(order_id, manual_time)
    return CancelRequest(order_id, manual_time, read.text(), read_integer(read.text()))


def parse_executions(fields: Sequence[str], server_version: int) -> ExecutionFilter:
    """Read message 7."""
    read = Fields(fields, 2)
    request_id, client_id = read.integer(), read.integer()
    account, since, symbol, sec_type, exchange, side = read.texts(6)
    is_dated = server_version >= 200
    last_days = read_integer(read.text()) if is_dated else None
    dates = read.texts(read.count()) if is_dated else ()
    return ExecutionFilter(
        request_id, client_id, account, since, symbol, sec_type, exchange, side,
        last_days=last_days, dates=dates,
    )  # fmt: skip


def parse_completed_orders(fields: Sequence[str]) -> bool:
    """Read message 99: whether only orders placed through the API are wanted."""
    return Fields(fields, 1).flag()


def parse_auto_open_orders(fields: Sequence[str]) -> bool:
    """Read message 15: whether manual orders are to be bound to client 0."""
    return Fields(fields, 2).flag()
