"""The real client and the codec understand each other, message by message and type by type.

Each message is given to ib_async's own decoder, which must make the call it stands for and have no
field to spare; each request is written by its encoder and must be read as it was meant.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from ib_async import Contract, Stock
from ib_async.contract import ComboLeg, DeltaNeutralContract

from tests.unit.sim.wire.client import heard, one_heard, written
from tests.unit.sim.wire.samples import (
    AAPL,
    CALL,
    ES,
    EVERY,
    SPREAD,
    VERSIONS,
    fill,
    instrument,
    only,
)
from trader.sim.gateway.feeds import lines
from trader.sim.wire import (
    messages_account,
    messages_executions,
    messages_history,
    messages_market,
    messages_reference,
    messages_session,
    requests_history,
    requests_market,
    requests_orders,
    requests_reference,
)
from trader.sim.wire.frames import FieldError

CHAIN = (["20261218"], [Decimal("2.5")])
BAR = ("20260102", "1.5", "2.5", "0.5", "2.0", 10, "1.75", 3)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sec_type", EVERY)
def test_contract_details(version: int, sec_type: str) -> None:
    item = EVERY[sec_type]
    frame = messages_reference.contract_details(version, 9, item, "X", ("hours", "liquid"))
    name, (ident, details) = one_heard(version, frame)
    contract = details.contract
    assert (name, ident, contract.conId, contract.secType) == (
        "contractDetails", 9, item.con_id, sec_type,
    )  # fmt: skip
    assert (details.tradingHours, details.liquidHours) == ("hours", "liquid")
    assert contract.strike == float(item.strike or 0)
    assert contract.right == item.right
    assert contract.lastTradeDateOrContractMonth == (f"{item.expiry:%Y%m%d}" if item.expiry else "")
    assert details.minTick == float(item.tick)


@pytest.mark.parametrize("sec_type", EVERY)
def test_positions_portfolio_and_executions(sec_type: str) -> None:
    item = EVERY[sec_type]
    values = ["5", "1.5", "7.5", "1.25", "0.5", "-0.5"]
    _, (contract, quantity, *_rest) = one_heard(178, messages_account.portfolio(item, values, "D"))
    assert (contract.conId, contract.strike, quantity) == (item.con_id, float(item.strike or 0), 5)
    name, heard_values = one_heard(178, messages_account.position("DU1", item, "5", "1.25"))
    assert (name, heard_values[0], heard_values[2:]) == ("position", "DU1", (5.0, 1.25))
    _, heard_values = one_heard(
        178, messages_account.position_multi(9, "DU1", item, "5", "1.25", model="m")
    )
    assert (heard_values[:3], heard_values[4:]) == ((9, "DU1", "m"), (5.0, 1.25))
    frame = messages_executions.execution(178, -1, fill(item), "20260102 03:04:05 UTC")
    _, (ident, contract, execution) = one_heard(178, frame)
    assert (ident, contract.conId, execution.shares, execution.price) == (
        -1, item.con_id, 100.0, 201.94,
    )  # fmt: skip
    assert (execution.time.year, execution.time.hour) == (2026, 3)


def test_a_commission_report() -> None:
    frame = messages_executions.commission_report(fill(ES, realized=Decimal("2.5")))
    name, (report,) = one_heard(178, frame)
    assert (name, report.commission, report.currency, report.realizedPNL) == (
        "commissionReport", 1.0, "USD", 2.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "call"),
    [
        (messages_session.next_valid_id(5), ("nextValidId", (5,))),
        (messages_session.managed_accounts("A,B"), ("managedAccounts", ("A,B",))),
        (messages_session.current_time(7), ("currentTime", (7,))),
        (messages_session.end(53), ("openOrderEnd", ())),
        (messages_session.end(62), ("positionEnd", ())),
        (messages_session.end(55, 9), ("execDetailsEnd", (9,))),
        (messages_account.account_value("K", "V", "USD", "A"), (
            "updateAccountValue", ("K", "V", "USD", "A"))),
        (messages_account.account_summary(9, "A", ("T", "1", "USD")), (
            "accountSummary", (9, "A", "T", "1", "USD"))),
        (messages_account.account_update_multi(9, "A", ("K", "1", "USD"), model="m"), (
            "accountUpdateMulti", (9, "A", "m", "K", "1", "USD"))),
        (messages_account.pnl(9, ["1.5", "2.5", "3.5"]), ("pnl", (9, 1.5, 2.5, 3.5))),
        (messages_account.pnl_single(9, ["1", "2", "3", "4", "5"]), (
            "pnlSingle", (9, 1.0, 2.0, 3.0, 4.0, 5.0))),
        (lines.render([lines.price_part(4, Decimal("1.5"), 100)], 9), (
            "priceSizeTick", (9, 4, 1.5, 100.0))),
        (lines.render([lines.size_part(5, 100)], 9), ("tickSize", (9, 5, 100.0))),
        (lines.render([lines.text_part(45, "7")], 9), ("tickString", (9, 45, "7"))),
        (messages_market.market_data_type(9, 3), ("marketDataType", (9, 3))),
        (messages_market.realtime_bar(9, 5, (1, 4, 0.5, 2, 10, 1.5, 3)), (
            "realtimeBar", (9, 5, 1.0, 4.0, 0.5, 2.0, 10.0, 1.5, 3))),
        (messages_market.market_depth(9, (0, 1, 1), "1.5", 200), (
            "updateMktDepth", (9, 0, 1, 1, 1.5, 200.0))),
        (messages_market.market_depth_by_maker(9, (2, 0, 1), "ARCA", ("1.5", 200, True)), (
            "updateMktDepthL2", (9, 2, "ARCA", 0, 1, 1.5, 200.0, True))),
        (messages_history.head_timestamp(9, "19801212-14:30:00"), (
            "headTimestamp", (9, "19801212-14:30:00"))),
        (messages_reference.option_chain(9, "CBOE", AAPL, Decimal(100), CHAIN), (
            "securityDefinitionOptionParameter",
            (9, "CBOE", "265598", "AAPL", "100", ["20261218"], [2.5]))),
        (messages_reference.option_chain_end(9), ("securityDefinitionOptionParameterEnd", (9,))),
        (messages_reference.user_info(9), ("userInfo", (9, ""))),
    ],
)  # fmt: skip
def test_a_message_makes_its_call(frame: bytes, call: tuple[str, tuple[Any, ...]]) -> None:
    assert one_heard(178, frame) == call


@pytest.mark.parametrize("version", [157, 165, 166, 178])
def test_an_error_and_its_advanced_reason(version: int) -> None:
    frame = messages_session.error(version, 5, 201, "text", advanced="{}")
    reason = "{}" if version >= 166 else ""
    assert one_heard(version, frame) == ("error", (5, 201, "text", reason))


def test_texts_beyond_ascii_are_escaped_where_clients_undo_it() -> None:
    item = instrument(1, "X", "STK", long_name="Soci\u00e9t\u00e9 \u20ac")
    frame = messages_reference.contract_details(178, 9, item, "SMART", ("t", "l"))
    assert one_heard(178, frame)[1][1].longName == "Soci\u00e9t\u00e9 \u20ac"
    fields = only(messages_session.error(178, 5, 201, "caf\u00e9", advanced='{"a": "\u20ac"}'))
    assert fields[4:] == ["caf\\xe9", '{"a": "\\u20ac"}']


def test_history_in_all_its_forms() -> None:
    calls = heard(178, messages_history.historical_data(178, 9, ("a", "b"), [BAR, BAR]))
    assert [name for name, _ in calls] == ["historicalData", "historicalData", "historicalDataEnd"]
    bar = calls[0][1][1]
    assert (bar.open, bar.high, bar.low, bar.close, bar.average) == (1.5, 2.5, 0.5, 2.0, 1.75)
    frame = messages_history.historical_update(9, ("20260102", 1.5, 2.0, 2.5, 0.5, 1.75, 10))
    _, (_, bar) = one_heard(178, frame)
    assert (bar.open, bar.high, bar.low, bar.close, bar.average) == (1.5, 2.5, 0.5, 2.0, 1.75)
    frame = messages_history.historical_schedule(9, ("a", "b"), "z", [("c", "d", "e")])
    _, (_, start, _, zone, sessions) = one_heard(178, frame)
    assert (start, zone, sessions[0].refDate) == ("a", "z", "e")
    _, (_, histogram) = one_heard(178, messages_history.histogram(9, [("1.5", 3)]))
    assert (histogram[0].price, histogram[0].count) == (1.5, 3)


@pytest.mark.parametrize(
    ("kind", "row"),
    [(96, (5, 0, "1.5", 2)), (97, (5, 1, "1.5", "1.75", 2, 3)), (98, (5, 1, "1.5", 2, "N", "I"))],
)
def test_past_ticks(kind: int, row: tuple[object, ...]) -> None:
    frame = messages_history.historical_ticks(kind, 9, [row, row], is_done=True)
    _, (ident, ticks, is_done) = one_heard(178, frame)
    assert (ident, len(ticks), is_done) == (9, 2, True)


def test_single_ticks() -> None:
    name, values = one_heard(
        178, messages_market.tick_by_tick_trade(9, 2, (5, "1.5", 100, 3, "N", "I"))
    )
    assert (name, values[3:5], values[6:]) == ("tickByTickAllLast", (1.5, 100.0), ("N", "I"))
    name, values = one_heard(
        178, messages_market.tick_by_tick_quote(9, (5, "1.5", "1.75", 100, 200, 0))
    )
    assert (name, values[2:6]) == ("tickByTickBidAsk", (1.5, 1.75, 100.0, 200.0))
    name, values = one_heard(178, messages_market.tick_by_tick_midpoint(9, 5, "1.625"))
    assert (name, values[2]) == ("tickByTickMidPoint", 1.625)


@pytest.mark.parametrize("version", [157, 175, 176, 178])
def test_symbol_samples_and_lists(version: int) -> None:
    frame = messages_reference.symbol_samples(version, 9, [(AAPL, ["OPT", "CFD"]), (CALL, [])])
    _, (_, found) = one_heard(version, frame)
    assert [one.contract.conId for one in found] == [AAPL.con_id, CALL.con_id]
    assert found[0].derivativeSecTypes == ["OPT", "CFD"]
    _, (rule, bands) = one_heard(
        version, messages_reference.market_rule(26, [(Decimal(0), Decimal("0.01"))])
    )
    assert (rule, bands[0].increment) == (26, 0.01)
    _, (_, parts) = one_heard(version, messages_reference.smart_components(9, [(0, "NYSE", "N")]))
    assert parts[0].exchangeLetter == "N"
    _, (codes,) = one_heard(version, messages_reference.family_codes([("*", "")]))
    assert codes[0].accountID == "*"
    _, (venues,) = one_heard(
        version, messages_reference.depth_exchanges([("ARCA", "STK", "", "Deep2", None)])
    )
    assert venues[0].serviceDataType == "Deep2"


# -- requests -----------------------------------------------------------------------------------


def bag() -> Contract:
    item = Contract(secType="BAG", symbol="A", exchange="SMART", currency="USD")
    item.comboLegs = [
        ComboLeg(conId=11, ratio=1, action="BUY", exchange="SMART"),
        ComboLeg(conId=12, ratio=2, action="SELL", exchange="SMART"),
    ]
    return item


def test_market_data_of_a_combination_with_a_hedge() -> None:
    item = bag()
    item.deltaNeutralContract = DeltaNeutralContract(3, 0.5, 1.5)
    read = requests_market.parse_market_data(
        written(178, "reqMktData", 9, item, "233,236", True, False, [])
    )
    assert [leg.con_id for leg in read.contract.legs] == [11, 12]
    assert (read.generics, read.is_snapshot, read.is_regulatory) == ("233,236", True, False)


def test_history_of_a_combination() -> None:
    asked = written(
        178, "reqHistoricalData", 9, bag(), "e", "1 D", "1 min", "TRADES", 1, 2, True, []
    )
    read = requests_history.parse_history(asked)
    assert (read.end, read.duration, read.bar_size, read.show) == ("e", "1 D", "1 min", "TRADES")
    assert (read.is_regular, read.format_date, read.keep_up_to_date) == (True, 2, True)
    assert [leg.ratio for leg in read.contract.legs] == [1, 2]


def test_the_other_data_requests() -> None:
    stock = Stock("IBM", "SMART", "USD")
    depth = requests_market.parse_depth(written(178, "reqMktDepth", 9, stock, 5, True, []))
    assert (depth.contract.symbol, depth.rows, depth.is_smart) == ("IBM", 5, True)
    bars = requests_market.parse_realtime_bars(
        written(178, "reqRealTimeBars", 9, stock, 5, "MIDPOINT", True, [])
    )
    assert (bars.show, bars.is_regular) == ("MIDPOINT", True)
    ticks = requests_market.parse_tick_by_tick(
        written(178, "reqTickByTickData", 9, stock, "Last", 10, True)
    )
    assert (ticks.kind, ticks.count, ticks.ignore_size) == ("Last", 10, True)
    sums = requests_market.parse_option_calculation(
        written(178, "calculateImpliedVolatility", 9, stock, 5.5, 200.0, [])
    )
    assert (sums.value, sums.under_price) == (Decimal("5.5"), Decimal(200))
    past = requests_history.parse_ticks(
        written(178, "reqHistoricalTicks", 9, stock, "s", "e", 50, "TRADES", True, False, [])
    )
    assert (past.start, past.end, past.count, past.show) == ("s", "e", 50, "TRADES")
    head = requests_history.parse_head(written(178, "reqHeadTimeStamp", 9, stock, "BID", True, 2))
    assert (head.show, head.is_regular, head.format_date) == ("BID", True, 2)
    heights = requests_history.parse_histogram(
        written(178, "reqHistogramData", 9, stock, True, "3 days")
    )
    assert (heights.is_regular, heights.period) == (True, "3 days")


@pytest.mark.parametrize("version", VERSIONS)
def test_details_are_asked_for_with_an_issuer_from_176_on(version: int) -> None:
    item = Stock("IBM", "SMART", "USD", secIdType="ISIN", secId="US1", issuerId="e5")
    item.includeExpired = True
    ident, query = requests_reference.parse_contract_details(
        written(version, "reqContractDetails", 9, item)
    )
    assert (ident, query.sec_id_type, query.sec_id, query.include_expired) == (
        9,
        "ISIN",
        "US1",
        True,
    )
    assert query.issuer_id == ("e5" if version >= 176 else "")


@pytest.mark.parametrize("version", [157, 168, 169, 178])
def test_cancels_of_the_real_client(version: int) -> None:
    read = requests_orders.parse_cancel_order(written(version, "cancelOrder", 12, "t"), version)
    assert read == requests_orders.CancelRequest(12, "t" if version >= 169 else "")
    requests_orders.parse_global_cancel(written(version, "reqGlobalCancel"), version)


@pytest.mark.parametrize(
    ("version", "fields"),
    [(187, ["4", "1", "12", "t", "", "", "2147483647"]), (189, ["4", "1", "12", "t", "", "", ""]),
     (191, ["4", "1", "12", "t"]), (192, ["4", "12", "t", "who", "1"]),
     (200, ["4", "12", "t", "who", "1"])],
)  # fmt: skip
def test_cancels_have_the_fields_of_their_later_versions(version: int, fields: list[str]) -> None:
    read = requests_orders.parse_cancel_order(fields, version)
    assert (read.order_id, read.manual_time) == (12, "t")
    assert (read.operator, read.manual_indicator) == (("who", 1) if version >= 192 else ("", None))
    with pytest.raises(FieldError):
        requests_orders.parse_cancel_order(fields[:-1], version)


def test_executions_are_asked_for_by_days_from_200_on() -> None:
    fields = ["7", "3", "9", "0", "", "", "", "", "", ""]
    assert requests_orders.parse_executions(fields, 199).last_days is None
    read = requests_orders.parse_executions([*fields, "3", "2", "20260101", "20260102"], 200)
    assert (read.last_days, read.dates) == (3, ("20260101", "20260102"))
    assert requests_orders.parse_executions([*fields, "2147483647", "0"], 200).last_days is None
    with pytest.raises(FieldError):
        requests_orders.parse_executions(fields, 200)


def test_a_spread_has_its_legs_in_no_contract_block() -> None:
    assert only(messages_account.position("DU1", SPREAD, "1", "2"))[5] == "BAG"
