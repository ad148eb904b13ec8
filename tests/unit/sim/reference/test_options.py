"""Option chains by rule: expiries, strikes, names and ids."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.sim.reference import options, underlyings

APPLE = underlyings.listed()["AAPL"]


def chain(price: str = "39.47") -> options.Chain:
    (found,) = options.chains({APPLE: Decimal(price)})
    return found


@pytest.mark.parametrize(
    ("price", "step"),
    [("0.8", "0.5"), ("39.47", "1"), ("99", "2.5"), ("150", "5"), ("500", "25"), ("7000", "250")],
)
def test_strikes_are_round_numbers_around_the_first_price(price: str, step: str) -> None:
    found = chain(price)
    strikes = found.strikes()
    assert found.step == Decimal(step)
    assert strikes[0] <= max(Decimal(price), found.step) <= strikes[-1]
    assert 10 <= len(strikes) <= 120
    assert all(found.has_strike(strike) for strike in strikes)
    assert not found.has_strike(strikes[0] - found.step)
    assert not found.has_strike(strikes[0] + Decimal("0.1"))
    assert not found.has_strike(Decimal("1e40"))


def test_expiries_are_six_weeks_and_the_third_fridays_of_a_year() -> None:
    found = options.fridays(date(2026, 4, 6))
    assert found[:7] == [date(2026, 4, 10) + timedelta(days=7 * n) for n in range(6)] + [
        date(2026, 6, 19)
    ]
    assert found[-1] == date(2027, 4, 16)
    assert found == sorted(set(found))


def test_an_expiry_on_a_holiday_is_the_day_before_and_is_over_after_it() -> None:
    good_friday = date(2026, 4, 3)
    assert options.expiry(good_friday) == date(2026, 4, 2)
    assert options.fridays(date(2026, 4, 2))[0] == good_friday
    assert options.fridays(good_friday)[0] == date(2026, 4, 10)


def test_names_are_in_the_occs_form_and_read_back() -> None:
    name = options.occ_name("AAPL", date(2026, 4, 17), "C", Decimal("152.5"))
    assert name == "AAPL  260417C00152500"
    assert options.read_name(name) == ("AAPL", date(2026, 4, 17), "C", Decimal("152.5"))


@pytest.mark.parametrize(
    "text", ["", "ESH6", "AAPL  261317C00152500", "AAPL  260417X00152500", "AAPL  26O417C00152500",
             "      260417C00152500", "AAPL  260417C0015250٣"]
)  # fmt: skip
def test_what_is_no_option_name_reads_as_none(text: str) -> None:
    assert options.read_name(text) is None


@settings(max_examples=200, derandomize=True)
@given(st.integers(0, 1023), st.integers(0, 102), st.sampled_from("CP"))
def test_an_id_holds_the_whole_contract(week: int, place: int, right: str) -> None:
    one = chain()
    friday = date(2019, 1, 4) + timedelta(days=7 * week)
    strike = one.strikes()[place % len(one.strikes())]
    item = options.contract(one, friday, strike, right)
    assert options.read_id(item.con_id) == (one.slot, friday, int(strike / one.step), right)
    assert 1_000_000_000 <= item.con_id < 2**31 - 1
    assert item.expiry == options.expiry(friday)


def test_two_names_never_share_a_slot_and_order_does_not_matter() -> None:
    items = [underlyings.unknown(f"S{n}") for n in range(300)]
    slots = {c.underlying.symbol: c.slot for c in options.chains(dict.fromkeys(items, Decimal(9)))}
    assert len(set(slots.values())) == 300
    again = options.chains(dict.fromkeys(items[::-1], Decimal(9)))
    assert {c.underlying.symbol: c.slot for c in again} == slots


@pytest.mark.parametrize("con_id", [0, 999_999_999, 2_048_576_000, 2**31 - 1])
def test_what_is_no_option_reads_as_none(con_id: int) -> None:
    assert options.read_id(con_id) is None
