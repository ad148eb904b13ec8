"""What each made of its own trades, valued at one price for both; by day, and in all."""

from __future__ import annotations

from tests.unit.core.parity.records import DAY_S, D, S, intent
from trader.core.parity.decided import Change, Decided
from trader.core.parity.results import Results, TalliesOf, day_of
from trader.core.parity.verdict import Tally


def traded(
    results: Results, party: str, at_s: float, quantity: int, price: str, side: str = "BUY",
    *, commission: str = "0", multiplier: int = 1,
) -> None:  # fmt: skip
    one = Decided(intent(at_s, side=side), multiplier=D(multiplier), currency="USD")
    change = Change(one, D(quantity), quantity * D(price), D(commission))
    results.on_change(party, change, round(at_s * S))


def test_a_round_trip_is_what_it_brought_less_its_commissions() -> None:
    results, tallies = Results(), TalliesOf(Tally())
    traded(results, "a", 1, 10, "100", commission="1")
    traded(results, "a", 2, 10, "101", "SELL", commission="1")
    results.close(None, tallies)
    assert tallies.total.amounts["USD"].result == {"a": 8, "b": 0}


def test_what_is_held_is_worth_the_last_price_of_either_on_both_sides() -> None:
    results, tallies = Results(), TalliesOf(Tally())
    traded(results, "a", 1, 10, "100", multiplier=5)
    traded(results, "b", 1, 10, "101", multiplier=5)
    traded(results, "b", 2, 5, "104", "SELL", multiplier=5)
    results.close(None, tallies)
    assert tallies.total.amounts["USD"].result == {"a": 200, "b": 150}


def test_each_day_is_valued_by_itself_and_adds_to_all() -> None:
    results, tallies = Results(), TalliesOf(Tally())
    traded(results, "b", 1, 10, "100")
    traded(results, "b", 5, 1, "102")
    traded(results, "b", DAY_S + 1, 11, "90", "SELL")
    results.close(day_of(DAY_S * S), tallies)
    assert tallies.days[0].amounts["USD"].result["b"] == 20
    assert 1 not in tallies.days
    results.close(None, tallies)
    assert tallies.days[1].amounts["USD"].result["b"] == 0
    assert tallies.total.amounts["USD"].result["b"] == 20
    results.close(None, tallies)
    assert tallies.total.amounts["USD"].result["b"] == 20, "each is counted once"
