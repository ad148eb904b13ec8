"""An order written by the real client comes back to it unchanged: 3 in, 5 and 101 out.

Goal: no field of an order is lost, shifted or left over. Method: random orders are written by
ib_async's own encoder, read by the simulator, shown in openOrder and completedOrder, and read by
ib_async's own decoder. What a gateway shows differently from what was said is named here.
"""

from __future__ import annotations

import math
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Client, Contract, Order
from ib_async.contract import ComboLeg, DeltaNeutralContract, TagValue
from ib_async.decoder import Decoder
from ib_async.objects import SoftDollarTier
from ib_async.order import (
    ExecutionCondition,
    MarginCondition,
    OrderComboLeg,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)
from ib_async.util import UNSET_DOUBLE, UNSET_INTEGER

from tests.unit.sim.wire.samples import instrument, only
from trader.sim.model import orders as model
from trader.sim.wire.frames import FieldError
from trader.sim.wire.messages_completed import completed_order
from trader.sim.wire.messages_orders import open_order
from trader.sim.wire.order_fields import PARTS
from trader.sim.wire.requests_orders import parse_place_order

# At 158 the real client writes a duration and does not expect one back: it cannot be served.
VERSIONS = (157, 159, 160, 161, 162, 163, 165, 166, 169, 170, 173, 176, 177, 178)
TYPES = ("MKT", "LMT", "STP LMT", "TRAIL", "TRAIL LIMIT", "VOL", "PEG BENCH", "PEG BEST", "PEG MID")
# Read by the gateway and never shown again, or made by it.
UNSHOWN = {
    "orderId", "clientId", "permId", "parentId", "transmit", "whatIf", "eTradeOnly",
    "overridePercentageConstraints", "scaleTable", "activeStartTime", "activeStopTime", "algoId",
    "orderMiscOptions", "extOperator", "mifid2DecisionMaker", "mifid2DecisionAlgo",
    "mifid2ExecutionTrader", "mifid2ExecutionAlgo", "advancedErrorOverride", "manualOrderTime",
    "dontUseAutoPriceForHedge", "faProfile", "basisPoints", "basisPointsType", "autoCancelDate",
    "filledQuantity", "refFuturesConId", "shareholder", "imbalanceOnly", "routeMarketableToBbo",
    "parentPermId",
}  # fmt: skip
UNSHOWN_COMPLETED = UNSHOWN | {
    "auctionStrategy", "blockOrder", "firmQuoteOnly", "nbboPriceCap", "optOutSmartRouting",
    "deltaNeutralSettlingFirm", "deltaNeutralClearingAccount", "deltaNeutralClearingIntent",
    "deltaNeutralOpenClose", "adjustedOrderType", "triggerPrice", "adjustedStopPrice",
    "adjustedStopLimitPrice", "adjustedTrailingAmount", "adjustableTrailingUnit",
    "softDollarTier", "discretionaryUpToLimitPrice", "usePriceMgmtAlgo", "duration", "postToAts",
}  # fmt: skip
SINCE = {"postToAts": 160, "autoCancelParent": 162, "duration": 159}
PEGGING = ("minTradeQty", "minCompeteSize", "competeAgainstBestOffset", "midOffsetAtWhole",
           "midOffsetAtHalf")  # fmt: skip
SCALING = (
    "scalePriceAdjustValue",
    "scalePriceAdjustInterval",
    "scaleProfitOffset",
    "scaleAutoReset",
    "scaleInitPosition",
    "scaleInitFillQty",
    "scaleRandomPercent",
)

words = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=6)
prices = st.one_of(
    st.decimals(min_value="-9999", max_value="9999", places=2).map(float),
    st.floats(-1e9, 1e9, allow_nan=False),
)
whole = st.integers(1, 10**6)


class Pen(Client):
    """The real client's encoder, with nothing behind it."""

    def __init__(self, version: int) -> None:
        self.version, self.sent = version, ""

    def serverVersion(self) -> int:  # noqa: N802
        return self.version

    def isConnected(self) -> bool:  # noqa: N802
        return True

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        self.sent = msg


class Reader:
    """What the real decoder calls, which keeps the last order it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Contract, Order, Any]] = []

    def openOrder(self, _: int, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802
        self.seen.append((contract, order, state))

    def completedOrder(self, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802
        self.seen.append((contract, order, state))


def one(name: str, default: object) -> st.SearchStrategy[Any]:
    """Return values for one field of an order; half of them are the default."""
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.one_of(st.just(default), whole)
    if isinstance(default, float):
        return st.one_of(st.just(default), prices)
    return st.one_of(st.just(default), words)


PLAIN_FIELDS = {
    field.name: one(field.name, field.default)
    for field in fields(Order)
    if isinstance(field.default, bool | int | float | str)
}
tags = st.lists(st.builds(TagValue, words, words), max_size=3)
conjunction = st.sampled_from(["a", "o"])
conditions = st.lists(
    st.one_of(
        st.builds(PriceCondition, st.just(1), conjunction, st.booleans(), prices, whole, words,
                  st.integers(0, 8)),
        st.builds(TimeCondition, st.just(3), conjunction, st.booleans(), words),
        st.builds(MarginCondition, st.just(4), conjunction, st.booleans(), whole),
        st.builds(ExecutionCondition, st.just(5), conjunction, words, words, words),
        st.builds(VolumeCondition, st.just(6), conjunction, st.booleans(), whole, whole, words),
        st.builds(PercentChangeCondition, st.just(7), conjunction, st.booleans(), prices, whole,
                  words),
    ),
    max_size=3,
)  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> tuple[Contract, Order]:
    """Return an order with any of its fields set, and its contract."""
    some = draw(st.lists(st.sampled_from(sorted(PLAIN_FIELDS)), unique=True, max_size=25))
    order = Order(**{name: draw(PLAIN_FIELDS[name]) for name in some})
    order.action = draw(st.sampled_from(["BUY", "SELL"]))
    order.totalQuantity = float(draw(whole))
    order.orderType = draw(st.sampled_from(TYPES))
    order.tif = order.tif.upper()
    order.conditions = draw(conditions)
    order.algoParams, order.smartComboRoutingParams = draw(tags), draw(tags)
    order.softDollarTier = SoftDollarTier(draw(words), draw(words), "")
    if draw(st.booleans()):
        order.competeAgainstBestOffset = math.inf
    kind = draw(st.sampled_from(["STK", "FUT", "OPT", "CASH", "BAG"]))
    item = Contract(secType=kind, conId=draw(whole), symbol="ABC", currency="USD")
    item.exchange = draw(st.sampled_from(["SMART", "IBKRATS"]))
    if draw(st.booleans()):
        item.deltaNeutralContract = DeltaNeutralContract(draw(whole), draw(prices), draw(prices))
    if kind == "BAG":
        item.comboLegs = draw(st.lists(st.builds(
            ComboLeg, whole, whole, st.sampled_from(["BUY", "SELL"]), words, st.integers(0, 3),
            st.integers(0, 2), words, st.integers(-1, 9)), min_size=1, max_size=3))  # fmt: skip
        order.orderComboLegs = [OrderComboLeg(draw(prices)) for _ in item.comboLegs]
    return item, order


def written(version: int, item: Contract, order: Order) -> list[str]:
    pen = Pen(version)
    pen.placeOrder(41, item, order)  # type: ignore[no-untyped-call]
    return pen.sent.split("\0")[:-1]


def as_record(version: int, texts: list[str]) -> model.Order:
    """Return the order as the exchange would hold it once it has read it."""
    read = parse_place_order(texts, version)
    query, terms = read.contract, read.terms
    item = instrument(query.con_id, query.symbol, query.sec_type, legs=query.legs)
    return model.Order(
        perm_id=9, client_id=7, order_id=read.order_id, instrument=item,
        side=model.Side(terms.action), terms=terms, account=read.account,
        order_ref=read.order_ref, created_s=0.0, quantity=terms.quantity or Decimal(0), changes=1,
    )  # fmt: skip


def decoded(version: int, texts: list[str]) -> tuple[Contract, Order]:
    """Let the real client read a message, and prove that it needs the last field."""
    reader = Reader()
    decoder = Decoder(reader, version)  # type: ignore[arg-type]
    handler = decoder.handlers[int(texts[0])]
    handler(list(texts))
    with pytest.raises((ValueError, IndexError)):
        handler(texts[:-1])
    assert len(reader.seen) == 1
    return reader.seen[0][0], reader.seen[0][1]


def is_given(name: str, order: Order, item: Contract) -> bool:
    """Return whether the message has a place for the field in such an order."""
    if name in PEGGING:
        best, mid = order.orderType == "PEG BEST", order.orderType == "PEG MID"
        if name == "minTradeQty":
            return item.exchange == "IBKRATS"
        if name.startswith("mid"):
            return mid or (best and order.competeAgainstBestOffset == math.inf)
        return best
    if name in SCALING:
        return 0 < order.scalePriceIncrement < UNSET_DOUBLE
    if name == "hedgeParam":
        return bool(order.hedgeType)
    if name.startswith("deltaNeutral") and name not in (
        "deltaNeutralOrderType", "deltaNeutralAuxPrice",
    ):  # fmt: skip
        return bool(order.deltaNeutralOrderType)
    if name in ("algoParams", "smartComboRoutingParams"):
        return bool(order.algoStrategy) if name[0] == "a" else item.secType == "BAG"
    if name.startswith(("reference", "pegged", "isPegged")) and name != "referencePriceType":
        return order.orderType == "PEG BENCH"
    if name.startswith("conditions"):
        return bool(order.conditions)
    return name != "volatility" or order.orderType == "VOL"


def expected(name: str, order: Order, item: Contract, shown: dict[str, str]) -> object:
    """Return what the client must read back: what it said, or what a gateway shows instead."""
    value, default = getattr(order, name), getattr(Order(), name)
    is_set = value not in ("", 0, UNSET_DOUBLE, UNSET_INTEGER) and is_given(name, order, item)
    if isinstance(value, float) and value == 0.0 and is_given(name, order, item):
        is_set = True
    if isinstance(value, list | tuple):
        return value if is_given(name, order, item) else default
    if is_set:
        return value
    text = shown.get(name, PARTS[name].shown if name in PARTS else "")
    if name in ("lmtPrice", "auxPrice"):
        text = "0.0"
    if not text:
        return default if not isinstance(default, str) else ""
    return text if isinstance(default, str) else type(default)(float(text))


def compare(
    item: Contract, order: Order, back: tuple[Contract, Order], *, unshown: set[str],
    version: int, shown: dict[str, str],
) -> None:  # fmt: skip
    for field in fields(Order):
        name = field.name
        if name in unshown or version < SINCE.get(name, 0) or name == "softDollarTier":
            continue
        if name in PEGGING and version < 170:
            continue
        found, wanted = getattr(back[1], name), expected(name, order, item, shown)
        assert found == wanted, f"{name}: {found!r} is not {wanted!r}"
    if "softDollarTier" not in unshown:
        assert back[1].softDollarTier == order.softDollarTier
    assert back[0].comboLegs == item.comboLegs
    assert back[0].deltaNeutralContract == item.deltaNeutralContract
    assert (back[0].conId, back[0].secType) == (item.conId, item.secType)


@settings(max_examples=120, deadline=None)
@given(orders(), st.sampled_from(VERSIONS))
def test_open_order_shows_the_client_what_it_said(
    wanted: tuple[Contract, Order], version: int
) -> None:
    record = as_record(version, written(version, *wanted))
    back = decoded(version, only(open_order(version, record)))
    shown = {"minCompeteSize": "100", "competeAgainstBestOffset": "0.02"}
    if wanted[1].trailStopPrice == UNSET_DOUBLE:
        shown["trailStopPrice"] = str(UNSET_DOUBLE)
    compare(*wanted, back, unshown=UNSHOWN, version=version, shown=shown)


@settings(max_examples=120, deadline=None)
@given(orders(), st.sampled_from(VERSIONS))
def test_completed_order_shows_the_client_what_it_said(
    wanted: tuple[Contract, Order], version: int
) -> None:
    record = as_record(version, written(version, *wanted))
    back = decoded(version, only(completed_order(version, record, "20260101 00:00:00 UTC")))
    compare(*wanted, back, unshown=UNSHOWN_COMPLETED, version=version, shown={})


@settings(max_examples=80, deadline=None)
@given(orders(), st.sampled_from(VERSIONS))
def test_placing_is_read_to_the_last_field(wanted: tuple[Contract, Order], version: int) -> None:
    texts = written(version, *wanted)
    parse_place_order(texts, version)
    with pytest.raises(FieldError):
        parse_place_order(texts[:-1], version)
