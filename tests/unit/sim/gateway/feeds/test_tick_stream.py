"""Groups of lines: shared ticks, delayed and frozen data, switches, deaf lines, stale openings."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import Bench, Peer, contract
from trader.sim.gateway.feeds.lines import Mode
from trader.sim.gateway.feeds.market_faults import Distortion, Falsity, Permission
from trader.sim.model.instruments import Instrument


def aapl(bench: Bench) -> Instrument:
    return bench.market.catalogue.all()[0]


def connect(bench: Bench, client_id: int = 7) -> Peer:
    """Return a client that has heard the notices about farms."""
    peer = bench.client(client_id)
    bench.clock.advance(0.05)
    peer.frames()
    return peer


def subscribe(peer: Peer, request_id: int, generics: str = "", symbol: str = "AAPL") -> None:
    peer.send(1, 11, request_id, *contract(symbol), 0, generics, 0, 0, "")


def prices(frames: list[list[str]], kind: int) -> list[str]:
    return [fields[4] for fields in frames if fields[0] == "1" and fields[3] == str(kind)]


def test_clients_who_watch_the_same_get_the_same() -> None:
    bench = Bench()
    bench.feeds.start()
    one, two = connect(bench, 1), connect(bench, 2)
    subscribe(one, 5)
    subscribe(two, 5)
    subscribe(two, 6, "233")
    bench.clock.advance(30)
    first, second = one.frames(), two.frames()
    of_five = [fields for fields in second if "5" in fields[2:3] or fields[1:2] == ["5"]]
    assert of_five == first
    assert any(fields[:3] == ["46", "6", "6"] and fields[3] == "48" for fields in second)
    assert bench.feeds.ticks.count == 3
    bench.feeds.stop()


def test_delayed_data_is_what_was_shown_a_quarter_of_an_hour_ago() -> None:
    bench = Bench()
    bench.feeds.start()
    live = connect(bench, 1)
    subscribe(live, 1)
    bench.clock.advance(60)
    early = prices(live.frames(), 4)[-1]
    bench.clock.advance(900)
    bench.feeds.trouble.permissions[aapl(bench).con_id] = Permission.DELAYED
    peer = connect(bench, 2)
    peer.send(59, 1, 3)
    subscribe(peer, 5)
    frames = peer.frames()
    assert [fields[3] for fields in frames if fields[0] == "4"] == ["10167"]
    assert ["58", "1", "5", "3"] in frames
    assert prices(frames, 68) == [early]
    assert prices(frames, 4) == []
    stamps = [int(fields[4]) for fields in frames if fields[0] == "46" and fields[3] == "88"]
    assert stamps == [int(bench.clock.time()) - 900]
    bench.clock.advance(30)
    later = peer.frames()
    assert {int(f[3]) for f in later if f[0] in ("1", "2")} <= {66, 67, 68, 69, 70, 71, 72, 73, 74}
    assert later
    bench.feeds.stop()


def test_a_line_switched_to_delayed_data_goes_on_with_delayed_types() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = connect(bench)
    subscribe(peer, 5)
    bench.clock.advance(5)
    peer.frames()
    moved = bench.feeds.switch(aapl(bench), Mode.DELAYED)
    assert [line.request_id for line in moved] == [5]
    bench.clock.advance(20)
    kinds = {int(fields[3]) for fields in peer.frames() if fields[0] in ("1", "2")}
    assert kinds
    assert min(kinds) >= 66
    assert bench.feeds.switch(aapl(bench), Mode.DELAYED) == []
    bench.feeds.stop()


def test_a_silent_line_gets_nothing_while_others_go_on() -> None:
    bench = Bench()
    bench.feeds.start()
    one, two = connect(bench, 1), connect(bench, 2)
    subscribe(one, 5)
    subscribe(two, 6)
    assert bench.feeds.silence(request_id=5) == 1
    one.frames()
    two.frames()
    bench.clock.advance(20)
    assert one.frames() == []
    assert two.frames() != []
    # The client can still cancel what it believes to have, and ask again.
    one.send(2, 2, 5)
    subscribe(one, 5)
    assert prices(one.frames(), 4)
    bench.feeds.stop()


def test_the_first_tick_may_be_yesterday_s_last_price_once() -> None:
    bench = Bench()
    item = aapl(bench)
    bench.feeds.trouble.stale_first[item.con_id] = True
    peer = connect(bench)
    subscribe(peer, 5)
    quote = bench.market.quote(item)
    assert [Decimal(text) for text in prices(peer.frames(), 4)] == [quote.close]
    subscribe(peer, 6)
    assert [Decimal(text) for text in prices(peer.frames(), 4)] == [quote.last]


def test_false_prices_are_shown_but_not_matched() -> None:
    bench = Bench()
    item = aapl(bench)
    peer = connect(bench)
    subscribe(peer, 5)
    peer.frames()
    bench.feeds.trouble.falsities[item.con_id] = Falsity(Distortion.OFFSET, Decimal(1000))
    bench.feeds.refresh("AAPL")
    shown = [Decimal(text) for text in prices(peer.frames(), 1)]
    assert shown == [bench.market.quote(item).bid + 1000]
    assert bench.exchange.quote(item).bid == shown[0] - 1000


def test_frozen_data_stays_as_it_was_at_the_close() -> None:
    bench = Bench(always_open=False)
    bench.feeds.start()
    peer = connect(bench)
    peer.send(59, 1, 2)
    subscribe(peer, 5)
    frames = peer.frames()
    assert ["58", "1", "5", "2"] in frames
    assert float(prices(frames, 1)[0]) > 0
    live = connect(bench, 2)
    subscribe(live, 6)
    assert prices(live.frames(), 1) == ["-1"]
    bench.clock.advance(60)
    assert peer.frames() == live.frames() == []
    bench.feeds.stop()
