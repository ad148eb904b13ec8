"""Wire to core and back: exact numbers, no guess, and no execution lost for its time."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async.contract import Contract, ContractDetails
from ib_async.objects import PriceIncrement
from ib_async.order import Order, OrderState

from tests.unit.ibkr.fake_gateway import AAPL, EXECUTION, approved_bracket, approved_order
from trader.core.ids import intent_id_in
from trader.core.instruments import InstrumentSpec
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.orders import Order as CoreOrder
from trader.core.risk import ApprovedChange
from trader.ibkr import translate
from trader.ibkr.translate import Unreadable

ZONE = ZoneInfo("America/New_York")
MONEY = st.decimals("0.0001", "999999.9999", places=4, allow_nan=False)


def execution_fields(**changes: str) -> list[str]:
    places = {"order_id": 2, "multiplier": 9, "currency": 11, "exec_id": 14, "time": 15, "side": 18,
              "shares": 19, "price": 20, "perm_id": 21, "liquidation": 23}  # fmt: skip
    fields = EXECUTION.split("|")
    for name, value in changes.items():
        fields[places[name]] = value
    return fields


def details(**changes: object) -> ContractDetails:
    contract = Contract(
        conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD",
        primaryExchange="NASDAQ",
    )  # fmt: skip
    found = ContractDetails(
        contract=contract, minTick=0.01, priceMagnifier=1, validExchanges="NYSE,SMART",
        marketRuleIds="26,239", sizeIncrement=0.0001,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(contract if hasattr(contract, name) else found, name, value)
    return found


# ---- executions


def test_an_execution_is_read_field_by_field() -> None:
    got = translate.execution_in(EXECUTION.split("|"), ZONE)
    assert (got.exec_id, got.account, got.con_id) == ("0000e0d5.67fe667b.01.01", "DU1", 265598)
    assert (got.side, got.quantity, got.price) == (Side.BUY, Decimal(100), Decimal("190.10"))
    assert (got.order_id, got.client_id, got.perm_id) == (5, 7, 900001)
    assert (got.order_ref, got.currency, got.multiplier) == ("ref", "USD", Decimal(1))
    assert got.time_utc == datetime(2026, 4, 13, 19, 27, 4, tzinfo=UTC)
    assert not got.is_liquidation


@given(MONEY, MONEY)
def test_the_numbers_of_an_execution_are_the_texts_digit_by_digit(
    shares: Decimal, price: Decimal
) -> None:
    got = translate.execution_in(execution_fields(shares=str(shares), price=str(price)), ZONE)
    assert (str(got.quantity), str(got.price)) == (str(shares), str(price))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260706 16:00:01 MET", datetime(2026, 7, 6, 14, 0, 1, tzinfo=UTC)),
        ("20260706 16:00:01 US/Eastern", datetime(2026, 7, 6, 20, 0, 1, tzinfo=UTC)),
        ("20231116-12:15:35", datetime(2023, 11, 16, 12, 15, 35, tzinfo=UTC)),
        ("20230224  12:04:56", datetime(2023, 2, 24, 17, 4, 56, tzinfo=UTC)),
        ("20230224 12:04:56", datetime(2023, 2, 24, 17, 4, 56, tzinfo=UTC)),
        # The repeated hour of autumn: the first is meant.
        ("20231105 01:30:00 US/Eastern", datetime(2023, 11, 5, 5, 30, tzinfo=UTC)),
        ("20260706 16:00:01 British Summer Time", None),
        ("20260706 16:00:01 Foo/Bar", None),
        ("20260706 16:00:01 ../../etc/passwd", None),
        ("20260706 16:00:01 America", None),
        ("20260706 16:00:01 中国标准时间", None),
        ("20261306 16:00:01 MET", None),
        ("00010101 00:00:00 Asia/Tokyo", None),
        ("20260706", None),
        ("garbage", None),
        ("", None),
    ],
)
def test_no_time_text_loses_an_execution(text: str, expected: datetime | None) -> None:
    got = translate.execution_in(execution_fields(time=text), ZONE)
    assert got.time_utc == expected
    assert got.quantity == 100


@given(st.text(st.characters(exclude_characters="\0"), max_size=40))
def test_whatever_the_time_says_the_execution_is_read(text: str) -> None:
    assert translate.execution_in(execution_fields(time=text), ZONE).price == Decimal("190.10")


def test_the_gateways_own_zone_holds_where_the_text_names_none() -> None:
    got = translate.execution_time("20230224  12:04:56", ZoneInfo("Asia/Tokyo"))
    assert got == datetime(2023, 2, 24, 3, 4, 56, tzinfo=UTC)


CLOCKS = st.from_regex("[0-9]{8}[- ][0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True)


@given(st.datetimes().map(lambda moment: moment.strftime("%Y%m%d %H:%M:%S")) | CLOCKS)
def test_the_usual_form_of_a_time_is_read_as_strptime_reads_it(text: str) -> None:
    form, zone = ("%Y%m%d-%H:%M:%S", UTC) if "-" in text else ("%Y%m%d %H:%M:%S", ZONE)
    try:
        expected = datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        expected = None
    assert translate.execution_time(text, ZONE) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "BUY"},
        {"side": ""},
        {"shares": ""},
        {"shares": "1.7976931348623157E308"},
        {"price": "nan"},
        {"exec_id": ""},
    ],
)
def test_an_execution_that_cannot_be_read_is_reported_and_not_guessed(
    changes: dict[str, str],
) -> None:
    with pytest.raises(Unreadable):
        translate.execution_in(execution_fields(**changes), ZONE)


def test_an_execution_that_ends_early_is_reported() -> None:
    with pytest.raises(Unreadable, match="26 fields"):
        translate.execution_in(EXECUTION.split("|")[:26], ZONE)


def test_a_sale_by_the_broker_itself_is_marked() -> None:
    got = translate.execution_in(
        execution_fields(side="SLD", liquidation="1", order_id="-1", multiplier="50"), ZONE
    )
    assert got.is_liquidation
    assert (got.side, got.multiplier) == (Side.SELL, Decimal(50))


@pytest.mark.parametrize("value", ["", "1.7976931348623157E308", "-1", "-1.0", "nan"])
def test_a_commission_that_is_not_known_yet_is_none(value: str) -> None:
    assert translate.commission_in("e.01", value, "USD") is None


@pytest.mark.parametrize("value", ["1.0046", "0", "-0.35"])
def test_a_commission_or_a_rebate_is_exact(value: str) -> None:
    got = translate.commission_in("e.01", value, "USD")
    assert got is not None
    assert (got.exec_id, got.amount, got.currency) == ("e.01", Decimal(value), "USD")


# ---- orders


def echo(**changes: object) -> Order:
    order = Order(
        orderId=5, clientId=7, permId=9, action="BUY", totalQuantity=100.0, orderType="LMT",
        lmtPrice=190.1, auxPrice=0.0, account="DU1", orderRef="ref",
    )  # fmt: skip
    for name, value in changes.items():
        setattr(order, name, value)
    return order


def test_an_echo_becomes_a_row_and_an_event_that_say_the_same() -> None:
    contract = Contract(conId=265598, symbol="AAPL")
    row = translate.open_order_in(contract, echo(), OrderState(status="Submitted"))
    event = translate.open_order_event(row)
    assert (row.quantity, row.limit_price, row.stop_price) == (Decimal(100), Decimal("190.1"), None)
    assert row.side is Side.BUY
    for name in event.__slots__:
        if name != "run_id":
            assert getattr(event, name) == getattr(row, name), name


@pytest.mark.parametrize(
    ("changes", "limit", "stop"),
    [
        ({"orderType": "MKT"}, None, None),
        # A gateway computes a limit for stops of its own; it was never ours.
        ({"orderType": "STP", "auxPrice": 180.0, "lmtPrice": 180.03}, None, Decimal(180)),
        ({"orderType": "STP LMT", "auxPrice": 180.0}, Decimal("190.1"), Decimal(180)),
    ],
)
def test_an_echo_has_the_prices_of_its_type(
    changes: dict[str, object], limit: Decimal | None, stop: Decimal | None
) -> None:
    row = translate.open_order_in(Contract(), echo(**changes), OrderState(status="Submitted"))
    assert (row.limit_price, row.stop_price) == (limit, stop)


def test_a_child_names_the_order_that_holds_it_back() -> None:
    state = OrderState(status="PreSubmitted")
    assert translate.open_order_in(Contract(), echo(parentId=5), state).parent_id == 5
    assert translate.open_order_in(Contract(), echo(parentId=-1), state).parent_id == 0


def test_prices_come_as_so_many_times_the_currency_and_unknown_ones_are_not_told() -> None:
    """INC-101."""
    state = OrderState(status="Submitted")
    row = translate.open_order_in(Contract(), echo(lmtPrice=19010.0, tif="GTC"), state, 100)
    assert (row.limit_price, row.time_in_force) == (Decimal("190.1"), "GTC")
    stop = echo(orderType="STP", auxPrice=18000.0)
    assert translate.open_order_in(Contract(), stop, state, 100).stop_price == 180
    assert translate.open_order_in(Contract(), echo(), state, None).limit_price is None


def test_a_manual_order_has_the_order_id_0() -> None:
    row = translate.open_order_in(Contract(), echo(orderId=-4), OrderState(status="Submitted"))
    assert row.order_id == 0


@pytest.mark.parametrize("action", ["", "SSHORT", "buy", "100"])
def test_an_unknown_side_is_reported_and_not_guessed(action: str) -> None:
    with pytest.raises(Unreadable, match="side"):
        translate.open_order_in(Contract(), echo(action=action), OrderState(status="Submitted"))


@pytest.mark.parametrize("status", ["", "1.797E308", "0", "Sub mitted"])
def test_a_status_that_is_no_word_means_shifted_fields(status: str) -> None:
    with pytest.raises(Unreadable, match="status"):
        translate.open_order_in(Contract(), echo(), OrderState(status=status))


def test_a_status_nobody_knows_is_passed_on() -> None:
    assert translate.status_text("ApiPending") == "ApiPending"


def test_a_completed_order_has_its_size_in_filled_quantity() -> None:
    state = OrderState(status="Filled", completedStatus="Filled Size: 100")
    order = echo(totalQuantity=0.0, filledQuantity=100.0)
    row = translate.completed_order_in(Contract(conId=1), order, state)
    assert (row.filled, row.status, row.note) == (Decimal(100), "Filled", "Filled Size: 100")


def test_a_filled_order_without_its_size_is_reported_and_a_cancelled_one_filled_nothing() -> None:
    with pytest.raises(Unreadable, match="without its size"):
        translate.completed_order_in(Contract(), echo(), OrderState(status="Filled"))
    row = translate.completed_order_in(Contract(), echo(), OrderState(status="Cancelled"))
    assert row.filled == 0


@pytest.mark.parametrize("tif", list(TimeInForce))
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("order_type", list(OrderType))
def test_an_order_leaves_with_everything_that_must_be_said(
    order_type: OrderType, side: Side, tif: TimeInForce
) -> None:
    approved = approved_order(order_type=order_type, side=side, time_in_force=tif)
    order = translate.order_out(approved)
    assert (order.action, order.orderType, order.tif) == (side.value, order_type.value, tif.value)
    assert (order.account, order.transmit, order.outsideRth) == ("DU1", True, False)
    assert intent_id_in(order.orderRef) == approved.terms.intent_id
    assert order.totalQuantity == Decimal(100)
    unset = Order()
    price = Decimal("190.10")
    limit = price if order_type is OrderType.LIMIT else unset.lmtPrice
    stop = price if order_type is OrderType.STOP else unset.auxPrice
    assert (order.lmtPrice, order.auxPrice) == (limit, stop)


@pytest.mark.parametrize(
    ("order_type", "limit", "stop"),
    [(OrderType.LIMIT, 19010, Order().auxPrice), (OrderType.STOP, Order().lmtPrice, 19010)],
)
def test_the_prices_of_an_order_leave_in_what_its_instrument_is_quoted_in(
    order_type: OrderType, limit: float, stop: float
) -> None:
    pence = replace(AAPL, price_magnifier=100)
    order = translate.order_out(approved_order(order_type=order_type, instrument=pence))
    assert (order.lmtPrice, order.auxPrice) == (limit, stop)


@pytest.mark.parametrize("order_type", OrderType)
@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.GTC])
def test_an_order_with_an_end_leaves_as_good_until_then_in_utc(
    order_type: OrderType, tif: TimeInForce
) -> None:
    approved = approved_order(order_type=order_type, time_in_force=tif)
    ends = datetime(2026, 1, 5, 10, 2, 3, tzinfo=ZoneInfo("America/New_York"))
    ending = replace(approved, terms=replace(approved.terms, good_till_utc=ends))
    order = translate.order_out(ending)
    assert (order.tif, order.goodTillDate) == ("GTD", "20260105-15:02:03")
    assert translate.order_out(approved).goodTillDate == ""


def test_an_instrument_is_named_by_its_id_and_its_route() -> None:
    contract = translate.contract_out(AAPL)
    assert (contract.conId, contract.exchange, contract.currency) == (265598, "SMART", "USD")
    assert (contract.symbol, contract.secType) == ("AAPL", "STK")


# ---- positions and instruments


@pytest.mark.parametrize("quantity", [100.0, -3.0, 0.0, 0.1])
def test_a_position_is_signed_and_its_cost_includes_the_multiplier(quantity: float) -> None:
    contract = Contract(conId=1, symbol="ES", multiplier="50", currency="USD")
    row = translate.position_in("DU1", contract, quantity, 100_000.0)
    assert row.quantity == Decimal(str(quantity))
    assert (row.average_cost, row.multiplier, row.currency) == (
        Decimal(100_000),
        Decimal(50),
        "USD",
    )


def test_a_position_without_a_number_is_reported_but_its_cost_may_be_unset() -> None:
    with pytest.raises(Unreadable):
        translate.position_in("DU1", Contract(), float("nan"), 1.0)
    assert translate.position_in("DU1", Contract(), 1.0, 1.7976931348623157e308).average_cost == 0


SPEC = InstrumentSpec("AAPL", primary_exchange="NASDAQ")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"symbol": "AAPLW"}, False),
        ({"secType": "OPT"}, False),
        ({"currency": "CAD"}, False),
        ({"exchange": "NYSE"}, False),
        ({"primaryExchange": "NYSE"}, False),
    ],
)
def test_details_match_to_the_letter_or_not_at_all(
    changes: dict[str, object], expected: bool
) -> None:
    assert translate.is_match(SPEC, details(**changes)) is expected


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, 239),
        ({"exchange": "NYSE"}, 26),
        ({"exchange": "ELSEWHERE"}, 26),
        ({"marketRuleIds": ""}, None),
    ],
)
def test_the_price_rule_is_the_one_of_the_exchange(
    changes: dict[str, object], rule: int | None
) -> None:
    assert translate.market_rule_of(details(**changes)) == rule


def test_an_instrument_has_the_bands_of_its_rule_in_order() -> None:
    rule = [PriceIncrement(1.0, 0.01), PriceIncrement(0.0, 0.0001)]
    got = translate.instrument_in(SPEC, details(), rule)
    assert [(band.low_edge, band.increment) for band in got.bands] == [
        (Decimal(0), Decimal("0.0001")),
        (Decimal(1), Decimal("0.01")),
    ]
    assert got.tick_at(Decimal("0.5")) == Decimal("0.0001")


def test_an_instrument_that_is_not_what_the_assets_file_says_carries_the_difference() -> None:
    """CAP-17."""
    spec = replace(SPEC, multiplier=Decimal(1), min_tick=Decimal("0.01"))
    assert translate.instrument_in(spec, details(minTick=0.01), []).mismatch == ""
    got = translate.instrument_in(spec, details(minTick=0.05), [])
    assert got.mismatch == "min_tick is 0.05, the assets file says 0.01"


def test_an_instrument_says_where_it_is_listed() -> None:
    assert translate.instrument_in(SPEC, details(), []).primary_exchange == "NASDAQ"


def test_without_a_rule_the_minimum_tick_holds_everywhere() -> None:
    got = translate.instrument_in(SPEC, details(minTick=0.05), [])
    assert got.tick_at(Decimal(1000)) == Decimal("0.05")


def test_parts_of_a_share_are_not_offered_though_the_broker_announces_them() -> None:
    assert translate.instrument_in(SPEC, details(), []).size_increment == 1
    future = details(secType="CRYPTO", sizeIncrement=0.001)
    assert translate.instrument_in(SPEC, future, []).size_increment == Decimal("0.001")


def test_a_tradeable_instrument_without_a_price_grid_is_refused() -> None:
    with pytest.raises(Unreadable, match="increments"):
        translate.instrument_in(SPEC, details(minTick=0.0), [])


@pytest.mark.parametrize("magnifier", [0, -100])
def test_a_tradeable_instrument_with_an_unknown_magnifier_is_refused(magnifier: int) -> None:
    with pytest.raises(Unreadable, match=f"magnifier {magnifier}"):
        translate.instrument_in(SPEC, details(priceMagnifier=magnifier), [])
    shown = replace(SPEC, is_tradeable=False)
    assert (
        translate.instrument_in(shown, details(priceMagnifier=magnifier), []).price_magnifier == 1
    )


def test_the_steps_of_an_instrument_in_pence_are_in_pounds() -> None:
    rule = [PriceIncrement(0.0, 0.05), PriceIncrement(500.0, 0.5)]
    got = translate.instrument_in(SPEC, details(priceMagnifier=100), rule)
    assert got.price_magnifier == 100
    assert got.tick_at(Decimal("4.99")) == Decimal("0.0005")
    assert got.tick_at(Decimal(5)) == Decimal("0.005")


def test_multiplier_has_the_value_1_where_none_is_told() -> None:
    assert translate.instrument_in(SPEC, details(), []).multiplier == 1
    assert translate.multiplier_in("50") == 50
    with pytest.raises(Unreadable):
        translate.multiplier_in("x")


# ---- brackets


def test_a_bracket_is_held_back_until_its_stop_lets_it_go() -> None:
    """INC-146: an entry that is alone on the wire goes nowhere."""
    entry, profit, stop = (translate.order_out(one) for one in approved_bracket(7))
    assert [one.transmit for one in (entry, profit, stop)] == [False, False, True]
    assert [one.parentId for one in (entry, profit, stop)] == [0, 7, 7]
    assert (entry.ocaGroup, entry.ocaType) == (Order().ocaGroup, Order().ocaType)
    for leg in (profit, stop):
        assert (leg.ocaGroup, leg.ocaType) == ("abcdef-test-1", 2)
        assert (leg.action, leg.tif) == ("SELL", "GTC")
        assert leg.totalQuantity == 100
    assert (profit.orderType, stop.orderType) == ("LMT", "STP")
    assert profit.lmtPrice == 200
    assert stop.auxPrice == 180


@pytest.mark.parametrize("has_parent", [False, True])
def test_a_changed_leg_stays_in_its_group_and_under_a_parent_that_works(has_parent: bool) -> None:
    """INC-134, INC-142."""
    entry, _, stop = approved_bracket(7)
    for one, parent in ((stop, 7 if has_parent else 0), (entry, 0)):
        working = CoreOrder(
            one.order_id, one.client_id, one.order_ref, one.terms, datetime.now(UTC)
        )
        change = ApprovedChange(one.approval, working, one.terms, has_parent and one is stop)
        order = translate.change_out(change)
        assert order.transmit
        assert order.parentId == parent
        assert order.ocaGroup == ("abcdef-test-1" if one is stop else "")
