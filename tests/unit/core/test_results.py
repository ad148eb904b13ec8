"""Who traded what: strategies' own executions, and what closes their holdings for them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.core import factories as make
from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.results import OPERATOR, Results

ALPHA, BETA = StrategyName("alpha"), StrategyName("beta")
D = Decimal


def an_execution() -> Execution:
    seen = make.executed()
    return replace(seen.execution, multiplier=D(100), currency="USD")


def traded(results: Results, strategy: StrategyName | None, quantity: str, price: str) -> None:
    results.trade(strategy, an_execution(), ((D(quantity), D(price)),))


def held(results: Results, strategy: StrategyName) -> list[Decimal]:
    return [row.quantity for row in results.held_by(strategy)]


def earned(results: Results, strategy: StrategyName) -> dict[str, Decimal]:
    return {row.currency: row.amount for row in results.earned_by(strategy)}


def test_a_round_trip_leaves_its_result_and_nothing_held() -> None:
    results = Results()
    traded(results, ALPHA, "2", "10")
    assert held(results, ALPHA) == [D(2)]
    traded(results, ALPHA, "-2", "11")
    results.pay(ALPHA, "USD", D(3))
    assert held(results, ALPHA) == []
    assert earned(results, ALPHA) == {"USD": D(197)}


def test_strategies_hold_the_same_instrument_each_for_itself() -> None:
    results = Results()
    traded(results, ALPHA, "2", "10")
    traded(results, BETA, "-2", "10")
    assert (held(results, ALPHA), held(results, BETA)) == ([D(2)], [D(-2)])
    assert results.strategies() == (ALPHA, BETA)


def test_what_a_person_or_a_stranger_sells_closes_for_those_who_held_it() -> None:
    for nobody in (None, OPERATOR):
        results = Results()
        traded(results, BETA, "3", "10")
        traded(results, ALPHA, "2", "10")
        traded(results, nobody, "-4", "9")
        assert held(results, ALPHA) == []
        assert held(results, BETA) == [D(1)]
        assert earned(results, ALPHA) == {"USD": D(-200)}
        # What adds to a position is nobody's here.
        traded(results, nobody, "7", "9")
        assert held(results, BETA) == [D(1)]
        assert OPERATOR not in results.strategies()


def test_a_correction_replaces_the_price() -> None:
    results = Results()
    traded(results, ALPHA, "1", "10")
    results.trade(ALPHA, an_execution(), ((D(-1), D(10)), (D(1), D(12))))
    assert held(results, ALPHA) == [D(1)]
    assert earned(results, ALPHA) == {"USD": D(-1200)}


def test_a_position_put_right_by_hand_is_forgotten_and_told_whose_it_was() -> None:
    results = Results()
    traded(results, BETA, "1", "10")
    traded(results, ALPHA, "1", "10")
    assert results.forget(make.CON) == (ALPHA, BETA)
    assert results.held() == ()
    assert results.forget(make.CON) == ()


def test_what_is_written_down_is_the_same_again() -> None:
    results = Results()
    traded(results, ALPHA, "1", "10")
    assert Results(results.held(), results.earned()) == results
    assert Results() != results
