"""Lines follow what the account may see while they run, as they would be granted anew."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench, Peer, at_wall, contract
from trader.sim.gateway.feeds.lines import Mode
from trader.sim.gateway.feeds.market_faults import Permission
from trader.sim.model.instruments import Instrument


def aapl(bench: Bench) -> Instrument:
    return bench.market.catalogue.all()[0]


def watching(wish: int, *, always_open: bool = True) -> tuple[Bench, Peer]:
    """Return a bench and a client that watches AAPL under id 5 with a wish."""
    bench = Bench(always_open=always_open)
    bench.feeds.start()
    bench.clock.advance(2000)
    peer = bench.client()
    peer.send(59, 1, wish)
    peer.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    bench.clock.advance(1)
    peer.frames()
    return bench, peer


def told(frames: list[list[str]]) -> list[tuple[str, str]]:
    """Return what was said of the line beside its values: (message, type or code)."""
    return [(f[0], f[3]) for f in frames if f[0] in ("58", "4")]


def kinds(frames: list[list[str]]) -> set[int]:
    return {int(fields[3]) for fields in frames if fields[0] in ("1", "2")}


@pytest.mark.parametrize(
    ("permission", "code"),
    [(Permission.DELAYED, "354"), (Permission.NONE, "354"), (Permission.NO_API, "10089")],
)
def test_a_live_line_ends_when_live_data_may_no_longer_be_seen(
    permission: Permission, code: str
) -> None:
    bench, peer = watching(1)
    bench.feeds.permit(aapl(bench), permission)
    assert told(peer.frames()) == [("4", code)]
    assert bench.feeds.ticks.count == 0
    bench.clock.advance(60)
    assert peer.frames() == []
    peer.send(2, 2, 5)
    assert told(peer.frames()) == [("4", "300")]
    # A line that has ended does not come back by itself.
    bench.feeds.permit(aapl(bench), Permission.LIVE)
    bench.clock.advance(60)
    assert peer.frames() == []
    bench.feeds.stop()


@pytest.mark.parametrize("permission", [Permission.DELAYED, Permission.NO_API])
def test_who_wished_for_delayed_data_goes_over_to_it_and_back(permission: Permission) -> None:
    bench, peer = watching(3)
    bench.feeds.permit(aapl(bench), permission)
    frames = peer.frames()
    assert told(frames) == [("58", "3"), ("4", "10167")]
    assert kinds(frames) >= {66, 67, 68, 69, 70, 72, 73, 75, 76}
    bench.clock.advance(60)
    assert min(kinds(peer.frames())) >= 66
    # The same permission under another name is no news.
    other = Permission.DELAYED if permission is Permission.NO_API else Permission.NO_API
    bench.feeds.permit(aapl(bench), other)
    assert told(peer.frames()) == []
    bench.feeds.permit(aapl(bench), Permission.LIVE)
    frames = peer.frames()
    assert told(frames) == [("58", "1")]
    assert kinds(frames) >= {0, 1, 2, 3, 4, 6, 7, 9, 14}
    bench.clock.advance(60)
    assert max(kinds(peer.frames())) < 66
    bench.feeds.permit(aapl(bench), Permission.NONE)
    assert told(peer.frames()) == [("4", "10168")]
    assert bench.feeds.ticks.count == 0
    bench.feeds.stop()


def test_a_line_that_becomes_partial_goes_on_with_a_notice_said_once() -> None:
    bench, peer = watching(1)
    for _ in range(2):
        bench.feeds.permit(aapl(bench), Permission.PARTIAL)
    assert told(peer.frames()) == [("4", "10090")]
    bench.clock.advance(60)
    assert max(kinds(peer.frames())) < 66
    bench.feeds.stop()


def test_nobody_hears_of_a_change_before_the_data_could_be_there() -> None:
    for cut in ("farm", "competing", "upstream"):
        bench, peer = watching(3)
        if cut == "farm":
            bench.feeds.note_farm(2103)
        bench.feeds.trouble.is_competing = cut == "competing"
        bench.faults.is_upstream_down = cut == "upstream"
        bench.feeds.permit(aapl(bench), Permission.DELAYED)
        bench.clock.advance(30)
        assert peer.frames() == []
        bench.feeds.note_farm(2104)
        bench.feeds.trouble.is_competing = bench.faults.is_upstream_down = False
        bench.clock.advance(30)
        assert told(peer.frames()) == [("58", "3"), ("4", "10167")]
        bench.feeds.stop()


def test_depth_bars_single_ticks_and_updates_end_with_their_own_codes() -> None:
    bench, peer = watching(1)
    peer.send(10, 5, 11, *contract(exchange="ISLAND"), 5, 0, "")
    peer.send(97, 12, *contract(), "Last", 0, 0)
    peer.send(50, 3, 13, *contract(), 5, "TRADES", 1, "")
    peer.send(20, 14, *contract(), 0, "", "1 min", "300 S", 1, "TRADES", 2, 1, "")
    peer.send(50, 3, 15, *contract("IBM"), 5, "TRADES", 1, "")
    peer.frames()
    bench.feeds.permit(aapl(bench), Permission.DELAYED)
    errors = {fields[2]: fields[3] for fields in peer.frames() if fields[0] == "4"}
    assert errors == {"5": "354", "11": "10089", "12": "10089", "13": "10089", "14": "162"}
    assert [line.request_id for line in bench.feeds.lines()] == [15]
    bench.feeds.stop()


def test_who_wished_for_frozen_data_is_frozen_at_the_close_and_live_at_the_open() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-24T00:59:00")
    bench.feeds.start()
    peer = bench.client()
    for request_id, wish in ((5, 2), (6, 1), (7, 4)):
        peer.send(59, 1, wish)
        peer.send(1, 11, request_id, *contract(), 0, "", 0, 0, "")
    bench.clock.advance(1)
    peer.frames()
    bench.clock.advance(60)
    frames = peer.frames()
    assert [f[2:4] for f in frames if f[0] == "58"] == [["5", "2"], ["7", "2"]]
    bids = {f[2]: float(f[4]) for f in frames if f[0] == "1" and f[3] == "1"}
    assert bids["5"] == bids["7"] > 0
    assert bids["6"] == -1
    bench.feeds.stop()
    at_wall(bench, "2026-11-24T08:59:50")
    bench.feeds.start()
    peer.frames()
    bench.clock.advance(20)
    assert [f[2:4] for f in peer.frames() if f[0] == "58"] == [["5", "1"], ["7", "1"]]
    bench.feeds.stop()


def test_bars_stop_while_another_session_has_the_data() -> None:
    bench, peer = watching(1)
    peer.send(50, 3, 13, *contract(), 5, "TRADES", 1, "")
    bench.feeds.trouble.is_competing = True
    peer.frames()
    bench.clock.advance(30)
    assert peer.frames() == []
    bench.feeds.trouble.is_competing = False
    bench.clock.advance(6)
    assert "50" in {fields[0] for fields in peer.frames()}
    bench.feeds.stop()


def test_a_forced_kind_of_data_says_so_first_and_begins_with_its_values() -> None:
    bench, peer = watching(1)
    assert [line.request_id for line in bench.feeds.switch(aapl(bench), Mode.DELAYED)] == [5]
    frames = peer.frames()
    assert frames[0] == ["58", "1", "5", "3"]
    assert kinds(frames) >= {66, 67, 68}
    bench.feeds.stop()
