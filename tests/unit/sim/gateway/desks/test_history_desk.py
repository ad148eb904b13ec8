"""History of one session: what is served, what is refused and with which code and text."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, Peer, at_wall, contract
from trader.sim.gateway.feeds.market_faults import Permission


def later(seconds: float = 4000) -> tuple[Bench, Peer]:
    bench = Bench()
    bench.clock.advance(seconds)
    peer = bench.client()
    bench.clock.advance(1)
    peer.frames()
    return bench, peer


def ask(peer: Peer, request_id: int, *words: object, symbol: str = "AAPL", end: str = "") -> None:
    """Send message 20: size, duration, what to show, format, keep up to date."""
    usual: tuple[object, ...] = ("1 day", "2 D", "TRADES", 1, 0)
    size, duration, *rest = [*words, *usual[len(words) :]]
    peer.send(20, request_id, *contract(symbol), 0, end, size, duration, 1, *rest, "")


def refusals(peer: Peer) -> list[list[str]]:
    return [fields[2:5] for fields in peer.frames() if fields[0] == "4"]


def test_bars_are_served_with_a_span_in_the_instrument_s_zone() -> None:
    _, peer = later()
    ask(peer, 5, "1 min", "600 S")
    (fields,) = peer.frames()
    assert fields[:2] == ["17", "5"]
    assert len(fields) == 5 + 8 * int(fields[4])
    assert fields[2].endswith(" US/Eastern")
    assert fields[5].endswith(" US/Eastern")
    assert int(fields[10]) > 0


def test_epochs_come_on_request_and_no_volume_for_midpoints() -> None:
    _, peer = later()
    ask(peer, 5, "1 min", "600 S", "MIDPOINT", 2)
    (fields,) = peer.frames()
    assert fields[5].isdigit()
    assert fields[10:13] == ["-1", "-1", "-1"]


def test_bid_ask_bars_have_their_own_meaning() -> None:
    _, peer = later()
    for request_id, show in ((1, "TRADES"), (2, "BID_ASK"), (3, "BID"), (4, "ASK")):
        ask(peer, request_id, "5 mins", "1 D", show)
    trades, both, bid, ask_ = (
        [[Decimal(value) for value in fields[n + 1 : n + 5]] for n in range(5, len(fields), 8)]
        for fields in peer.frames()
    )
    for trade, pair, low, high in zip(trades, both, bid, ask_, strict=True):
        assert pair[2] <= low[2] < trade[1]
        assert pair[1] >= high[1] > trade[2]
        assert pair[0] < pair[3]
        assert low[3] < trade[3] < high[3]


def test_a_schedule_is_a_message_of_its_own() -> None:
    _, peer = later()
    ask(peer, 5, "1 day", "5 D", "SCHEDULE")
    (fields,) = peer.frames()
    assert fields[0] == "106"
    assert len(fields) == 6 + 3 * int(fields[5])
    ask(peer, 6, "1 min", "5 D", "SCHEDULE")
    assert refusals(peer)[0][1] == "321"


@pytest.mark.parametrize(
    ("words", "end", "text"),
    [
        (("7 mins",), "", "Legal ones are"),
        (("1 day", "x D"), "", "duration"),
        (("1 day", "2 D", "GOSSIP"), "", "What to show"),
        (("1 day", "2 D", "TRADES", 3), "", "Format date"),
        ((), "soon", "end date/time"),
        (("1 day", "2 D", "ADJUSTED_LAST"), "20260101-00:00:00", "adjusted last"),
        (("1 min", "600 S", "TRADES", 1, 1), "20260101-00:00:00", "keep up to date"),
        (("1 secs", "600 S", "TRADES", 1, 1), "", "5 seconds"),
        (("1 day", "2 D", "HISTORICAL_VOLATILITY", 1, 1), "", "kept up to date"),
    ],
)
def test_bad_arguments_are_refused_with_321(words: tuple[object, ...], end: str, text: str) -> None:
    _, peer = later()
    ask(peer, 5, *words, end=end)
    ((request_id, code, said),) = refusals(peer)
    assert (request_id, code) == ("5", "321")
    assert text in said


def test_no_data_and_no_permission_and_a_broken_farm_are_told_apart() -> None:
    bench, peer = later()
    ask(peer, 1, "1 min", "60 S", end="20000101-00:00:00")
    bench.feeds.trouble.permissions[265598] = Permission.NONE
    ask(peer, 2)
    bench.feeds.trouble.permissions.clear()
    bench.feeds.note_farm(2105)
    ask(peer, 3)
    bench.feeds.note_farm(2106)
    bench.feeds.trouble.is_competing = True
    ask(peer, 4)
    found = refusals(peer)
    assert [one[:2] for one in found] == [["1", "162"], ["2", "162"], ["3", "165"], ["4", "162"]]
    said = ("returned no data", "No market data permissions", "HMDS", "different IP address")
    assert all(text in one[2] for text, one in zip(said, found, strict=True))


def test_small_bars_are_paced_and_larger_ones_are_not() -> None:
    bench, peer = later()
    for _ in range(2):
        ask(peer, 1, "5 secs", "60 S")
    for _ in range(20):
        ask(peer, 2, "1 min", "600 S")
    ((request_id, code, text),) = refusals(peer)
    assert (request_id, code) == ("1", "162")
    assert "pacing violation" in text
    bench.feeds.history_meter.is_on = False
    ask(peer, 1, "5 secs", "60 S")
    assert refusals(peer) == []


def test_fifty_requests_may_be_kept_up_to_date_and_an_id_only_once() -> None:
    bench, peer = later()
    for request_id in range(51):
        ask(peer, request_id, "1 min", "600 S", "TRADES", 1, 1)
    ask(peer, 7, "1 min", "600 S", "TRADES", 1, 1)
    assert [one[:2] for one in refusals(peer)] == [["50", "322"], ["7", "386"]]
    assert bench.feeds.bars.kept_up == 50


def test_only_what_is_under_way_can_be_cancelled() -> None:
    _, peer = later()
    ask(peer, 5, "1 min", "600 S", "TRADES", 1, 1)
    ask(peer, 6, "1 min", "600 S")
    peer.frames()
    for request_id in (5, 5, 6):
        peer.send(25, 1, request_id)
    found = refusals(peer)
    assert [one[:2] for one in found] == [["5", "162"], ["5", "366"], ["6", "366"]]
    assert "API historical data query cancelled: 5" in found[0][2]


def test_the_earliest_date_is_told_in_both_formats() -> None:
    _, peer = later()
    for request_id, form in ((1, 1), (2, 2)):
        peer.send(87, request_id, *contract(), 0, 1, "TRADES", form)
    text, epoch = (fields[2] for fields in peer.frames())
    assert len(text) == 17
    assert text[8] == "-"
    assert epoch.isdigit()
    peer.send(87, 3, *contract(), 0, 1, "GOSSIP", 1)
    peer.send(90, 3)
    assert [one[:2] for one in refusals(peer)] == [["3", "321"]]


def test_a_histogram_has_a_size_for_each_price() -> None:
    _, peer = later()
    peer.send(88, 1, *contract(), 0, 1, "3 days")
    (fields,) = peer.frames()
    assert fields[:2] == ["89", "1"]
    assert len(fields) == 3 + 2 * int(fields[2])
    assert int(fields[2]) > 1
    peer.send(88, 2, *contract(), 0, 1, "3 blinks")
    assert [one[:2] for one in refusals(peer)] == [["2", "321"]]


def ticks(peer: Peer, request_id: int, **changes: object) -> None:
    words: dict[str, object] = {"start": "", "end": "", "count": 10, "show": "TRADES"} | changes
    peer.send(96, request_id, *contract(), 0, words["start"], words["end"], words["count"],
              words["show"], 1, words.get("ignore", 0), "")  # fmt: skip


@pytest.mark.parametrize(
    ("show", "message", "size"), [("TRADES", "98", 6), ("BID_ASK", "97", 6), ("MIDPOINT", "96", 4)]
)
def test_past_ticks_come_whole_and_say_so(show: str, message: str, size: int) -> None:
    bench, peer = later()
    end = f"{bench.clock.time():.0f}"
    ticks(peer, 5, end="20991231-00:00:00", show=show)
    (fields,) = peer.frames()
    assert fields[:2] == [message, "5"]
    assert fields[-1] == "1"
    count = int(fields[2])
    assert 10 <= count <= 20
    assert len(fields) == 4 + size * count
    stamps = [int(stamp) for stamp in fields[3:-1:size]]
    assert stamps == sorted(stamps)
    assert stamps[-1] <= int(end)


def test_past_ticks_are_refused_with_the_reason() -> None:
    bench, peer = later()
    ticks(peer, 1)
    ticks(peer, 2, start="20260101-00:00:00", end="20260102-00:00:00")
    ticks(peer, 3, end="20991231-00:00:00", count=1001)
    ticks(peer, 4, end="20991231-00:00:00", show="GOSSIP")
    bench.feeds.trouble.permissions[265598] = Permission.DELAYED
    ticks(peer, 5, end="20991231-00:00:00")
    assert [one[:2] for one in refusals(peer)] == [
        ["1", "321"], ["2", "321"], ["3", "321"], ["4", "321"], ["5", "10187"],
    ]  # fmt: skip


def test_from_196_on_the_end_of_history_is_a_message_of_its_own() -> None:
    bench = Bench(server_version=200)
    peer = bench.client(versions="v157..200")
    ask(peer, 5)
    frames = peer.frames()
    assert [fields[0] for fields in frames] == ["17", "108"]
    assert len(frames[0]) == 3 + 8 * int(frames[0][2])
    assert len(frames[1]) == 4


@pytest.mark.parametrize("show", ["BID_ASK", "MIDPOINT"])
def test_past_ticks_of_regular_hours_leave_out_the_others(show: str) -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T14:30:10")
    peer = bench.client()
    opened_s = bench.clock.time() - 10
    for request_id, regular in ((5, 0), (6, 1)):
        end = "20261123-14:30:10"
        peer.send(96, request_id, *contract(), 0, "", end, 1000, show, regular, 0, "")
    width = 6 if show == "BID_ASK" else 4
    every, regular_only = (
        [int(text) for text in fields[3:-1][::width]] for fields in peer.frames()
    )
    today = [epoch for epoch in every if epoch >= opened_s]
    assert min(every) < opened_s
    assert today
    assert [epoch for epoch in regular_only if epoch >= opened_s] == today
    # The others are of Friday's session: nothing of the night or the morning before the open.
    assert all(epoch >= opened_s or epoch < opened_s - 2 * 86_400 for epoch in regular_only)


def test_the_earliest_moment_is_the_open_or_the_start_of_the_early_trading() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T14:30:10")
    peer = bench.client()
    for request_id, regular in ((5, 0), (6, 1)):
        peer.send(87, request_id, *contract(), 0, regular, "TRADES", 1)
    early, opened = (fields[2] for fields in peer.frames())
    assert (early[-8:], opened[-8:]) == ("09:00:00", "14:30:00")


@pytest.mark.parametrize(
    ("end", "codes"),
    [
        ("20261120 14:30:00", ["2174"]),
        ("20261120 14:30:00 US/Eastern", []),
        ("20261120-14:30:00", []),
        ("20261120", []),
        ("", []),
    ],
)
def test_a_time_without_a_zone_is_warned_of_and_answered(end: str, codes: list[str]) -> None:
    _, peer = later()
    ask(peer, 5, end=end)
    peer.send(96, 6, *contract(), 0, "", end or "20261120-14:30:00", 10, "TRADES", 0, 0, "")
    frames = peer.frames()
    warned = [(fields[2], fields[3]) for fields in frames if fields[0] == "4"]
    assert warned == [(ident, code) for code in codes for ident in ("5", "6")]
    assert [fields[1] for fields in frames if fields[0] in ("17", "98")] == ["5", "6"]
