"""Bars that go on: one for each boundary, however timers fire; history kept up to date."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.unit.sim.support import Bench, at_wall, contract
from trader.sim.market import bars


def at(text: str) -> int:
    """Return a moment in UTC as epoch seconds."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def test_each_boundary_is_served_once_even_when_its_timer_is_early() -> None:
    bench = Bench()
    stream = bench.feeds.bars
    bench.clock.advance(stream.seconds_left() - 0.004)
    boundary = stream.due()
    assert boundary is not None
    assert boundary % 5 == 0
    assert stream.due() is None
    bench.clock.advance(0.004)
    assert stream.due() is None
    assert stream.seconds_left() == 5.0


def test_five_second_bars_show_what_was_traded() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    for request_id, show in ((5, "TRADES"), (6, "BID"), (7, "MIDPOINT")):
        peer.send(50, 3, request_id, *contract(), 5, show, 1, "")
    bench.clock.advance(61)
    found = [fields for fields in peer.frames() if fields[0] == "50"]
    by_id = {n: [fields for fields in found if fields[2] == str(n)] for n in (5, 6, 7)}
    item = bench.market.catalogue.all()[0]
    for fields in by_id[5]:
        bar = bars.show_bar(bench.market, item, int(fields[3]), 5)
        assert bar is not None
        assert [Decimal(text) for text in fields[4:8]] == [bar.open, bar.high, bar.low, bar.close]
        assert int(fields[8]) == bar.volume > 0
    for request_id in (5, 6, 7):
        epochs = [int(fields[3]) for fields in by_id[request_id]]
        assert len(epochs) == 12
        assert all(b - a == 5 for a, b in pairwise(epochs))
    for request_id in (6, 7):
        assert {tuple(fields[8:11]) for fields in by_id[request_id]} == {("-1", "-1", "-1")}
    assert all(Decimal(b[7]) < Decimal(t[7]) for b, t in zip(by_id[6], by_id[5], strict=True))
    bench.feeds.stop()


def test_history_kept_up_to_date_grows_its_last_bar_and_starts_the_next() -> None:
    bench = Bench()
    bench.feeds.start()
    bench.clock.advance(300)
    peer = bench.client()
    peer.frames()
    peer.send(20, 5, *contract(), 0, "", "1 min", "300 S", 1, "TRADES", 2, 1, "")
    bench.clock.advance(130)
    frames = peer.frames()
    assert frames[0][0] == "17"
    updates = [fields for fields in frames if fields[0] == "90"]
    assert len(updates) == 26
    assert {fields[2] for fields in updates} == {"-1"}
    stamps = [int(fields[3]) for fields in updates]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 3
    for before, after in pairwise(updates):
        if before[3] == after[3]:
            assert int(after[9]) >= int(before[9])
            assert before[4] == after[4]
    for fields in updates:
        opened, close, high, low = (Decimal(text) for text in fields[4:8])
        assert low <= min(opened, close) <= max(opened, close) <= high
    peer.send(25, 1, 5)
    assert peer.frames()[0][2:4] == ["5", "162"]
    bench.clock.advance(20)
    assert peer.frames() == []
    bench.feeds.stop()


def test_a_day_bar_is_kept_up_to_date_as_well() -> None:
    bench = Bench()
    bench.feeds.start()
    bench.clock.advance(1000)
    peer = bench.client()
    peer.frames()
    peer.send(20, 5, *contract(), 0, "", "1 day", "3 D", 1, "TRADES", 1, 1, "")
    bench.clock.advance(6)
    frames = peer.frames()
    peer.send(20, 6, *contract(), 0, "", "1 day", "1 D", 1, "TRADES", 1, 0, "")
    (asked,) = peer.frames()
    update = [fields for fields in frames if fields[0] == "90"][-1]
    assert len(update[3]) == 8
    # Of a day nobody has a bar of its own: open, high, low are those that are asked for later.
    assert [update[n] for n in (3, 4, 6, 7)] == asked[5:9]
    bench.feeds.stop()


def test_stopped_bars_stop_and_come_back() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(50, 3, 5, *contract(), 5, "TRADES", 1, "")
    con_id = bench.market.catalogue.all()[0].con_id
    bench.feeds.trouble.stopped_bars[con_id] = True
    bench.clock.advance(20)
    assert "50" not in {fields[0] for fields in peer.frames()}
    del bench.feeds.trouble.stopped_bars[con_id]
    bench.clock.advance(6)
    assert "50" in {fields[0] for fields in peer.frames()}
    bench.feeds.stop()


def test_bars_of_the_regular_session_only_begin_at_the_open_and_end_at_the_close() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T14:29:00")
    bench.feeds.start()
    bench.clock.advance(0.5)
    peer = bench.client()
    for request_id, regular in ((5, 0), (6, 1)):
        peer.send(50, 3, request_id, *contract(), 5, "TRADES", regular, "")
    bench.clock.advance(120)
    found = [fields for fields in peer.frames() if fields[0] == "50"]
    starts = {n: [int(f[3]) for f in found if f[2] == str(n)] for n in (5, 6)}
    opened_s = at("2026-11-23T14:30:00")
    assert len(starts[5]) == 24
    assert starts[6] == list(range(opened_s, opened_s + 60, 5))
    bench.feeds.stop()
    at_wall(bench, "2026-11-23T20:59:40")
    bench.feeds.start()
    bench.clock.advance(60)
    late = [fields for fields in peer.frames() if fields[0] == "50"]
    assert max(int(f[3]) for f in late if f[2] == "6") == at("2026-11-23T20:59:55")
    assert max(int(f[3]) for f in late if f[2] == "5") > at("2026-11-23T21:00:00")
    bench.feeds.stop()


@pytest.mark.parametrize(("size", "regular"), [("1 hour", 1), ("1 hour", 0), ("1 day", 1)])
def test_history_kept_up_to_date_goes_on_as_history_itself_has_it(size: str, regular: int) -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T14:29:00")
    bench.feeds.start()
    bench.clock.advance(0.5)
    peer = bench.client()
    peer.send(20, 5, *contract(), 0, "", size, "2 D", regular, "TRADES", 2, 1, "")
    peer.frames()
    bench.clock.advance(70)
    updates = [fields for fields in peer.frames() if fields[0] == "90"]
    assert len(updates) == (2 if regular else 14)
    # The bar under way at the open begins with the session and not with the hour.
    peer.send(20, 6, *contract(), 0, "", size, "2 D", regular, "TRADES", 2, 0, "")
    (history,) = peer.frames()
    last = history[-8:]
    assert updates[-1][3] == last[0]
    assert updates[-1][4] == last[1]
    bench.feeds.stop()


@pytest.mark.parametrize("always_open", [True, False])
@pytest.mark.parametrize("show", ["TRADES", "MIDPOINT", "BID", "ASK"])
def test_live_bars_are_those_that_history_gives_later(always_open: bool, show: str) -> None:
    bench = Bench(seed=11, always_open=always_open)
    if not always_open:
        # The regular session begins within the time that is watched.
        at_wall(bench, "2026-11-23T14:28:00")
    bench.feeds.start()
    bench.clock.advance(3.0)
    peer = bench.client()
    peer.send(50, 3, 5, *contract(), 5, show, 0, "")
    bench.clock.advance(300.0)
    live = {int(one[3]): one[4:8] for one in peer.frames() if one[0] == "50"}
    assert len(live) == 60
    # Rounds of quotes for days are not needed: what was shown of a moment does not change.
    bench.feeds.stop()
    bench.clock.advance(2 * 86_400.0)
    peer.frames()
    end_s = max(live) + 5
    end = datetime.fromtimestamp(end_s, UTC).strftime("%Y%m%d-%H:%M:%S")
    for size, name in ((5, "5 secs"), (60, "1 min"), (300, "5 mins")):
        peer.send(20, size, *contract(), 0, end, name, "300 S", 0, show, 2, 0, "")
        (fields,) = peer.frames()
        rows = [fields[n : n + 8] for n in range(5, len(fields), 8)]
        for row in rows:
            start_s = int(row[0])
            parts = [live[s] for s in range(start_s, start_s + size, 5) if s in live]
            if start_s not in live or start_s + size > end_s:
                continue
            values = [[Decimal(text) for text in part] for part in parts]
            highs, lows = [one[1] for one in values], [one[2] for one in values]
            expected = [values[0][0], max(highs), min(lows), values[-1][3]]
            assert [Decimal(text) for text in row[1:5]] == expected
