"""Messages of finished orders: completedOrder 101 and its end 102.

101 carries neither order id nor client id. `sv` is the server version agreed with the client.
"""

from functools import cache

from trader.sim.model.orders import Order
from trader.sim.wire import contract_blocks, order_blocks
from trader.sim.wire.frames import UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG, encode, plain
from trader.sim.wire.order_fields import PARTS, Kind, Layout, Part, layout

_FLAGS = layout("outsideRth hidden discretionaryAmt goodAfterTime faGroup faMethod faPercentage")
_PROFILE = layout("faProfile")
_ATTRIBUTES = layout(
    "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation"
    " exemptCode startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize"
    " sweepToFill allOrNone minQty ocaType triggerMethod volatility volatilityType"
    " deltaNeutralOrderType deltaNeutralAuxPrice deltaNeutralConId deltaNeutralShortSale"
    " deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation continuousUpdate"
    " referencePriceType trailStopPrice trailingPercent"
)
_CLEARING = layout("clearingAccount clearingIntent notHeld")
_SOLICITED = layout("solicited")
_RANDOM = layout("randomizeSize randomizePrice")
_LIMIT_OFFSET = layout("lmtPriceOffset cashQty")
_OMS = layout("isOmsContainer")
_HOLDER = "Not an insider or substantial shareholder"
_PEGGING = ("minTradeQty", "minCompeteSize", "competeAgainstBestOffset", "midOffsetAtWhole",
            "midOffsetAtHalf")  # fmt: skip
_SUBMITTER = Part("submitter", Kind.TEXT, order_blocks.SUBMITTER)


def completed_order(sv: int, order: Order, completed: str) -> bytes:
    """Message 101 with the time of completion; a filled order shows quantity 0."""
    terms, given = order.terms, order_blocks.given(order)
    limit = terms.limit_price if order.limit_now is None else order.limit_now
    return encode(
        101, contract_blocks.of_order(order.instrument, order.route), order.side,
        "0" if not order.remaining else plain(order.quantity), terms.order_type,
        order_blocks.price(limit), order_blocks.price(terms.aux_price), terms.tif,
        terms.oca_group, order.account, given.get("openClose", ""), given.get("origin", "0"),
        order.order_ref, order.perm_id, _FLAGS.show(given),
        *((_PROFILE.plain,) if sv < 177 else ()), _ATTRIBUTES.show(given),
        *order_blocks.combination(order), *order_blocks.scale_and_hedge(given),
        _CLEARING.show(given), *order_blocks.hedge_contract(terms),
        *order_blocks.algorithm(terms, given), _SOLICITED.show(given), order.status,
        _RANDOM.show(given), *order_blocks.benchmark(order, given),
        *order_blocks.conditions(terms), given.get("trailStopPrice", UNSET_DOUBLE),
        _LIMIT_OFFSET.show(given), 1, _OMS.show(given), "", plain(order.filled), UNSET_INTEGER,
        given.get("autoCancelParent", "0"), _HOLDER, given.get("imbalanceOnly", "0"), 0,
        order.parent_perm_id or UNSET_LONG, completed, order.completed_text,
        *_late(sv, given),
    )  # fmt: skip


def _late(sv: int, given: dict[str, str]) -> tuple[str, ...]:
    """Return the fields that came with 170 and later, as one run or not at all."""
    run = _late_layout(sv)
    return (run.show(given),) if len(run) else ()


@cache
def _late_layout(sv: int) -> Layout:
    found = [PARTS[name] for name in _PEGGING] if sv >= 170 else []
    if sv >= 183:
        found.append(PARTS["customerAccount"])
    if sv >= 184:
        found.append(PARTS["professionalCustomer"])
    if sv >= 198:
        found.append(_SUBMITTER)
    return Layout(*found)


def completed_orders_end() -> bytes:
    """Message 102, the one end marker without a version."""
    return encode(102)
