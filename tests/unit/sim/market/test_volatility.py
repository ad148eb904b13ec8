"""Volatilities by day: realised from the closes before a day, implied and slowly drifting."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.unit.sim.support import Bench
from trader.sim.market import volatility


def test_the_realised_one_is_that_of_the_closes_before() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    # The hand-made days close at 201, 202, 203 before the third one begins.
    closes = [float(bench.market.day_bar(item, n).close) for n in (-2, -1, 0)]
    assert closes[:2] == [201.0, 202.0]
    moves = [math.log(b / a) for a, b in pairwise(closes)]
    mean = sum(moves) / 2
    expected = math.sqrt(sum((m - mean) ** 2 for m in moves) * 252)
    assert volatility.realised(bench.market, item, 1) == pytest.approx(expected)


def test_too_few_days_have_none() -> None:
    bench = Bench()
    assert volatility.realised(bench.market, bench.market.catalogue.all()[0], -2) == 0.0


def test_the_implied_one_stays_near_its_level() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    values = [volatility.implied(bench.market, item, day) for day in range(100)]
    assert len(set(values)) > 50
    assert max(values) / min(values) < 1.4
    shown = volatility.shown(bench.market, item, 3, "OPTION_IMPLIED_VOLATILITY")
    assert abs(shown - Decimal(repr(values[3]))) < Decimal("0.000001")
