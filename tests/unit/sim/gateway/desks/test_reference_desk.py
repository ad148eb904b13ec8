"""What a session asks about instruments, exchanges and the account's groups."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.support import Bench, Peer, at_wall, contract, place_fields


def asked(**given: Any) -> list[object]:
    """Return the fields of message 9 from the contract on."""
    get = given.get
    return [
        get("con_id", 0), get("symbol", ""), get("kind", ""), get("expiry", ""),
        get("strike", 0.0), get("right", ""), get("multiplier", ""), get("exchange", ""), "",
        get("currency", ""), get("local", ""), "", get("expired", 0), get("id_type", ""),
        get("id", ""), "",
    ]  # fmt: skip


def details(peer: Peer, **given: Any) -> list[list[str]]:
    """Ask for contract details; return the frames before the end."""
    peer.send(9, 8, 5, *asked(**given))
    *frames, end = peer.frames()
    assert end == ["52", "1", "5"]
    return frames


def error(peer: Peer) -> tuple[str, str, str]:
    """Return request id, code and text of the one error that came."""
    ((head, _, request_id, code, text, *_),) = peer.frames()
    assert head == "4"
    return request_id, code, text


def test_contract_details_end_with_52_and_an_unknown_one_is_200() -> None:
    peer = Bench().client()
    peer.send(9, 8, 5, *contract(), 0, "", "", "")
    shown, end = peer.frames()
    assert (shown[0], shown[2], end) == ("10", "AAPL", ["52", "1", "5"])
    peer.send(9, 8, 6, *contract("NONE"), 0, "", "", "")
    assert error(peer)[:2] == ("6", "200")


def test_a_stock_without_an_exchange_is_shown_at_each_of_its_venues() -> None:
    peer = Bench().client()
    frames = details(peer, symbol="AAPL", kind="STK")
    places = [fields[7] for fields in frames]
    assert places[0] == "SMART"
    assert len(set(places)) == len(places) > 10
    assert len(details(peer, con_id=265598)) == 1


@pytest.mark.parametrize("kind", ["", "SHARE"])
def test_details_of_no_known_type_are_refused(kind: str) -> None:
    peer = Bench().client()
    peer.send(9, 8, 5, *asked(symbol="AAPL", kind=kind, exchange="SMART"))
    text = "Error validating request.-'bW' : cause - Please enter a valid security type"
    assert error(peer) == ("5", "321", text)


def test_what_never_closes_is_open_from_today_in_its_own_zone() -> None:
    bench = at_wall(Bench(), "2026-11-23T03:00:00")
    peer = bench.client()
    (spx,) = details(peer, symbol="SPX", kind="IND", exchange="CBOE")
    (coin,) = details(peer, symbol="BTC", kind="CRYPTO", exchange="PAXOS")
    # Still the evening of the 22nd in New York, where both of them stand.
    for fields in (spx, coin):
        assert "US/Eastern" in fields
        assert any(text.startswith("20261122:0000-20261123:0000;") for text in fields)


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"symbol": "ES", "kind": "FUT", "exchange": "CME"}, 5),
        ({"symbol": "ES", "kind": "FUT", "exchange": "CME", "expired": 1}, 13),
        ({"local": "EUR.USD", "kind": "CASH", "exchange": "IDEALPRO"}, 1),
        ({"id_type": "ISIN", "id": "US0378331005", "exchange": "SMART"}, 1),
        ({"symbol": "BTC", "kind": "CRYPTO", "exchange": "PAXOS", "currency": "USD"}, 1),
        ({"symbol": "SPY", "kind": "STK", "exchange": "SMART"}, 1),
    ],
)
def test_every_match_is_one_message(given: dict[str, Any], count: int) -> None:
    assert len(details(Bench().client(), **given)) == count


def test_a_future_is_described_as_a_real_one_was() -> None:
    (fields,) = details(Bench().client(), local="ESZ6", kind="FUT", exchange="CME")
    # At 178 the layout is that of the recorded future: 40 fields.
    assert len(fields) == 40
    assert fields[2:14] == [
        "ES", "FUT", "20261218 08:30 US/Central", "0", "", "CME", "USD", "ESZ6", "ES", "ES",
        fields[12], "0.25",
    ]  # fmt: skip
    assert (fields[14], fields[17]) == ("50", "1")
    assert fields[19:22] == ["E-mini S&P 500", "", "202612"]
    assert fields[25] == "US/Central"
    assert fields[30:] == ["0", "2147483647", "SPX", "IND", "67,67", "20261218", "", "1", "1", "1"]


def test_an_option_has_strike_right_and_multiplier() -> None:
    peer = Bench().client()
    given = {"symbol": "AAPL", "kind": "OPT", "exchange": "SMART", "expiry": "20261218"}
    (fields,) = details(peer, **given, strike=200.0, right="Call")
    assert fields[4:9] == ["20261218 16:00 US/Eastern", "200", "C", "SMART", "USD"]
    assert fields[9] == "AAPL  261218C00200000"
    assert len(details(peer, **given, strike=200.0)) == 2


def test_a_price_in_pence_says_so() -> None:
    (fields,) = details(Bench().client(), symbol="SIMP", kind="STK", exchange="LSE")
    assert fields[17] == "100"
    assert fields[8] == "GBP"


def test_a_coin_is_sized_in_fractions() -> None:
    (fields,) = details(Bench().client(), symbol="BTC", kind="CRYPTO", exchange="PAXOS")
    assert fields[-3:] == ["0.00000001"] * 3
    assert fields[13] == "0.25"


def test_details_of_a_combination_are_refused_or_never_answered() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(9, 8, 5, *asked(symbol="AAPL", kind="BAG", exchange="SMART"))
    assert error(peer)[:2] == ("5", "321")
    bench.faults.unanswered_details = ("BAG",)
    peer.send(9, 8, 5, *asked(symbol="AAPL", kind="BAG", exchange="SMART"))
    bench.clock.advance(600)
    assert {int(fields[2]) for fields in peer.frames()} == {-1}
    assert len(details(peer, symbol="AAPL", kind="STK", exchange="SMART")) == 1


def test_symbols_are_found_with_what_is_made_from_them() -> None:
    peer = Bench().client()
    peer.send(81, 5, "AAP")
    (fields,) = peer.frames()
    assert fields == [
        "79", "5", "1", "265598", "AAPL", "STK", "NASDAQ", "USD", "2", "OPT", "BAG",
        "APPLE INC", "",
    ]  # fmt: skip


def test_market_rules_have_bands_and_an_unknown_one_is_refused() -> None:
    peer = Bench().client()
    peer.send(91, 26)
    assert peer.frames() == [["93", "26", "1", "0", "0.01"]]
    peer.send(91, 110)
    assert peer.frames() == [["93", "110", "2", "0", "0.01", "3", "0.05"]]
    peer.send(91, 3)
    assert error(peer)[:2] == ("-1", "321")


def test_an_option_chain_is_given_per_exchange() -> None:
    peer = Bench().client()
    peer.send(78, 5, "AAPL", "", "STK", 265598)
    *frames, end = peer.frames()
    assert end == ["76", "5"]
    assert {fields[0] for fields in frames} == {"75"}
    assert len({fields[2] for fields in frames}) == len(frames) > 5
    first = frames[0]
    assert first[1:6] == ["5", "SMART", "265598", "AAPL", "100"]
    expiries = first[7 : 7 + int(first[6])]
    strikes = first[8 + len(expiries) :]
    assert expiries == sorted(expiries)
    assert len(strikes) == int(first[7 + len(expiries)])
    # What the chain names can be asked for.
    given = {"symbol": "AAPL", "kind": "OPT", "exchange": "SMART", "right": "P"}
    assert len(details(peer, **given, expiry=expiries[0], strike=float(strikes[0]))) == 1


def test_what_has_no_options_has_an_empty_chain_and_a_wrong_id_is_refused() -> None:
    peer = Bench().client()
    peer.send(78, 5, "BTC", "", "CRYPTO", 479624278)
    assert peer.frames() == [["76", "5"]]
    peer.send(78, 5, "AAPL", "CME", "STK", 265598)
    assert peer.frames() == [["76", "5"]]
    for con_id in (1, 13455763):
        peer.send(78, 6, "AAPL", "", "STK", con_id)
        assert error(peer)[:2] == ("6", "321")


def test_exchanges_with_depth_and_behind_a_quote_are_listed() -> None:
    peer = Bench().client()
    peer.send(82)
    (fields,) = peer.frames()
    assert fields[0] == "80"
    assert len(fields) == 2 + 5 * int(fields[1])
    peer.send(83, 5, "9c0001")
    (fields,) = peer.frames()
    assert fields[:6] == ["82", "5", fields[2], "0", "AMEX", "A"]
    assert len(fields) == 3 + 3 * int(fields[2])
    peer.send(83, 5, "zz")
    assert error(peer)[:2] == ("5", "321")


def test_the_account_has_no_family_no_tiers_and_a_plain_brand() -> None:
    peer = Bench().client()
    peer.send(79, 5)
    peer.send(80)
    peer.send(104, 6)
    assert peer.frames() == [["77", "5", "0"], ["78", "1", "*", ""], ["107", "6", ""]]


def test_an_individual_account_is_no_advisor() -> None:
    peer = Bench().client()
    peer.send(18, 1, 1)
    request_id, code, text = error(peer)
    assert (request_id, code) == ("-1", "321")
    assert text.endswith("FA data operations ignored for non FA customers.")
    peer.send(19, 1, 1, "<xml/>", 7)
    assert error(peer) == ("7", "321", text)


@pytest.mark.parametrize(
    ("number", "code"), [(100, "10276"), (101, "10280"), (102, "10282"), (103, "10284")]
)
def test_paid_event_data_is_refused(number: int, code: str) -> None:
    peer = Bench().client()
    peer.send(number, 5, *([""] * 9 if number == 102 else []))
    assert error(peer)[:2] == ("5", code)


def test_an_order_or_data_for_an_ambiguous_contract_is_refused_with_200() -> None:
    peer = Bench().client()
    fields = place_fields(1, quantity=1)
    fields[3:5] = ["ES", "FUT"]
    fields[9] = "CME"
    peer.send(*fields)
    text = "The contract description specified for ES is ambiguous."
    assert error(peer) == ("1", "200", text)
    peer.send(
        1, 11, 6, *asked(symbol="EUR", kind="CASH", exchange="IDEALPRO")[:12], 0, "", 0, 0, ""
    )
    assert error(peer)[:2] == ("6", "200")
    fields[5] = "202612"
    peer.send(*fields)
    frames = peer.frames()
    assert frames[0][0] == "5"
    assert frames[0][2:5] == ["800000324", "ES", "FUT"]
