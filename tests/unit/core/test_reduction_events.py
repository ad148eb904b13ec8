"""Excesses and reductions say themselves in a few words."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.core.factories import CON, SELL
from trader.core.reduction_events import Excess, Reduction

D = Decimal


def test_an_excess_tells_by_how_much_on_either_side() -> None:
    net = Excess("net", None, "", D(-1_500), D(1_000))
    assert (net.over, net.words) == (D(500), "net -1500.00, at most 1000.00")
    box = Excess("box", CON, "AAA", D(1_500), D(1_000))
    assert box.words == "AAA box 1500.00, at most 1000.00"


def test_a_reduction_reads_as_one_would_place_it() -> None:
    row = Reduction(CON, "AAA", SELL, D("1E+1"), D(40), D(1_000))
    assert row.words == "SELL 10 of 40 AAA"
