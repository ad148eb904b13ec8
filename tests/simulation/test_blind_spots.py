"""Goal: each blind spot, put into the simulator's market, is found and makes new risk smaller.

Method: the whole daemon under virtual time holds 200 AAPL and 200 IBM; a minute is a minute. After
some of them the market becomes what the models do not see, and nothing else happens. The status
must then say so, and an order that is larger than what is left to new risk must be refused; the
same order in a market that stayed as it was is sent. A row of the covariance needs 20 minutes here
instead of 60, and shares are those of an account of a million.
"""

from __future__ import annotations

import random

import pytest

from tests.simulation.blind_play import FEWEST, Injection, Moves, played, targets
from tests.simulation.run import Wish, load_configuration

SPOTS = {"unpriced", "uncovered", "risk_ratio", "cluster", "correlation_break"}


def moves(correlation: float = 0.0, volatility: float = 1e-3) -> Moves:
    """Return a market of two that move together so much."""

    def drawn(chance: random.Random) -> tuple[float, float]:
        one, other = chance.gauss(0, volatility), chance.gauss(0, volatility)
        return one, correlation * one + (1 - correlation**2) ** 0.5 * other

    return drawn


def silent(chance: random.Random) -> tuple[None, float]:
    """Say nothing of AAPL."""
    return None, chance.gauss(0, 1e-3)


# The account may not see AAPL any more: 354.
NO_DATA = ("permission", {"symbol": "AAPL", "data": "none"})
INJECTED = (
    # The broker's own mark, every 180 s, is too old to count for most of the time.
    Injection("unpriced", moves(), silent, 5, 8, (NO_DATA,)),
    # The broker's own mark still values it, and nobody here sees it move.
    Injection("uncovered", moves(), silent, 2 * FEWEST + 2, 15, (NO_DATA,)),
    Injection("risk_ratio", moves(), moves(volatility=1e-2), 2 * FEWEST + 2, 8),
    Injection("cluster", moves(), moves(correlation=0.99), FEWEST + 5, 2 * FEWEST),
    Injection("correlation_break", moves(0.95), moves(-0.95), 2 * FEWEST + 2, 12),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("injection", INJECTED, ids=lambda row: row.breaker)
def test_a_blind_spot_is_found_told_and_acted_on(wish: Wish, injection: Injection) -> None:
    """CAP-27."""
    limits = {"unpriced": 0.01}
    if injection.breaker == "cluster":
        limits["cluster"] = 0.02
    policy = targets(limits)
    if injection.breaker == "unpriced":
        policy["exposure"] = {**policy["exposure"], "broker_mark_age_s_max": 125}
    config = load_configuration((), policy)
    told = played(f"blind/{injection.breaker}", config, injection)
    print(told)
    assert not told.problem
    assert SPOTS.isdisjoint(told.open_before), "nothing was wrong before"
    assert told.allocation_before == "1"
    assert told.after_minutes is not None, told.text
    assert f"breaker {injection.breaker} tripped" in told.pages
    if injection.breaker == "unpriced":
        assert told.posture == "reduce_only"
        assert told.refused == "BREAKER"
    else:
        assert told.allocation == "0.5"
        assert told.refused == "VIX_ALLOCATION"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_market_that_stays_as_it_was_trips_nothing(wish: Wish) -> None:
    """CAP-27: two hours and a half as shipped, and the order that the others refuse is sent."""
    calm = Injection("cluster", moves(0.3), moves(0.3), 120, 30)
    told = played("blind/calm", load_configuration((), targets({"unpriced": 0.01}, 60)), calm)
    print(told)
    assert not told.problem
    assert told.after_minutes is None
    assert not [title for title in told.pages if any(name in title for name in SPOTS)]
    assert (told.allocation, told.posture, told.refused) == ("1", "armed", "")
    assert told.blind["covered"] == "1"
    # 4 % of the account, at 0.1 % a minute: 31 % a year of each.
    assert 0.007 < float(told.blind["predicted"]) < 0.014
