"""Order requests are read as the client meant them, at every server version spoken."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Client, Contract, LimitOrder, Order, Stock
from ib_async.contract import ComboLeg, DeltaNeutralContract, TagValue
from ib_async.order import OrderComboLeg, PriceCondition, TimeCondition

from tests.unit.sim.support import place_fields
from trader.sim.wire.frames import FieldError
from trader.sim.wire.requests_orders import parse_cancel_order, parse_executions, parse_place_order

VERSIONS = (157, 160, 163, 166, 169, 170, 173, 176, 177, 178)


class Recorder(Client):
    """The real client's encoder, with nothing behind it."""

    def __init__(self, version: int) -> None:
        self.version, self.sent = version, ""

    def serverVersion(self) -> int:  # noqa: N802
        return self.version

    def isConnected(self) -> bool:  # noqa: N802
        return True

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        self.sent = msg

    def fields(self) -> list[str]:
        return self.sent.split("\0")[:-1]


def placed(version: int, item: Contract, order: Order) -> list[str]:
    client = Recorder(version)
    client.placeOrder(41, item, order)  # type: ignore[no-untyped-call]
    return client.fields()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plain_order_is_read_as_the_real_client_wrote_it(version: int) -> None:
    order = LimitOrder("SELL", 30, 172.25, tif="GTC", orderRef="strategy-7", outsideRth=True)
    read = parse_place_order(placed(version, Stock("AAPL", "SMART", "USD"), order), version)
    assert (read.order_id, read.terms.action, read.terms.quantity) == (41, "SELL", Decimal("30.0"))
    assert (read.terms.order_type, read.terms.limit_price, read.terms.aux_price) == (
        "LMT",
        Decimal("172.25"),
        None,
    )
    assert (read.terms.tif, read.order_ref, read.terms.outside_rth) == ("GTC", "strategy-7", True)
    assert (read.contract.symbol, read.transmit, read.what_if) == ("AAPL", True, False)


def loaded_order() -> tuple[Contract, Order]:
    """Return an order with every optional block of the layout."""
    item = Contract(secType="BAG", symbol="A", exchange="IBKRATS", currency="USD")
    item.comboLegs = [ComboLeg(conId=1), ComboLeg(conId=2)]
    item.deltaNeutralContract = DeltaNeutralContract(3, 0.5, 1.0)
    order = Order(action="BUY", totalQuantity=1, orderType="PEG BEST", whatIf=True, tif="DAY")
    order.orderComboLegs = [OrderComboLeg(1.0)]
    order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
    order.deltaNeutralOrderType, order.scalePriceIncrement = "MKT", 0.5
    order.hedgeType, order.hedgeParam = "D", "1"
    order.algoStrategy, order.algoParams = "Vwap", [TagValue("a", "1"), TagValue("b", "2")]
    order.conditions = [PriceCondition(price=1.0), TimeCondition(time="x")]
    order.competeAgainstBestOffset = float("inf")
    return item, order


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_blocks_are_passed_over_to_the_last_field(version: int) -> None:
    fields = placed(version, *loaded_order())
    read = parse_place_order(fields, version)
    assert (read.terms.order_type, read.what_if) == ("PEG BEST", True)
    with pytest.raises(FieldError):
        parse_place_order(fields[:-1], version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["PEG MID", "PEG BENCH", "MKT"])
def test_order_types_with_fields_of_their_own_are_read(version: int, kind: str) -> None:
    order = Order(action="BUY", totalQuantity=1, orderType=kind)
    fields = placed(version, Stock("AAPL", "SMART", "USD"), order)
    assert parse_place_order(fields, version).terms.order_type == kind
    with pytest.raises(FieldError):
        parse_place_order(fields[:-1], version)


@given(st.lists(st.text(max_size=8), max_size=130), st.sampled_from(VERSIONS))
def test_any_fields_end_in_a_request_or_a_field_error(fields: list[str], version: int) -> None:
    with contextlib.suppress(FieldError):
        parse_place_order(["3", *fields], version)


@given(st.integers(1, 113), st.text(max_size=12))
def test_one_broken_field_never_raises_anything_else(place: int, text: str) -> None:
    fields = [str(value) for value in place_fields(1)]
    fields[place] = text
    with contextlib.suppress(FieldError):
        parse_place_order(fields, 178)


def test_the_cancel_layout_changes_at_192() -> None:
    assert parse_cancel_order(["4", "1", "12", ""], 178).order_id == 12
    assert parse_cancel_order(["4", "12", "", "", ""], 192).order_id == 12


def test_an_execution_filter_is_read() -> None:
    wanted = parse_executions([str(v) for v in (7, 3, 9, 0, "DU1", "", "AAPL", "", "", "BUY")], 178)
    assert (wanted.request_id, wanted.account, wanted.side) == (9, "DU1", "BUY")
