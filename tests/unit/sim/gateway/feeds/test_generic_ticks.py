"""Generic ticks: legal numbers by security type, the tick types they bring, their values."""

from __future__ import annotations

import pytest

from tests.unit.sim.support import Bench, contract, split
from trader.sim.gateway.feeds.generic_ticks import Scene, legal, moving, parts, read_list
from trader.sim.gateway.feeds.lines import render
from trader.sim.model.instruments import ContractQuery, Instrument


def scene(**wanted: str) -> Scene:
    bench = Bench()
    bench.clock.advance(3600)
    item: Instrument = bench.market.catalogue.find_all(ContractQuery(**wanted))[0]  # type: ignore[arg-type]
    return Scene(bench.market, bench.market.quote(item), bench.market.slot())


def brought(found: Scene, number: int) -> list[tuple[str, str, str]]:
    return [(f[0], f[3], f[4]) for f in split(render(parts(found, (number,)), 1))]


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (100, ["29", "30"]), (101, ["27", "28"]), (104, ["23"]), (105, ["87"]), (106, ["24"]),
        (165, ["15", "16", "17", "18", "19", "20", "21"]), (221, ["37"]),
        (225, ["34", "35", "36", "61"]),
        (232, ["37"]), (233, ["48"]), (236, ["46", "89"]), (293, ["54"]), (294, ["55"]),
        (295, ["56"]), (318, ["57"]), (375, ["77"]), (411, ["58"]), (456, ["59"]),
        (595, ["63", "64", "65"]), (619, ["79"]), (258, []), (292, []),
    ],
)  # fmt: skip
def test_each_number_brings_its_tick_types(number: int, kinds: list[str]) -> None:
    found = scene(symbol="AAPL", sec_type="STK")
    slot = next(n for n in range(found.slot, 0, -1) if found.market.traded(found.item, n))
    traded = Scene(found.market, found.quote, slot)
    assert [kind for _, kind, _ in brought(traded, number)] == kinds


def test_futures_and_funds_have_numbers_of_their_own() -> None:
    assert [kind for _, kind, _ in brought(scene(symbol="ES", sec_type="FUT"), 588)] == ["86"]
    assert [kind for _, kind, _ in brought(scene(symbol="SPY", sec_type="STK"), 577)] == ["96"]
    assert brought(scene(symbol="AAPL", sec_type="STK"), 577) == []
    assert [k for _, k, _ in brought(scene(symbol="AAPL", sec_type="OPT", right="P"), 101)] == [
        "28"
    ]


def test_the_statistics_are_the_extremes_of_the_days_before() -> None:
    found = scene(symbol="AAPL", sec_type="STK")
    values = {kind: value for _, kind, value in brought(found, 165)}
    bars = [found.market.day_bar(found.item, n) for n in (-2, -1)]
    assert values["19"] == str(min(bar.low for bar in bars))
    assert values["20"] == str(max(bar.high for bar in bars))


def test_a_trade_is_told_with_price_size_time_volume_and_average() -> None:
    found = scene(symbol="AAPL", sec_type="STK")
    ((_, _, text),) = brought(found, 233)
    price, size, time_ms, volume, average, single = text.split(";")
    assert (price, single) == (str(found.quote.last), "true")
    assert int(size) == found.market.traded(found.item, found.slot) > 0
    assert int(time_ms) == int(found.market.epoch_of(found.slot) * 1000)
    assert int(volume) == found.quote.volume
    assert float(found.quote.low) <= float(average) <= float(found.quote.high)


def test_lists_are_read_and_what_is_illegal_is_named_with_what_is_legal() -> None:
    assert read_list("233, 100,233,mdoff,292:BZ", "STK") == ((100, 233, 292), "")
    assert read_list("", "STK") == ((), "")
    for text, kind in (("999", "STK"), ("236", "FUT"), ("abc", "STK"), ("1,٣", "STK")):
        numbers, cause = read_list(text, kind)
        assert numbers == ()
        assert f"Legal ones for ({kind}) are: " in cause
    assert 588 in legal("FUT")
    assert 588 not in legal("STK")


def test_only_what_moves_within_a_day_is_looked_at_each_round() -> None:
    assert moving((104, 165, 233)) == (233,)


def test_a_subscriber_gets_generic_ticks_first_and_then_as_they_change() -> None:
    bench = Bench()
    bench.feeds.start()
    peer = bench.client()
    peer.send(1, 11, 5, *contract(), 0, "233,236", 0, 0, "")
    kinds = [fields[3] for fields in peer.frames() if fields[0] in ("45", "46", "2")]
    assert "46" in kinds
    bench.clock.advance(30)
    later = [fields for fields in peer.frames() if fields[0] in ("45", "46")]
    assert any(fields[3] == "48" for fields in later)
    assert all(fields[3] != "46" for fields in later if fields[0] == "45")
    bench.feeds.stop()
