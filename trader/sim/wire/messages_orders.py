"""Messages of live orders: openOrder 5, orderStatus 3, orderBound 100.

Field counts are exact: clients drop or misread a message with one field more or less. openOrder
has 136 fields at 173 and 176, 135 at 178. `sv` is the server version agreed with the client.
"""

from functools import cache

from trader.sim.model.orders import Margin, Order
from trader.sim.wire import contract_blocks, order_blocks
from trader.sim.wire.frames import UNSET_DOUBLE, amount, encode, plain, quotient
from trader.sim.wire.order_fields import DELTA_NEUTRAL, PARTS, Kind, Layout, Part, layout

_FLAGS = layout("outsideRth hidden discretionaryAmt goodAfterTime")
_ALLOCATION = layout("faGroup faMethod faPercentage")
_PROFILE = layout("faProfile")
_ATTRIBUTES = layout(
    "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation"
    " exemptCode auctionStrategy startingPrice stockRefPrice delta stockRangeLower stockRangeUpper"
    " displaySize blockOrder sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly"
    " nbboPriceCap"
)
_VOLATILITY = layout(
    "triggerMethod volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice "
    + DELTA_NEUTRAL
    + " continuousUpdate referencePriceType trailStopPrice trailingPercent"
    " basisPoints basisPointsType"
)
_CLEARING = layout("optOutSmartRouting clearingAccount clearingIntent notHeld")
_SOLICITED = layout("solicited")
_RANDOM = layout("randomizeSize randomizePrice")
_ADJUSTED_HEAD = layout("adjustedOrderType triggerPrice")
_ADJUSTED = layout(
    "lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount"
    " adjustableTrailingUnit softDollarTierName softDollarTierValue softDollarTierDisplayName"
    " cashQty"
)
_PEGGING = ("minTradeQty", "minCompeteSize", "competeAgainstBestOffset", "midOffsetAtWhole",
            "midOffsetAtHalf")  # fmt: skip
# What stands elsewhere with another default. Gateways fill the first two in for any order.
_SPECIAL = {
    "minCompeteSize": Part("minCompeteSize", Kind.INTEGER, "100"),
    "competeAgainstBestOffset": Part("competeAgainstBestOffset", Kind.OFFSET, "0.02"),
    "bondAccruedInterest": Part("bondAccruedInterest"),
    "submitter": Part("submitter", Kind.TEXT, order_blocks.SUBMITTER),
    # Shown as 1 whatever the client said.
    "dontUseAutoPriceForHedge": Part("dontUseAutoPriceForHedge", Kind.TEXT, "1"),
}
_TAIL = (
    (0, ("dontUseAutoPriceForHedge", "isOmsContainer", "discretionaryUpToLimitPrice",
         "usePriceMgmtAlgo")),
    (158, ("duration",)), (160, ("postToAts",)), (162, ("autoCancelParent",)), (170, _PEGGING),
    (183, ("customerAccount",)), (184, ("professionalCustomer",)), (185, ("bondAccruedInterest",)),
    (189, ("includeOvernight",)), (193, ("extOperator", "manualOrderIndicator")),
    (198, ("submitter",)), (199, ("imbalanceOnly",)),
)  # fmt: skip
_NO_MARGIN = "\0".join([UNSET_DOUBLE] * 9)
# suggestedSize as an unset 64-bit number, no reason of refusal, no allocation.
_NO_PREVIEW = "\0".join([_NO_MARGIN, "-9223372036854775808", "", "0"])
_PLAIN_MIDDLE = "\0".join(
    (_VOLATILITY.plain, "", "0", "0", "0", *order_blocks.scale_and_hedge({}), _CLEARING.plain,
     "0", "", _SOLICITED.plain)
)  # fmt: skip


def open_order(sv: int, order: Order, margin: Margin | None = None) -> bytes:
    """Message 5; with a margin it is the answer to a what-if order."""
    terms, given = order.terms, order_blocks.given(order)
    limit = terms.limit_price if order.limit_now is None else order.limit_now
    is_plain = order_blocks.is_plain(order, given)
    return encode(
        5, order.order_id, contract_blocks.of_order(order.instrument, order.route), order.side,
        plain(order.quantity), terms.order_type, order_blocks.price(limit),
        order_blocks.price(terms.aux_price), terms.tif, terms.oca_group, order.account,
        given.get("openClose", ""), given.get("origin", "0"), order.order_ref, order.client_id,
        order.perm_id, _FLAGS.show(given), f"{order.perm_id}.{order.changes}/{order.account}/100",
        _ALLOCATION.show(given), *((_PROFILE.plain,) if sv < 177 else ()), _ATTRIBUTES.show(given),
        order.parent_id, _PLAIN_MIDDLE if is_plain else _middle(order, given),
        *_outcome(sv, order, margin), _RANDOM.show(given), *order_blocks.benchmark(order, given),
        *order_blocks.conditions(terms), _ADJUSTED_HEAD.show(given),
        order_blocks.trail_stop(order, given), _ADJUSTED.show(given), _tail(sv).show(given),
    )  # fmt: skip


def _middle(order: Order, given: dict[str, str]) -> str:
    """Return the fields from triggerMethod to solicited."""
    return "\0".join(
        (
            _VOLATILITY.show(given), *order_blocks.combination(order),
            *order_blocks.scale_and_hedge(given), _CLEARING.show(given),
            *order_blocks.hedge_contract(order.terms),
            *order_blocks.algorithm(order.terms, given), _SOLICITED.show(given),
        )
    )  # fmt: skip


def _outcome(sv: int, order: Order, margin: Margin | None) -> tuple[object, ...]:
    """Return whatIf, status, margin block, commission range, currency, warning."""
    currency = order.commission_currency or order.instrument.currency
    preview = ("", _NO_PREVIEW) if sv >= 195 else ()
    if margin is not None:
        currency = margin.currency or currency
        block = (*margin.before, *margin.change, *margin.after)
        preview = (currency, _NO_PREVIEW) if sv >= 195 else ()
        charges = (*_range(margin), currency)
        return (1, "PreSubmitted", *block, *charges, *preview, margin.warning)
    if order.commission is None:
        return (0, order.status, _NO_MARGIN, "", "", "", "", *preview, "")
    charge = amount(order.commission)
    return (0, order.status, _NO_MARGIN, charge, "", "", currency, *preview, "")


def _range(margin: Margin) -> tuple[str, str, str]:
    """Return the commission and its bounds; an uncertain one has only bounds."""
    high = plain(margin.commission)
    if margin.commission_low is None:
        return high, high, high
    return "", plain(margin.commission_low), high


@cache
def _tail(sv: int) -> Layout:
    """Return the run from dontUseAutoPriceForHedge to the end at a server version."""
    names = [name for since, some in _TAIL if sv >= since for name in some]
    return Layout(*[_SPECIAL.get(name) or PARTS[name] for name in names])


def order_status(order: Order) -> bytes:
    """Message 3, twelve fields; prices are in the currency, whatever quotes are in (INC-101)."""
    magnifier = order.instrument.price_magnifier
    return encode(
        3, order.order_id, order.status, plain(order.filled), plain(order.remaining),
        quotient(order.average_price / magnifier), order.perm_id, order.parent_id,
        plain(order.last_price / magnifier), order.client_id, order.why_held, 0,
    )  # fmt: skip


def order_bound(perm_id: int, client_id: int, order_id: int) -> bytes:
    """Message 100: an order of the trading application has got an API order id."""
    return encode(100, perm_id, client_id, order_id)
