"""What a review of new risk would lack now, in words: the operator's answer to "why nothing?"."""

from collections.abc import Iterator

from trader.core.baselines import opening
from trader.core.policy import ExposurePolicy, Policy, TradingHours
from trader.engine.services import Services

_AMOUNTS = ("net_liquidation", "available_funds", "buying_power", "initial_margin")


def missing_inputs(services: Services, policy: Policy) -> tuple[str, ...]:
    """Return what the policy asks for and nobody has told, or told too long ago."""
    exposure = policy.exposure
    found: list[str] = []
    if exposure.is_enforced:
        found += _valuation(services, exposure)
        found += _account(services, exposure)
        found += _baseline(services, exposure)
    if policy.session.hours is not TradingHours.ALWAYS:
        found += _hours(services)
    return tuple(found)


def _valuation(services: Services, exposure: ExposurePolicy) -> Iterator[str]:
    valuation = services.valuer.current()
    if valuation is None:
        yield "valuation: existing holdings have not been accepted"
        return
    yield from (f"valuation: {what}" for what in valuation.missing)
    age_s = services.clock.monotonic() - valuation.as_of_s
    if not age_s <= exposure.valuation_age_s_max:
        limit_s = exposure.valuation_age_s_max
        yield f"valuation: made {age_s:.0f} s ago, allowed is {limit_s:g} s"


def _account(services: Services, exposure: ExposurePolicy) -> Iterator[str]:
    if not exposure.is_reading_required:
        return
    reading = services.valuer.account
    if reading is None:
        yield "account values: the broker has not told them"
        return
    for name in _AMOUNTS:
        if getattr(reading, name) is None:
            yield f"account values: no {name.replace('_', ' ')}"
    age_s = services.clock.monotonic() - reading.as_of_s
    if not age_s <= exposure.account_age_s_max:
        limit_s = exposure.account_age_s_max
        yield f"account values: {age_s:.0f} s old, allowed is {limit_s:g} s"


def _baseline(services: Services, exposure: ExposurePolicy) -> Iterator[str]:
    if not exposure.is_baseline_required:
        return
    baseline, day = services.ledger.book.safety.baseline, services.sessions.day()
    if opening(baseline, day) is None:
        doubtful = baseline is not None and baseline.is_doubtful
        why = "a flow without a known value" if doubtful else f"no value of {day} yet"
        yield f"baseline: {why}"


def _hours(services: Services) -> Iterator[str]:
    for con_id, instrument in services.hub.instruments.items():
        if instrument.is_tradeable and services.sessions.view(con_id).is_regular is None:
            yield f"hours: not known for {instrument.symbol}"
