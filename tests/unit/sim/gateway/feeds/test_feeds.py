"""Market data lines: the first burst, then only what changed, then nothing after a cancel."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from tests.unit.sim.support import Bench, contract, split
from trader.sim.gateway.feeds.lines import render
from trader.sim.gateway.feeds.quote_ticks import burst, difference


def types(frames: list[list[str]]) -> list[tuple[int, int]]:
    return [(int(f[0]), int(f[3])) for f in frames if f[0] in ("1", "2", "46")]


BURST = [
    (46, 45), (1, 4), (2, 5), (2, 8), (1, 6), (1, 7), (1, 9), (1, 14), (1, 1), (1, 2), (2, 0),
    (2, 3), (46, 32), (46, 33),
]  # fmt: skip


def test_the_first_burst_has_the_recorded_order() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    frames = peer.frames()
    assert [frame[0] for frame in frames[:2]] == ["58", "81"]
    assert types(frames) == BURST
    assert {frame[2] for frame in frames if frame[0] in ("1", "2", "46")} == {"5"}


def test_an_index_has_no_bid_no_ask_and_no_size() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract("VIX"), 0, "", 0, 0, "")
    assert types(peer.frames()) == [(46, 45), (1, 4), (1, 6), (1, 7), (1, 9), (1, 14)]


def test_only_what_changed_is_sent_and_a_price_repeats_its_size() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    old = bench.market.quote(item)
    assert difference(old, old, 0) == []
    new = replace(old, bid=old.bid - item.tick, bid_size=7)
    assert split(render(difference(old, new, 0), 9)) == [
        ["1", "6", "9", "1", f"{new.bid:f}".rstrip("0").rstrip("."), "7", "0"],
        ["2", "6", "9", "0", "7"],
    ]
    sized = replace(old, ask_size=old.ask_size + 1)
    assert types(split(render(difference(old, sized, 0), 9))) == [(2, 3)]


def test_rounds_go_on_until_the_line_is_cancelled() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    peer.frames()
    bench.clock.advance(5)
    assert len(types(peer.frames())) > 10
    peer.send(2, 2, 5)
    bench.clock.advance(5)
    assert types(peer.frames()) == []
    bench.feeds.stop()


def test_a_pinned_price_reaches_the_subscriber_at_once() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    peer.frames()
    bench.pin("AAPL", "201.37")
    assert ["1", "6", "5", "4", "201.37"] in [frame[:5] for frame in peer.frames()]


def test_no_ticks_flow_while_the_broker_link_is_cut() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    peer.frames()
    bench.faults.is_upstream_down = True
    bench.pin("AAPL", "201.37")
    assert peer.frames() == []


def test_five_second_bars_come_by_the_clock() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    bench.clock.advance(60)
    peer.frames()
    peer.send(50, 3, 5, *contract(), 5, "TRADES", 1, "")
    bench.clock.advance(20)
    bars = [frame for frame in peer.frames() if frame[0] == "50"]
    assert [int(b[3]) - int(a[3]) for a, b in pairwise(bars)] == [5, 5, 5]
    for fields in bars:
        opened, high, low, close = (float(text) for text in fields[4:8])
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert int(fields[3]) % 5 == 0
    bench.feeds.stop()


def test_a_snapshot_ends_by_itself() -> None:
    bench = Bench()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 1, 0, "")
    assert peer.frames()[-1] == ["57", "1", "5"]
    bench.pin("AAPL", "201.37")
    assert peer.frames() == []


def test_rendering_the_burst_yields_whole_frames() -> None:
    bench = Bench()
    quote = bench.market.quote(bench.market.catalogue.all()[0])
    assert len(split(render(burst(quote, 0), 123456))) == len(BURST)


def future() -> list[object]:
    return [0, "ES", "FUT", "202612", 0, "", "", "CME", "", "USD", "", ""]


def test_whatever_is_watched_or_traded_gets_quotes_and_nothing_else_stays() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *future(), 0, "", 0, 0, "")
    bench.clock.advance(5)
    assert len([f for f in peer.frames() if f[0] == "1" and f[2] == "5"]) > 6
    filed = {item.con_id for item in bench.market.catalogue.all()}
    (watched,) = set(bench.exchange.quotes) - filed
    peer.send(2, 2, 5)
    bench.exchange.quote(bench.market.catalogue.underlyings()[-1])
    bench.clock.advance(1)
    assert set(bench.exchange.quotes) == filed
    assert watched not in filed
    bench.feeds.stop()


def test_a_farm_that_breaks_silences_what_it_serves_until_it_is_back() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    peer.send(1, 11, 6, *future(), 0, "", 0, 0, "")
    peer.send(50, 3, 7, *contract(), 5, "TRADES", 1, "")
    bench.clock.advance(1)
    peer.frames()
    assert bench.feeds.note_farm(2103) == "Market data farm connection is broken:usfarm"
    bench.clock.advance(10)
    frames = peer.frames()
    assert {f[2] for f in frames if f[0] == "1"} == {"6"}
    assert [f for f in frames if f[0] == "50"]
    bench.feeds.note_farm(2104)
    bench.feeds.note_farm(2105)
    bench.clock.advance(10)
    frames = peer.frames()
    assert {f[2] for f in frames if f[0] == "1"} == {"5", "6"}
    assert not [f for f in frames if f[0] == "50"]
    bench.feeds.stop()


def test_a_flap_may_leave_a_line_dead_for_ever_without_a_word() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    bench.feeds.note_farm(2103)
    bench.feeds.note_farm(2104)
    assert bench.feeds.silence(bench.market.catalogue.all()[0].con_id) == 1
    bench.clock.advance(1)
    peer.frames()
    bench.clock.advance(3600)
    assert peer.frames() == []
    bench.feeds.stop()


def test_a_halt_is_told_and_the_reopening_gaps() -> None:
    bench = Bench()
    bench.feeds.start()
    item = bench.market.catalogue.all()[0]
    bench.clock.advance(1000)
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    bench.clock.advance(1)
    peer.frames()
    bench.feeds.halt(item)
    bench.clock.advance(600)
    assert peer.frames() == [["45", "6", "5", "49", "1.0"]]
    bench.market.pins["AAPL"] = bench.market.quote(item).last + 10
    bench.feeds.reopen(item)
    frames = peer.frames()
    assert frames[0] == ["45", "6", "5", "49", "0.0"]
    assert [f for f in frames if f[0] == "1" and f[3] == "4"]
    bench.feeds.stop()


def test_while_another_session_competes_every_line_is_silent() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    bench.clock.advance(1)
    peer.frames()
    bench.feeds.trouble.is_competing = True
    bench.clock.advance(20)
    assert peer.frames() == []
    bench.feeds.trouble.is_competing = False
    bench.clock.advance(20)
    assert peer.frames()
    bench.feeds.stop()


def test_a_refreshed_underlying_moves_the_options_that_are_watched() -> None:
    bench = Bench()
    peer = bench.client()
    option = [0, "AAPL", "OPT", "20261218", 200, "C", "100", "SMART", "", "USD", "", ""]
    peer.send(1, 11, 5, *option, 0, "", 0, 0, "")
    peer.frames()
    bench.pin("AAPL", "260")
    frames = peer.frames()
    (last,) = [float(f[4]) for f in frames if f[0] == "1" and f[3] == "4"]
    assert last > 55
    assert [f[2] for f in frames if f[0] == "21"] == ["10", "11", "12", "13"]
