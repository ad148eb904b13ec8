"""The account's values become one reading that never claims more, or fresher, than was said.

Goal: no sentinel, no foreign row and no silence can look like money. Method: the stream is fed
by hand, second by second; then a raw gateway over a real socket shows the way to the sink.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ibkr.fake_gateway import connected
from trader.core.account import AccountReading, Holding, ResultReading
from trader.core.ids import AccountId, ConId
from trader.core.policy import AccountType
from trader.core.quarantine import BrokenMessage
from trader.ibkr.account import AccountStream, HoldingRow
from trader.ports import LinkDown, LinkWord, WorldError

D = Decimal
UNSET = "1.7976931348623157E308"
LIST = {
    "NetLiquidation": "1000000.50",
    "AvailableFunds": "900000",
    "BuyingPower": "3600000",
    "InitMarginReq": "100000",
    "MaintMarginReq": "80000",
}


def fed(stream: AccountStream, now_s: float, **changes: str) -> None:
    for key, text in {**LIST, **changes}.items():
        stream.value(key, text, "USD", now_s)


def begun(**changes: str) -> tuple[AccountStream, AccountReading]:
    """Return a stream after its first list, and what it said."""
    stream = AccountStream()
    now_s = 10.0
    stream.begin()
    fed(stream, now_s, **changes)
    assert stream.listed(now_s) is None, "nothing is said before the end of the list"
    reading = stream.ended(now_s)
    assert reading is not None
    return stream, reading


def test_a_whole_list_makes_a_reading() -> None:
    _, reading = begun()
    assert reading == AccountReading(
        net_liquidation=D("1000000.50"),
        available_funds=D(900_000),
        buying_power=D(3_600_000),
        initial_margin=D(100_000),
        maintenance_margin=D(80_000),
        settled_cash={},
        account_type=None,
        as_of_s=10.0,
        currency="USD",
        rates={},
        samples=1,
    )


def test_without_its_value_the_account_has_a_currency_all_the_same() -> None:
    """No currency passed for the configured one."""
    _, reading = begun(NetLiquidation=UNSET)
    assert (reading.net_liquidation, reading.currency) == (None, "USD")


def test_a_list_that_nobody_asked_for_says_nothing() -> None:
    stream = AccountStream()
    fed(stream, 1.0)
    assert stream.ended(1.0) is None


def test_the_word_that_the_list_stands_keeps_unchanged_values_fresh() -> None:
    stream, _ = begun()
    stream.value("AvailableFunds", "5", "USD", 190.0)
    reading = stream.listed(190.0)
    assert reading is not None
    assert (reading.available_funds, reading.net_liquidation) == (D(5), D("1000000.50"))
    assert (reading.as_of_s, reading.samples) == (190.0, 2)


@pytest.mark.parametrize("text", [UNSET, "-1.7976931348623157E308", "NaN", "inf", "", "n/a"])
def test_a_value_that_is_no_number_leaves_the_last_good_one_at_its_own_age(text: str) -> None:
    stream, _ = begun()
    stream.value("BuyingPower", text, "USD", 190.0)
    reading = stream.listed(190.0)
    assert reading is not None
    assert (reading.buying_power, reading.as_of_s) == (D(3_600_000), 10.0)
    stream.value("BuyingPower", "7", "USD", 200.0)
    healed = stream.listed(200.0)
    assert healed is not None
    assert (healed.buying_power, healed.as_of_s) == (D(7), 200.0)


@pytest.mark.parametrize("text", [UNSET, "NaN", ""])
def test_a_value_that_was_never_a_number_is_not_known(text: str) -> None:
    _, reading = begun(AvailableFunds=text)
    assert reading.available_funds is None
    assert reading.buying_power == 3_600_000


def test_sums_over_currencies_and_segments_are_not_the_accounts_amounts() -> None:
    stream, _ = begun()
    stream.value("NetLiquidation", "1", "BASE", 11.0)
    stream.value("NetLiquidation-S", "2", "USD", 11.0)
    stream.value("CashBalance", "3", "BASE", 11.0)
    reading = stream.listed(11.0)
    assert reading is not None
    assert (reading.net_liquidation, reading.settled_cash) == (D("1000000.50"), {})


def test_rates_are_told_by_currency_and_a_bad_one_is_left_out() -> None:
    stream, _ = begun()
    for currency, text in (("BASE", "1.00"), ("EUR", "1.25"), ("CHF", "NaN"), ("JPY", "0")):
        stream.value("ExchangeRate", text, currency, 11.0)
    reading = stream.listed(11.0)
    assert reading is not None
    assert reading.rates == {"EUR": D("1.25")}
    stream.value("ExchangeRate", UNSET, "EUR", 12.0)
    later = stream.listed(12.0)
    assert later is not None
    assert (later.rates, later.as_of_s) == ({}, 12.0)


def test_settled_cash_is_never_more_than_the_cash_of_its_currency() -> None:
    stream, _ = begun()
    stream.value("SettledCash", "700", "USD", 11.0)
    alone = stream.listed(11.0)
    assert alone is not None
    assert alone.settled_cash == {}
    stream.value("CashBalance", "500", "USD", 12.0)
    reading = stream.listed(12.0)
    assert reading is not None
    assert reading.settled_cash == {"USD": 500}
    assert reading.unsettled_cash == {"USD": 0}


def in_two_currencies(settled: str, rate: str = "1.25") -> AccountReading:
    stream, _ = begun()
    stream.value("SettledCash", settled, "USD", 11.0)
    stream.value("CashBalance", "1000", "USD", 11.0)
    stream.value("CashBalance", "800", "EUR", 11.0)
    stream.value("ExchangeRate", rate, "EUR", 11.0)
    reading = stream.listed(12.0)
    assert reading is not None
    return reading


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        # 1000 and 800 at 1.25 are 2000 in all: what lacks to that has not settled, and may lie in
        # either of the two.
        ("2000", {"USD": "1000", "EUR": "800"}),
        ("1500", {"USD": "500", "EUR": "400"}),
        ("1100", {"USD": "100", "EUR": "80"}),
        ("900", {"USD": "0", "EUR": "0"}),
        # Bought since, and the sum is older.
        ("2500", {"USD": "1000", "EUR": "800"}),
    ],
)
def test_what_has_not_settled_is_taken_off_each_currency_in_full(
    settled: str, expected: dict[str, str]
) -> None:
    """The sum alone would call 1000 dollars settled of which not one is."""
    reading = in_two_currencies(settled)
    assert reading.settled_cash == {key: Decimal(text) for key, text in expected.items()}


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_no_currency_is_ever_said_to_hold_more_settled_cash_than_it_does(
    usd: int, usd_open: int, eur: int, eur_open: int
) -> None:
    stream, _ = begun()
    rate = Decimal("1.25")
    stream.value("SettledCash", str(usd + eur * rate), "USD", 11.0)
    stream.value("CashBalance", str(usd + usd_open), "USD", 11.0)
    stream.value("CashBalance", str(eur + eur_open), "EUR", 11.0)
    stream.value("ExchangeRate", str(rate), "EUR", 11.0)
    reading = stream.listed(12.0)
    assert reading is not None
    assert reading.settled_cash["USD"] <= usd
    assert reading.settled_cash["EUR"] <= eur


def test_without_the_rate_of_one_currency_nothing_is_known_to_be_settled() -> None:
    for rate in (UNSET, "0"):
        reading = in_two_currencies("2000", rate)
        assert (reading.settled_cash, reading.unsettled_cash) == ({}, {})


def test_a_balance_that_is_no_number_leaves_nothing_known_to_be_settled() -> None:
    stream, _ = begun()
    stream.value("SettledCash", "700", "USD", 11.0)
    stream.value("CashBalance", "500", "USD", 11.0)
    stream.value("CashBalance", UNSET, "USD", 12.0)
    reading = stream.listed(12.0)
    assert reading is not None
    assert reading.settled_cash == {}


@pytest.mark.parametrize(
    ("key", "text", "kind"),
    [
        ("TradingType-S", "STKCASH", AccountType.CASH),
        ("TradingType-S", "STKMRGN", AccountType.REG_T),
        ("TradingType-S", "PMRGN", AccountType.PORTFOLIO_MARGIN),
        ("TradingType-S", "STKNOPT", None),
        ("AccountType", "INDIVIDUAL", None),
        ("AccountType", "Cash", AccountType.CASH),
    ],
)
def test_the_type_is_told_or_not_known(key: str, text: str, kind: AccountType | None) -> None:
    assert begun(**{key: text})[1].account_type is kind


def test_while_the_accounts_server_is_reset_nothing_is_said() -> None:
    stream, _ = begun()
    stream.value("AccountReady", "false", "", 11.0)
    assert stream.listed(11.0) is None
    stream.value("AccountReady", "true", "", 12.0)
    assert stream.listed(12.0) is not None


def test_asked_again_the_list_must_end_again_and_a_new_session_knows_nothing() -> None:
    stream, _ = begun()
    stream.begin()
    assert stream.listed(11.0) is None
    again = stream.ended(12.0)
    assert again is not None
    assert again.as_of_s == 12.0
    stream.reset()
    stream.begin()
    empty = stream.ended(13.0)
    assert empty is not None
    assert (empty.net_liquidation, empty.samples) == (None, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*LIST, "listed"]),
            st.sampled_from(["1", "2.5", UNSET, "NaN", "", "-3"]),
        ),
        max_size=30,
    )
)
def test_a_reading_is_never_younger_than_the_oldest_number_in_it(
    words: list[tuple[str, str]],
) -> None:
    stream, reading = begun()
    good_at = dict.fromkeys(LIST, 10.0)
    is_good = dict.fromkeys(LIST, True)
    for second, (key, text) in enumerate(words, start=11):
        if key != "listed":
            stream.value(key, text, "USD", float(second))
            is_good[key] = text not in (UNSET, "NaN", "")
            if is_good[key]:
                good_at[key] = float(second)
            continue
        said = stream.listed(float(second))
        assert said is not None
        good_at |= {name: float(second) for name, good in is_good.items() if good}
        assert said.as_of_s == min(good_at.values())
        reading = said
    assert reading.net_liquidation is not None


# ---- holdings (message 7)

ROW = HoldingRow(ConId(7), "ZZZ", "STK", "EUR", D(100), D("3300.5"))


def told_at(stream: AccountStream, now_s: float) -> AccountReading:
    reading = stream.listed(now_s)
    assert reading is not None
    return reading


def ended_at(stream: AccountStream, now_s: float) -> AccountReading:
    reading = stream.ended(now_s)
    assert reading is not None
    return reading


def held(reading: AccountReading | None) -> Holding:
    assert reading is not None
    return reading.holdings[ConId(7)]


def test_a_portfolio_row_is_in_the_reading_and_stands_as_long_as_the_list_does() -> None:
    stream, _ = begun()
    stream.holding(ROW, 100.0)
    told = held(stream.listed(101.0))
    assert told == Holding(
        ConId(7), "ZZZ", "STK", "EUR", D(100), D("3300.5"), since_s=100.0, at_s=101.0
    )
    assert (held(stream.listed(281.0)).since_s, held(stream.listed(281.0)).at_s) == (100.0, 281.0)
    stream.holding(ROW, 300.0)
    assert held(stream.listed(300.0)).since_s == 100.0, "the same value told again is as old"
    stream.holding(replace(ROW, value=D(1)), 400.0)
    assert held(stream.listed(400.0)).since_s == 400.0


def test_a_value_that_is_no_number_leaves_the_last_one_to_grow_old() -> None:
    stream, _ = begun()
    stream.holding(replace(ROW, value=None), 90.0)
    assert not told_at(stream, 90.0).holdings
    stream.holding(ROW, 100.0)
    stream.holding(replace(ROW, value=None), 101.0)
    told = held(stream.listed(281.0))
    assert (told.value, told.at_s) == (D("3300.5"), 100.0)
    stream.holding(ROW, 300.0)
    assert held(stream.listed(301.0)).at_s == 301.0


def test_what_was_sold_is_not_in_it_and_a_new_connection_begins_with_nothing() -> None:
    stream, _ = begun()
    stream.holding(ROW, 100.0)
    stream.holding(replace(ROW, quantity=D(0)), 101.0)
    assert not told_at(stream, 101.0).holdings
    stream.holding(ROW, 102.0)
    stream.reset()
    stream.begin()
    fed(stream, 103.0)
    assert not ended_at(stream, 103.0).holdings


# ---- over the wire

VALUES = [
    "6|2|NetLiquidation|1000.5|USD|DU1",
    "6|2|AvailableFunds|900|USD|DU1",
    "6|2|NetLiquidation|7|USD|DU2",
    "6|2|CashBalance|100|USD|DU1",
    "6|2|TradingType-S|STKCASH||DU1",
    "8|1|14:30",
]


async def test_the_first_list_reaches_the_sink_when_it_has_ended() -> None:
    async with connected() as (served, desk):
        served.replies["6"] = lambda f: [*VALUES, "54|1|DU1"] if f[2] == "1" else []
        served.replies["62"] = lambda f: [f"63|1|{f[2]}|DU1|SettledCash|60|USD", f"64|1|{f[2]}"]
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(desk.of_type(AccountReading)))
        assert served.of_kind("6") == [["6", "2", "1", "DU1"]]
        await desk.until(lambda: bool(served.of_kind("62")))
        assert served.of_kind("62")[0][3:] == ["All", "SettledCash"]
        assert desk.of_type(AccountReading)[0].net_liquidation == D("1000.5")
        served.say("8|1|14:31")
        await desk.until(lambda: len(desk.of_type(AccountReading)) == 2)
        reading = desk.of_type(AccountReading)[1]
        assert (reading.settled_cash, reading.account_type) == ({"USD": 60}, AccountType.CASH)
        assert (reading.net_liquidation, reading.samples) == (D("1000.5"), 2)
        assert abs(desk.clock.monotonic() - reading.as_of_s) < 5
        assert desk.of_type(BrokenMessage) == []


ZZZ = "7|8|7|ZZZ|STK||0|0||NYSE|EUR|ZZZ|ZZZ|100"


async def test_portfolio_rows_reach_the_sink_with_the_list() -> None:
    rows = [
        f"{ZZZ}|33.005|3300.5|30|300.5|0|DU1",
        f"7|8|8|UNS|STK||0|0||NYSE|USD|UNS|UNS|5|{UNSET}|7|30|0|0|DU1",
        f"{ZZZ}|1|100|30|0|0|DU2",
    ]
    async with connected() as (served, desk):
        served.replies["6"] = lambda f: [*VALUES, *rows, "54|1|DU1"]
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(desk.of_type(AccountReading)))
        holdings = desk.of_type(AccountReading)[0].holdings
        assert list(holdings) == [ConId(7)], "a row without a price, and one of another account"
        told = holdings[ConId(7)]
        assert (told.symbol, told.currency, told.quantity) == ("ZZZ", "EUR", 100)
        assert told.value == D("3300.5")
        assert desk.of_type(BrokenMessage) == []


@pytest.mark.parametrize("row", [f"{ZZZ}|33|3300|30|300|0", f"{ZZZ[:-3]}x|33|3300|30|300|0|DU1"])
async def test_a_portfolio_row_of_another_layout_is_a_message_that_was_lost(row: str) -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe_account()
        served.say(row)
        await desk.until(lambda: bool(desk.of_type(BrokenMessage)))


async def test_asked_again_the_updates_begin_anew_and_the_summary_is_left_alone() -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe_account()
        await desk.broker.subscribe_account()
        await desk.until(lambda: len(served.of_kind("6")) == 3)
        assert [fields[2] for fields in served.of_kind("6")] == ["1", "0", "1"]
        assert len(served.of_kind("62")) == 1
        assert served.of_kind("63") == []


async def test_an_error_over_the_summary_is_told_and_is_no_orders() -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(served.of_kind("62")))
        request_id = served.of_kind("62")[0][2]
        served.say(f"4|2|{request_id}|322|Maximum number exceeded|")
        await desk.until(lambda: bool(desk.words("notice")))
        assert [type(one) for one in desk.got if isinstance(one, LinkWord)]
        assert desk.words("notice")[0].text == "summary: Maximum number exceeded"


async def test_after_a_reconnect_the_values_are_asked_for_anew() -> None:
    async with connected() as (served, desk):
        served.replies["6"] = lambda f: [*VALUES, "54|1|DU1"]
        await desk.broker.subscribe_account()
        desk.broker.disconnect()
        with pytest.raises(LinkDown):
            await desk.broker.subscribe_account()
        await desk.broker.connect(desk.broker.allocate_order_id())
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(desk.of_type(AccountReading)))
        assert [fields[2] for fields in served.of_kind("6")][-1] == "1"
        assert desk.of_type(AccountReading)[-1].samples == 1


async def test_without_an_account_nothing_is_asked() -> None:
    async with connected() as (served, desk):
        desk.broker._tap.account = None
        with pytest.raises(WorldError, match="no account"):
            await desk.broker.subscribe_account()
        assert served.of_kind("6") == []


async def test_the_values_of_another_account_are_not_ours() -> None:
    async with connected(account=AccountId("DU1")) as (served, desk):
        served.replies["6"] = lambda f: ["6|2|NetLiquidation|7|USD|DU2", "54|1|DU2", "54|1|DU1"]
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(desk.of_type(AccountReading)))
        assert desk.of_type(AccountReading)[0].net_liquidation is None
        assert len(desk.of_type(AccountReading)) == 1


# ---- the result of the broker's day (messages 92 and 94)


async def told_results(*rows: str) -> list[ResultReading]:
    """Answer the request for the result with rows whose ``{id}`` is its id; return what came."""
    async with connected() as (served, desk):
        served.replies["92"] = lambda f: [row.format(id=f[1]) for row in rows]
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(served.of_kind("92")))
        assert served.of_kind("92")[0][2:] == ["DU1", ""]
        served.say("8|1|14:31")
        await desk.broker.heartbeat()
        assert desk.of_type(BrokenMessage) == []
        return desk.of_type(ResultReading)


async def test_the_brokers_result_of_the_day_is_asked_for_and_reaches_the_sink() -> None:
    (reading,) = await told_results("94|{id}|-12.345678901234|100.1|0")
    assert (reading.daily, reading.unrealized, reading.realized) == (
        D("-12.345678901234"),
        D("100.1"),
        D(0),
    )


@pytest.mark.parametrize("marker", [UNSET, "1.7976931348623157e+308", "nan", "NaN", "inf", ""])
async def test_a_result_that_the_broker_does_not_have_is_not_told(marker: str) -> None:
    """CAP-31: its markers never become a number, and least of all zero."""
    (reading,) = await told_results(f"94|{{id}}|{marker}|{marker}|{marker}")
    assert (reading.daily, reading.unrealized, reading.realized) == (None, None, None)


async def test_a_result_for_another_request_is_passed_over() -> None:
    assert await told_results("94|77777|1|2|3") == []


async def test_a_result_of_another_layout_is_a_message_that_was_lost() -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe_account()
        served.say("94|5|1|2")
        await desk.until(lambda: bool(desk.of_type(BrokenMessage)))
        assert desk.of_type(ResultReading) == []


async def test_asked_again_the_result_has_a_new_request_and_the_old_one_is_given_up() -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe_account()
        await desk.broker.subscribe_account()
        await desk.until(lambda: len(served.of_kind("92")) == 2)
        first, second = (fields[1] for fields in served.of_kind("92"))
        assert [fields[1] for fields in served.of_kind("93")] == [first]
        served.say(f"94|{first}|1|1|1", f"94|{second}|2|2|2")
        await desk.until(lambda: bool(desk.of_type(ResultReading)))
        assert [row.daily for row in desk.of_type(ResultReading)] == [D(2)]


async def test_an_error_over_the_result_is_told_and_is_no_orders() -> None:
    async with connected() as (served, desk):
        served.replies["92"] = lambda f: [f"4|2|{f[1]}|321|Error validating request|"]
        await desk.broker.subscribe_account()
        await desk.until(lambda: bool(desk.words("notice")))
        assert desk.words("notice")[0].text == "result: Error validating request"
