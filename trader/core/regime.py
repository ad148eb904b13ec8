"""How rough the market is: calm, normal or storm, from the VIX and from realised volatility.

Where the policy names limits of it, the average correlation is a third measure. Rougher is
believed at once. Calmer is believed when all measures have been well below the border for a while,
so that a market at the border does not move the limits to and fro. Without one of the measures it
is a storm (CAP-23 to CAP-26). How right it is and how late is measured in docs/blind-spots.md.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.policy import Regime, RegimePolicy

_ORDER = (Regime.CALM, Regime.NORMAL, Regime.STORM)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the state of the market means for new risk; an unknown regime is a storm."""

    regime: Regime | None = None
    allocation: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class RegimeState:
    """The regime that counts, and since when a calmer one has been seen; monotonic seconds."""

    regime: Regime = Regime.STORM
    calmer_since_s: float | None = None


STORM = RegimeState()


def step(
    policy: RegimePolicy,
    state: RegimeState,
    *,
    vix: Decimal | None,
    realised: Decimal | None,
    correlation: Decimal | None = None,
    now_s: float,
) -> RegimeState:
    """Return the regime after a look at all measures; volatility is a fraction a year."""
    measures = _Measures(vix, realised, correlation)
    seen = _seen(policy, measures, Decimal(1))
    if _ORDER.index(seen) >= _ORDER.index(state.regime):
        return RegimeState(seen)
    # To be calmer it has to be so by a margin: the same measures, made larger, must agree.
    calmer = _seen(policy, measures, 1 + policy.margin_share)
    if _ORDER.index(calmer) >= _ORDER.index(state.regime):
        return replace(state, calmer_since_s=None)
    since_s = now_s if state.calmer_since_s is None else state.calmer_since_s
    if now_s - since_s >= policy.dwell_s:
        return RegimeState(calmer)
    return replace(state, calmer_since_s=since_s)


def doubt(
    policy: RegimePolicy,
    regime: Regime,
    *,
    vix: Decimal | None,
    realised: Decimal | None,
    correlation: Decimal | None = None,
) -> str:
    """Say why a regime is not what the measures say at this moment; empty where it is.

    It is not for want of one, nor while it waits to be believed calmer: after a start, a feed that
    was lost or one wrong print it is a storm for half an hour more.
    """
    lacks = lacking(policy, vix=vix, realised=realised, correlation=correlation)
    if lacks:
        return f"the regime is a storm for want of {', '.join(lacks)}"
    seen = _seen(policy, _Measures(vix, realised, correlation), Decimal(1))
    if _ORDER.index(seen) < _ORDER.index(regime):
        return f"the regime is {regime} by what was, the measures say {seen}"
    return ""


def lacking(
    policy: RegimePolicy,
    *,
    vix: Decimal | None,
    realised: Decimal | None,
    correlation: Decimal | None = None,
) -> tuple[str, ...]:
    """Return the measures that are asked for and not known: for want of one it is a storm."""
    named = [("VIX", vix), ("realised volatility", realised)]
    lacks = [name for name, value in named if _number(value) is None]
    is_asked = None not in (policy.correlation_normal, policy.correlation_storm)
    if is_asked and _correlation(correlation) is None:
        lacks.append("average correlation")
    return tuple(lacks)


@dataclass(frozen=True, slots=True)
class _Measures:
    vix: Decimal | None
    realised: Decimal | None
    correlation: Decimal | None


def _seen(policy: RegimePolicy, measures: _Measures, times: Decimal) -> Regime:
    found = [
        _of(measures.vix, times, policy.vix_normal, policy.vix_storm),
        _of(measures.realised, times, policy.realised_normal, policy.realised_storm),
    ]
    normal, storm = policy.correlation_normal, policy.correlation_storm
    if normal is not None and storm is not None:
        found.append(_of_correlation(measures.correlation, times, normal, storm))
    return max(found, key=_ORDER.index)


def _number(value: Decimal | None) -> Decimal | None:
    """Return a volatility; one of nothing is no market at all."""
    number = decimal_from(value) if value is not None else None
    return number if number is not None and number > ZERO else None


def _of(value: Decimal | None, times: Decimal, normal: Decimal, storm: Decimal) -> Regime:
    number = _number(value)
    if number is None or number * times >= storm:
        return Regime.STORM
    return Regime.NORMAL if number * times >= normal else Regime.CALM


def _correlation(value: Decimal | None) -> Decimal | None:
    number = decimal_from(value) if value is not None else None
    return number if number is not None and abs(number) <= 1 else None


def _of_correlation(
    value: Decimal | None, times: Decimal, normal: Decimal, storm: Decimal
) -> Regime:
    number = _correlation(value)
    if number is None or number * times >= storm:
        return Regime.STORM
    return Regime.NORMAL if number * times >= normal else Regime.CALM
