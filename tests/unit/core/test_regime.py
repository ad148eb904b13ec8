"""Rougher at once, calmer only well below the border and for a while; unknown is a storm."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trader.core.policy import Regime, RegimePolicy
from trader.core.regime import STORM, Outlook, RegimeState, doubt, lacking, step

D = Decimal
POLICY = RegimePolicy(
    vix_normal=D(16),
    vix_storm=D(25),
    realised_normal=D("0.15"),
    realised_storm=D("0.30"),
    margin_share=D("0.1"),
    dwell_s=100.0,
)
CALM = RegimeState(Regime.CALM)


def after(state: RegimeState, *looks: tuple[str | None, str | None, float]) -> RegimeState:
    for vix, realised, now_s in looks:
        state = step(
            POLICY,
            state,
            vix=None if vix is None else D(vix),
            realised=None if realised is None else D(realised),
            now_s=now_s,
        )
    return state


@pytest.mark.parametrize(
    ("vix", "realised", "regime"),
    [
        ("15.99", "0.1", Regime.CALM),
        ("16", "0.1", Regime.NORMAL),
        ("10", "0.15", Regime.NORMAL),
        ("24.99", "0.1", Regime.NORMAL),
        ("25", "0.1", Regime.STORM),
        ("10", "0.30", Regime.STORM),
        (None, "0.1", Regime.STORM),
        ("10", None, Regime.STORM),
        ("NaN", "0.1", Regime.STORM),
        ("10", "Infinity", Regime.STORM),
        ("0", "0.1", Regime.STORM),
        ("-5", "0.1", Regime.STORM),
    ],
)
def test_the_rougher_of_both_measures_counts_at_once(
    vix: str | None, realised: str | None, regime: Regime
) -> None:
    assert after(CALM, (vix, realised, 0.0)).regime is regime


def test_calmer_is_believed_after_a_while_only() -> None:
    state = after(STORM, ("10", "0.1", 0.0), ("10", "0.1", 99.9))
    assert state.regime is Regime.STORM
    assert after(state, ("10", "0.1", 100.0)) == CALM


def test_what_was_rough_in_between_begins_the_wait_anew() -> None:
    state = after(STORM, ("10", "0.1", 0.0), ("26", "0.1", 50.0), ("10", "0.1", 60.0))
    assert after(state, ("10", "0.1", 159.0)).regime is Regime.STORM
    assert after(state, ("10", "0.1", 160.0)).regime is Regime.CALM


def test_at_the_border_nothing_changes_however_long_it_lasts() -> None:
    state = after(STORM, *((vix, "0.1", at * 50.0) for at, vix in enumerate(["24"] * 9)))
    assert state == STORM
    assert after(STORM, ("22", "0.1", 0.0), ("22", "0.1", 100.0)).regime is Regime.NORMAL


def test_a_storm_that_ends_at_the_edge_of_calm_is_normal_first() -> None:
    assert after(STORM, ("15.5", "0.1", 0.0), ("15.5", "0.1", 100.0)).regime is Regime.NORMAL


def test_without_an_outlook_the_regime_is_unknown_and_nothing_is_scaled() -> None:
    assert Outlook() == Outlook(None, D(1))


ASKING = replace(POLICY, correlation_normal=D("0.5"), correlation_storm=D("0.8"))


@pytest.mark.parametrize(
    ("correlation", "regime"),
    [
        ("0.49", Regime.CALM),
        ("0.5", Regime.NORMAL),
        ("0.79", Regime.NORMAL),
        ("0.8", Regime.STORM),
        ("1", Regime.STORM),
        ("0", Regime.CALM),
        ("-0.9", Regime.CALM),
        ("-1", Regime.CALM),
        (None, Regime.STORM),
        ("NaN", Regime.STORM),
        ("1.01", Regime.STORM),
        ("-1.01", Regime.STORM),
    ],
)
def test_the_average_correlation_is_a_third_measure_where_the_policy_names_it(
    correlation: str | None, regime: Regime
) -> None:
    """CAP-26."""
    value = None if correlation is None else D(correlation)
    calm = {"vix": D(10), "realised": D("0.1"), "correlation": value, "now_s": 0.0}
    assert step(ASKING, CALM, **calm).regime is regime  # type: ignore[arg-type]
    assert step(POLICY, CALM, **calm).regime is Regime.CALM  # type: ignore[arg-type]


def test_calmer_by_a_margin_counts_for_the_correlation_as_well() -> None:
    state, found = RegimeState(Regime.NORMAL), []
    for value in ("0.46", "0.44"):
        for now_s in (0.0, 100.0):
            state = step(
                ASKING, state, vix=D(10), realised=D("0.1"), correlation=D(value), now_s=now_s
            )
        found.append(state.regime)
    assert found == [Regime.NORMAL, Regime.CALM]


def test_a_calmer_vix_makes_no_correlation_calmer() -> None:
    measures = {"vix": D(10), "realised": D("0.1"), "correlation": D("0.6"), "now_s": 0.0}
    assert step(ASKING, CALM, **measures).regime is Regime.NORMAL  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, "NaN", "Infinity", "0", "-5"])
def test_what_makes_it_a_storm_for_want_of_a_measure_is_named(value: str | None) -> None:
    lost, known = None if value is None else D(value), D("0.1")
    assert lacking(POLICY, vix=lost, realised=known) == ("VIX",)
    assert lacking(POLICY, vix=known, realised=lost) == ("realised volatility",)
    assert lacking(POLICY, vix=known, realised=known) == ()
    assert step(POLICY, CALM, vix=lost, realised=known, now_s=0.0).regime is Regime.STORM


@pytest.mark.parametrize("value", [None, "NaN", "1.01", "-1.01"])
def test_a_correlation_that_lacks_is_named_where_the_policy_asks_for_it(value: str | None) -> None:
    correlation, known = None if value is None else D(value), D("0.1")
    found = lacking(ASKING, vix=known, realised=known, correlation=correlation)
    assert found == ("average correlation",)
    assert lacking(ASKING, vix=known, realised=known, correlation=D(0)) == ()
    assert lacking(POLICY, vix=known, realised=known, correlation=correlation) == ()


@pytest.mark.parametrize(
    ("regime", "vix", "said"),
    [
        (Regime.STORM, "10", "the regime is storm by what was, the measures say calm"),
        (Regime.NORMAL, "10", "the regime is normal by what was, the measures say calm"),
        (Regime.STORM, "80", ""),
        (Regime.CALM, "10", ""),
        (Regime.STORM, None, "the regime is a storm for want of VIX"),
    ],
)
def test_a_regime_that_is_not_what_is_measured_is_in_doubt(
    regime: Regime, vix: str | None, said: str
) -> None:
    """A storm for want of a measure, or of one wrong print, goes on long after both are over."""
    found = doubt(POLICY, regime, vix=None if vix is None else D(vix), realised=D("0.1"))
    assert found == said
