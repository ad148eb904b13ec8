"""What a client sees of market data and limits when such an incident is played."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.script.stages import Wire, played
from tests.unit.sim.support import contract, place_fields

SEEDS = [1, 2, 3, 4, 5, 6]


def watch(wire: Wire, request_id: int = 5, symbol: str = "AAPL") -> None:
    wire.send(1, 11, request_id, *contract(symbol), 0, "", 0, 0, "")


def codes(frames: list[list[str]]) -> list[str]:
    return [f[3] for f in frames if f[0] == "4"]


def test_a_feed_dies_behind_a_farm_that_is_back() -> None:
    host, _ = played(
        "inc-011-farm-flap-kills-one-feed", tick_interval_s=30.0, positions=(("IBM", Decimal(10)),)
    )
    wire = Wire(host)
    wire.send(6, 2, 1, "")
    watch(wire)
    watch(wire, 6, "IBM")
    wire.wait(10)
    assert codes(wire.frames())[-2:] == ["2103", "2104"]
    wire.wait(3600)
    frames = wire.frames(1, 2, 6)
    assert {f[2] for f in frames if f[0] in ("1", "2")} == {"6"}
    assert any(f[0] == "6" for f in frames)
    # Asked for anew, it lives.
    watch(wire, 7)
    wire.wait(60)
    assert "7" in {f[2] for f in wire.frames(1, 2)}


@pytest.mark.parametrize("seed", SEEDS)
def test_quotes_say_that_there_is_none(seed: int) -> None:
    host, engine = played("inc-019-prices-that-are-none", seed=seed)
    wire = Wire(host)
    watch(wire)
    wire.wait(2.5)
    wire.frames()
    wire.wait(20)
    sides: dict[str, str] = {f[3]: f[4] for f in wire.frames(1) if f[3] in ("1", "2", "4")}
    bid, ask, last = (sides.get(kind, "") for kind in ("1", "2", "4"))
    kind = engine.done[0][1]["kind"]
    expected = {
        "no-data": (bid, ask) == ("-1", "-1"),
        "zero": (bid, ask) == ("0", "0"),
        "nan": bid.lower() == ask.lower() == last.lower() == "nan",
        "no-bid": bid == "-1" != ask,
        "no-ask": ask == "-1" != bid,
        "crossed": bool(bid and ask) and float(bid) > float(ask),
    }
    assert expected[kind], (kind, sides)
    assert host.exchange.quote(host.market.catalogue.all()[0]).bid > 0


def test_delayed_data_answer_a_request_for_live_ones() -> None:
    host, _ = played("inc-058-delayed-data-taken-for-live")
    wire = Wire(host)
    wire.send(59, 1, 3)
    watch(wire)
    wire.wait(5)
    frames = wire.frames()
    assert ["58", "1", "5", "3"] in frames
    assert "10167" in codes(frames)
    assert {f[3] for f in frames if f[0] == "1"} <= {"66", "67", "68", "72", "73", "75", "76"}


def test_a_live_line_becomes_delayed_in_the_middle_of_the_day() -> None:
    host, engine = played("inc-058-delayed-data-taken-for-live")
    wire = Wire(host)
    wire.send(1, 11, 6, *contract("IBM"), 0, "", 0, 0, "")
    wire.wait(4)
    before = wire.frames(1, 58)
    assert ["58", "1", "6", "1"] in before
    wire.wait(4)
    after = wire.frames(1, 58)
    place = after.index(["58", "1", "6", "3"])
    assert {f[3] for f in after[place + 1 :] if f[0] == "1"} <= {
        "66",
        "67",
        "68",
        "72",
        "73",
        "75",
        "76",
    }
    assert engine.failures == []


def test_too_many_messages_end_the_connection() -> None:
    host, _ = played("inc-061-too-many-messages")
    wire = Wire(host)
    wire.wait(2)
    wire.frames()
    for _ in range(50):
        wire.send(49, 1)
    assert codes(wire.frames()) == []
    found = []
    for _ in range(3):
        wire.wait(1.5)
        for _ in range(60):
            if wire.peer.is_open:
                wire.send(49, 1)
        found += codes(wire.frames())
    assert found == ["100", "100", "100"]
    assert not wire.peer.is_open
    assert Wire(host).peer.is_open


def test_a_storm_of_farms_leaves_orders_alone() -> None:
    host, _ = played("inc-074-a-storm-of-farms")
    wire = Wire(host)
    watch(wire)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(330)
    found = codes(wire.frames())
    # The first 2103 is said before the client has come.
    assert found.count("2103") >= 19
    assert found.count("2104") >= 20
    assert wire.peer.is_open
    assert [str(o.status) for o in host.exchange.working()] == ["Submitted"]
    wire.wait(10)
    assert wire.frames(1, 2)


def test_a_burst_freezes_the_gateway_for_its_client() -> None:
    host, _ = played("inc-094-frozen-after-a-burst")
    wire = Wire(host)
    for _ in range(30):
        wire.send(49, 1)
    wire.wait(600)
    assert "100" in codes(wire.frames())
    wire.send(49, 1)
    wire.wait(60)
    assert wire.frames(49) == []
    assert wire.peer.is_open
    assert Wire(host, 8).peer.is_open


def test_another_session_takes_the_data_and_orders_still_work() -> None:
    host, _ = played("inc-133-another-session-takes-the-data")
    wire = Wire(host)
    watch(wire, 5)
    watch(wire, 6, "IBM")
    wire.wait(6)
    frames = wire.frames()
    assert {(f[2], f[3]) for f in frames if f[0] == "4" and f[3] == "10197"} == {
        ("5", "10197"), ("6", "10197"),
    }  # fmt: skip
    wire.wait(30)
    assert wire.frames(1, 2) == []
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    assert [str(o.status) for o in host.exchange.orders.values()] == ["Filled"]


def test_the_first_price_is_yesterdays() -> None:
    host, _ = played("inc-140-yesterdays-price-first")
    wire = Wire(host)
    item = host.market.catalogue.symbol("AAPL")
    assert item is not None
    close = host.market.quote(item).close
    watch(wire)
    frames = wire.frames(1, 46)
    prices = [f[4] for f in frames if f[0] == "1" and f[3] == "4"]
    assert float(prices[0]) == float(close)
    # The last trade says itself that it is of the day before.
    times = [int(f[4]) for f in frames if f[0] == "46" and f[3] == "45"]
    assert times[0] < host.clock.time() - 80_000
    watch(wire, 6)
    assert float(next(f[4] for f in wire.frames(1) if f[3] == "4")) != float(close)


def test_trading_halts_and_opens_again_far_away() -> None:
    host, _ = played("inc-141-a-halt-and-its-reopening")
    wire = Wire(host)
    watch(wire)
    wire.wait(4)
    wire.frames()
    wire.wait(2)
    assert ["45", "6", "5", "49", "1.0"] in wire.frames(45)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(500)
    assert wire.frames(1, 11) == []
    wire.wait(200)
    frames = wire.frames(1, 11, 45)
    assert ["45", "6", "5", "49", "0.0"] in frames
    (fill,) = [f for f in frames if f[0] == "11"]
    assert 149 < float(fill[20]) < 151


def test_one_line_too_many_is_refused() -> None:
    host, _ = played("inc-149-one-line-too-many")
    wire = Wire(host)
    watch(wire, 5)
    watch(wire, 6, "IBM")
    wire.wait(20)
    frames = wire.frames(1, 2, 4)
    assert [(f[2], f[3]) for f in frames if f[0] == "4" and f[2] == "6"] == [("6", "101")]
    assert {f[2] for f in frames if f[0] in ("1", "2")} == {"5"}
