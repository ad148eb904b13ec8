"""Option computations: message 21 for bid, ask, last and model, and the two calculations."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, split
from trader.sim.gateway.feeds import option_ticks
from trader.sim.gateway.feeds.lines import render
from trader.sim.market import options
from trader.sim.market.options import Terms
from trader.sim.model.instruments import ContractQuery, Instrument


def option(bench: Bench) -> Instrument:
    found = bench.market.catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT", right="C"))
    near = [item for item in found if item.strike == 200]
    return near[len(near) // 2]


def test_the_computations_agree_with_the_prices_they_stand_for() -> None:
    bench = Bench()
    item = option(bench)
    quote, slot = bench.market.quote(item), bench.market.slot()
    frames = split(render(option_ticks.computations(bench.market, quote, slot, 10), 7))
    assert [fields[:4] for fields in frames] == [["21", "7", str(n), "0"] for n in range(10, 14)]
    assert all(len(fields) == 12 for fields in frames)
    bid, ask, last, model = ([float(value) for value in fields[4:]] for fields in frames)
    assert (bid[2], ask[2], last[2]) == (float(quote.bid), float(quote.ask), float(quote.last))
    assert bid[0] <= model[0] <= ask[0]
    terms, spot, volatility = bench.market.option_terms(item, slot)
    assert model[2] == options.price(terms, spot, volatility)
    assert options.price(terms, spot, bid[0]) == pytest.approx(float(quote.bid), rel=0.02)
    assert 0 < model[1] < 1


def test_what_cannot_be_computed_is_minus_one_and_minus_two() -> None:
    bench = Bench()
    quote = replace(bench.market.quote(option(bench)), bid=Decimal(-1), last=Decimal("NaN"))
    frames = split(render(option_ticks.computations(bench.market, quote, 0, 80), 7))
    assert [fields[2] for fields in frames] == ["80", "81", "82", "83"]
    for fields in (frames[0], frames[2]):
        assert fields[4:11] == ["-1", "-2", "-1", "-1", "-2", "-2", "-2"]


def test_the_two_calculations_are_each_other_s_inverse() -> None:
    terms = Terms("C", 100, 0.5)
    price = option_ticks.option_price(terms, 0.3, 100)
    assert price is not None
    (fields,) = split(render([price], 6))
    assert fields[:4] == ["21", "6", "53", "0"]
    back = option_ticks.implied_volatility(terms, float(fields[6]), 100)
    assert back is not None
    assert float(split(render([back], 6))[0][4]) == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize(("value", "spot"), [(-1, 100), (500, 100), (1, -1), (float("nan"), 100)])
def test_impossible_calculations_have_no_answer(value: float, spot: float) -> None:
    assert option_ticks.implied_volatility(Terms("C", 100, 0.5), value, spot) is None
    if spot < 0 or value != value or value < 0:
        assert option_ticks.option_price(Terms("C", 100, 0.5), value, spot) is None
