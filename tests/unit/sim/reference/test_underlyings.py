"""What stands for itself."""

from __future__ import annotations

from trader.sim.model.instruments import Instrument
from trader.sim.reference import calendar, rules, underlyings


def everything() -> list[Instrument]:
    listed = list(underlyings.listed().values())
    return listed + [item for item in underlyings.generated() if item not in listed]


def test_every_instrument_has_an_id_a_calendar_and_a_tick_of_its_rule() -> None:
    items = everything()
    assert len({item.con_id for item in items}) == len(items)
    for item in items:
        assert item.calendar in calendar.NAMES
        assert item.time_zone == calendar.zone_name(item.calendar)
        assert item.tick == rules.finest(item.market_rule_id)
        assert item.exchange in item.exchanges


def test_an_invented_share_says_so_and_one_is_quoted_in_hundredths() -> None:
    invented = [item for item in underlyings.generated() if item.currency in ("EUR", "GBP")]
    shares = [item for item in invented if item.sec_type == "STK"]
    assert [item.price_magnifier for item in shares] == [1, 100]
    assert all("INVENTED" in item.long_name for item in shares)


def test_coins_trade_in_fractions() -> None:
    coins = [item for item in underlyings.generated() if item.sec_type == "CRYPTO"]
    assert [item.symbol for item in coins] == ["BTC", "ETH"]
    assert all(item.size_step < 1 for item in coins)


def test_an_unknown_name_makes_way_for_an_id_already_taken() -> None:
    first = underlyings.unknown("ZZZ")
    assert first == underlyings.unknown("ZZZ")
    assert underlyings.unknown("ZZZ", [first.con_id]).con_id == first.con_id + 1
