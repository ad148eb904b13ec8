"""Exchanges as clients ask for them."""

from __future__ import annotations

from trader.sim.reference import venues


def test_the_letters_behind_a_quote_are_known_for_one_code_only() -> None:
    found = venues.components(venues.BBO_EXCHANGE)
    assert found is not None
    assert [one.bit for one in found] == list(range(len(found)))
    assert len({one.letter for one in found}) == len(found)
    assert {one.exchange for one in found} <= set(venues.US_STOCKS)
    assert venues.components("a60001") is None


def test_order_types_fit_the_kind_of_instrument() -> None:
    assert venues.order_types("STK") == ""
    assert "FOK" in venues.order_types("OPT").split(",")
    assert "STP" not in venues.order_types("CRYPTO").split(",")
    assert "LMT" not in venues.order_types("IND").split(",")


def test_an_old_name_of_an_exchange_is_understood() -> None:
    assert venues.official("ISLAND") == "NASDAQ"
    assert venues.official("NYSE") == "NYSE"


def test_every_depth_venue_is_listed_once() -> None:
    rows = [(one.exchange, one.sec_type) for one in venues.depth_venues()]
    assert len(rows) == len(set(rows))
    assert ("NASDAQ", "STK") in rows


def test_only_some_venues_name_who_stands_in_their_book() -> None:
    island, nyse = venues.depth_venue("ISLAND", "STK"), venues.depth_venue("NYSE", "STK")
    assert island is not None
    assert nyse is not None
    assert (venues.maker(island), venues.maker(nyse)) == ("NSDQ", "")
    assert venues.depth_venue("SMART", "STK") is None
    assert venues.depth_venue("NYSE", "OPT") is None
