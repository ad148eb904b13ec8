"""Looks for the risk that the models cannot see, and hands it to the breakers as readings.

Once a minute, with the prices of that minute, and when what is held changes: the covariance of
what is held is estimated, and each blind spot is a number (:mod:`trader.core.blind_spots`). What
has no row of it yet is waited for as long as the estimate looks back, of the hours in which its
exchange trades; afterwards it counts as blind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from trader.core import blind_spots as bs
from trader.core.amounts import ZERO
from trader.core.breakers.machine import Reading
from trader.core.covariance import Covariance, estimate, faults, sample_correlations
from trader.core.exposures import counted_equity
from trader.core.ids import ConId
from trader.core.marks import own_mark
from trader.core.minutes import Changes, aligned, logarithms
from trader.core.policy import Policy
from trader.core.positions import Position
from trader.core.valuation import Valuation
from trader.engine.exposure_status import BlindStatus
from trader.engine.market.volatility import MINUTES_A_YEAR, SAMPLE_S, SHORT, Volatility
from trader.engine.services import Services

# A comparison of the latest minutes with those before needs so much of the latest.
_SHORT_SHARE = 0.75
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look has found; volatilities are of a minute, in the account's currency."""

    at_s: float
    # When the newest price in it was sampled: looks at the same prices are one.
    sampled_s: float
    equity: Decimal
    exposures: Mapping[ConId, Decimal]
    waiting: frozenset[ConId]
    lacking: Mapping[ConId, str]
    covariance: Covariance | None = None
    predicted: float | None = None
    # Of what could be compared: what was realised of late, and what had been predicted for it.
    realised: float | None = None
    expected: float | None = None
    compared: tuple[ConId, ...] = ()
    broken: float | None = None
    cluster: tuple[ConId, ...] = ()
    cluster_gross: float = 0.0


class BlindSpots:
    """The watcher of blind spots."""

    def __init__(self, services: Services, policy: Policy, volatility: Volatility) -> None:
        self._book = services.ledger.book
        self._hub = services.hub
        self._valuer = services.valuer
        self._sessions = services.sessions
        self._clock = services.clock
        self._volatility = volatility
        self._policy = policy.blind
        self._asks_correlation = policy.regime.correlation_storm is not None
        self._short = policy.blind.minutes_min // 2
        # Since when each instrument could have had prices, in its exchange's hours; monotonic.
        self._expected_s: dict[ConId, float] = {}
        self._key: object = None
        self._look: _Look | None = None
        self._average: tuple[float, Decimal | None] | None = None

    # ---- readings

    def unpriced(self) -> Reading:
        """Return the exposure without a price over the account's value, as of now."""
        now_s, valuation = self._clock.monotonic(), self._valuer.current()
        if valuation is None:
            return Reading(None, now_s, text="existing holdings have not been accepted")
        rows = self._unpriced(valuation)
        share = bs.unpriced_share(
            [self._last_known(row, valuation) for row in rows], self._equity(valuation)
        )
        return Reading(share, now_s, text=_names([row.symbol for row in rows]))

    def uncovered(self) -> Reading:
        """Return the share of gross exposure that should have a row by now."""
        look = self._looked()
        if isinstance(look, str):
            return self._unknown(look)
        covered = _covered(look)
        share = bs.uncovered_share(look.exposures, covered=covered, waiting=look.waiting)
        blind = [key for key in look.exposures if key not in covered and key not in look.waiting]
        reasons = [f"{self._symbol(key)} {look.lacking.get(key, '')}" for key in blind]
        waits = len(look.exposures) - len(covered) - len(blind)
        if share is None:
            text = f"{waits} instruments wait for their first minutes"
            return Reading(None, look.at_s, is_too_early=True, text=text)
        return _reading(look, share, _names(reasons))

    def risk_ratio(self) -> Reading:
        """Return how far realised and predicted volatility are apart."""
        look = self._looked()
        if isinstance(look, str):
            return self._unknown(look)
        if not look.exposures:
            return _reading(look, Decimal(1), "nothing is held")
        ratio = bs.times_apart(look.realised, look.expected)
        if ratio is None:
            return self._lacking(look)
        words = f"of {len(look.compared)} instruments, {self._short} minutes against those before"
        return _reading(look, _decimal(ratio), words)

    def cluster(self) -> Reading:
        """Return the share of the account in the largest group that loses together."""
        look = self._looked()
        if isinstance(look, str):
            return self._unknown(look)
        if len(look.exposures) < 2:
            return _reading(look, ZERO, "fewer than two instruments are held")
        if look.covariance is None:
            return self._lacking(look)
        share = _share(look.cluster_gross, look.equity)
        return _reading(look, share, _names([self._symbol(key) for key in look.cluster]))

    def correlation_break(self) -> Reading:
        """Return how far the correlations of late are from those before."""
        look = self._looked()
        if isinstance(look, str):
            return self._unknown(look)
        if len(look.exposures) < 2:
            return _reading(look, ZERO, "fewer than two instruments are held")
        if look.broken is None:
            return self._lacking(look)
        words = f"of {len(look.compared)} instruments, {self._short} minutes against those before"
        return _reading(look, _decimal(look.broken), words)

    def _unknown(self, problem: str) -> Reading:
        return Reading(None, self._clock.monotonic(), text=problem)

    def _lacking(self, look: _Look) -> Reading:
        """Return that there are too few prices: of course at first, and a failure afterwards."""
        is_early = any(key in look.waiting for key in look.exposures)
        return Reading(None, look.at_s, is_too_early=is_early, text="too few prices to judge by")

    # ---- what the market is like

    def average_correlation(self) -> Decimal | None:
        """Return that of all that is quoted and no index, where the policy asks for it."""
        if not self._asks_correlation:
            return None
        sampled_s = self._volatility.sampled_s
        if self._average is None or self._average[0] != sampled_s:
            con_ids = [key for key, row in self._hub.instruments.items() if row.sec_type != "IND"]
            found, _ = self._estimated(self._aligned(self._prices(con_ids), con_ids))
            average = None if found is None else found.average_correlation()
            self._average = sampled_s, None if average is None else _decimal(average)
        return self._average[1]

    # ---- the look

    def _looked(self) -> _Look | str:
        """Return the look of this minute at what is held now."""
        held = tuple(
            (key, row.quantity) for key, row in self._book.positions.items() if row.quantity != ZERO
        )
        key = (self._volatility.sampled_s, held)
        if self._look is not None and key == self._key:
            return self._look
        valuation = self._valuer.current()
        if valuation is None:
            return "existing holdings have not been accepted"
        exposures = dict(valuation.notionals)
        for row in self._unpriced(valuation):
            value = self._last_known(row, valuation)
            if value is None:
                return f"{row.symbol} was never worth anything that is known"
            exposures[row.con_id] = value
        exposures = {con_id: exposures[con_id] for con_id in sorted(exposures)}
        self._key, self._look = key, self._examined(exposures, self._equity(valuation))
        return self._look

    def _examined(self, exposures: Mapping[ConId, Decimal], equity: Decimal) -> _Look:
        now_s, sampled_s = self._clock.monotonic(), self._volatility.sampled_s
        waiting = self._waiting(now_s)
        con_ids = [con_id for con_id, value in exposures.items() if value != ZERO]
        prices = self._prices(con_ids)
        covariance, lacking = self._estimated(self._aligned(prices, con_ids))
        if covariance is None:
            return _Look(now_s, sampled_s, equity, exposures, waiting, lacking)
        covered = covariance.con_ids
        held = {con_id: float(exposures[con_id]) for con_id in covered}
        cluster, gross = bs.largest_cluster(
            held, covered, covariance.correlations, float(self._policy.correlation_max)
        )
        columns = [con_ids.index(con_id) for con_id in covered]
        compared, realised, expected, broken = self._compared(prices[:, columns], held)
        return _Look(
            at_s=now_s,
            sampled_s=sampled_s,
            equity=equity,
            exposures=exposures,
            waiting=waiting,
            lacking=lacking,
            covariance=covariance,
            predicted=covariance.volatility(held),
            realised=realised,
            expected=expected,
            compared=compared,
            broken=broken,
            cluster=cluster,
            cluster_gross=gross,
        )

    def _prices(self, con_ids: Sequence[ConId]) -> NDArray[np.float64]:
        return logarithms(tuple(self._volatility.minutes), con_ids)

    def _aligned(self, prices: NDArray[np.float64], con_ids: Sequence[ConId]) -> Changes:
        return aligned(prices, con_ids, self._policy.minutes_min, SHORT)

    def _estimated(self, changes: Changes) -> tuple[Covariance | None, Mapping[ConId, str]]:
        """Return the estimate of whatever has one, and why the rest has none."""
        fewest, series = self._policy.minutes_min, changes.series()
        problems = faults(series, fewest)
        sound = {con_id: row for con_id, row in series.items() if con_id not in problems}
        lacking = {**changes.lacking, **problems}
        if not sound:
            return None, lacking
        found = estimate(sound, sample_min=fewest, half_life=float(fewest))
        assert isinstance(found, Covariance), "what fails was left out"
        return found, lacking

    def _compared(
        self, prices: NDArray[np.float64], held: Mapping[ConId, float]
    ) -> tuple[tuple[ConId, ...], float | None, float | None, float | None]:
        """Hold the latest minutes against an estimate of those before, which does not know them.

        Returns of what, the realised volatility, the expected one, and the break of correlations.
        """
        fewest, short = self._policy.minutes_min, self._short
        before = aligned(prices[:-short], tuple(held), fewest)
        covariance, _ = self._estimated(before)
        if covariance is None:
            return (), None, None, None
        every = list(held)
        columns = [every.index(con_id) for con_id in covariance.con_ids]
        latest = prices[-short - 1 :, columns]
        known = aligned(latest, covariance.con_ids, max(int(short * _SHORT_SHARE), 2))
        con_ids = known.con_ids
        if not con_ids:
            return (), None, None, None
        exposures = _vector(held, con_ids)
        realised = bs.realised_volatility(known.matrix, exposures)
        expected = covariance.volatility({con_id: held[con_id] for con_id in con_ids})
        still = faults(known.series(), 3)
        moving = [con_id for con_id in con_ids if con_id not in still]
        broken = None
        if len(moving) > 1:
            earlier = sample_correlations(before.of(moving))
            latest = sample_correlations(known.of(moving))
            broken = bs.correlation_break(earlier, latest, _vector(held, moving))
        return con_ids, realised, expected, broken

    def _waiting(self, now_s: float) -> frozenset[ConId]:
        """Return what has not yet had the time to get a row, or has a closed exchange."""
        wait_s = (2 * self._policy.minutes_min + 1) * SAMPLE_S
        expected_s: dict[ConId, float] = {}
        for con_id in self._hub.instruments:
            told = self._sessions.told(con_id)
            if told is None or told.is_regular:
                expected_s[con_id] = self._expected_s.get(con_id, now_s)
        self._expected_s = expected_s
        return frozenset(
            con_id
            for con_id in self._hub.instruments
            if now_s - expected_s.get(con_id, now_s) < wait_s
        )

    # ---- what is held

    def _unpriced(self, valuation: Valuation) -> list[Position]:
        return [
            row
            for con_id, row in self._book.positions.items()
            if row.quantity != ZERO and con_id not in valuation.notionals
        ]

    def _last_known(self, row: Position, valuation: Valuation) -> Decimal | None:
        """Return the most that a holding without a price was ever said to be worth, signed."""
        instrument, told = self._hub.instruments.get(row.con_id), self._valuer.account
        units: list[tuple[Decimal, str]] = []
        if instrument is not None:
            mark = own_mark(self._hub.quotes.get(row.con_id), instrument)
            units += [] if mark is None else [(mark.unit_value, mark.currency)]
            units.append((row.average_price * row.multiplier, instrument.currency))
        holding = None if told is None else told.holdings.get(row.con_id)
        if holding is not None and holding.quantity != ZERO:
            units.append((abs(holding.value / holding.quantity), holding.currency))
            units.append((row.average_price * row.multiplier, holding.currency))
        values = [
            row.quantity * unit * valuation.rates[currency]
            for unit, currency in units
            if unit > ZERO and currency in valuation.rates
        ]
        return max(values, key=abs, default=None)

    def _equity(self, valuation: Valuation) -> Decimal:
        told = self._valuer.account
        return counted_equity(valuation, None if told is None else told.net_liquidation)

    def _symbol(self, con_id: ConId) -> str:
        row = self._book.positions.get(con_id)
        return str(con_id) if row is None else row.symbol

    # ---- to be seen

    def status(self) -> BlindStatus:
        """Return the risk of what is held, and what has no row."""
        look = self._looked()
        if isinstance(look, str):
            return BlindStatus(problem=look, short_minutes=self._short)
        covered, covariance = _covered(look), look.covariance
        gross = sum((abs(value) for value in look.exposures.values()), start=ZERO)
        seen = sum((abs(look.exposures[key]) for key in covered), start=ZERO)
        average = None if covariance is None else covariance.average_correlation()
        ratio = bs.times_apart(look.realised, look.expected)
        without = [key for key in look.exposures if key not in covered]
        return BlindStatus(
            predicted=_a_year(look.predicted, look.equity),
            realised=_a_year(look.realised, look.equity),
            ratio=None if ratio is None else _decimal(ratio),
            covered=seen / gross if gross else None,
            average_correlation=None if average is None else _decimal(average),
            correlation_break=None if look.broken is None else _decimal(look.broken),
            cluster=tuple(self._symbol(key) for key in look.cluster),
            cluster_share=_share(look.cluster_gross, look.equity) if look.cluster else None,
            minutes=None if covariance is None else _decimal(covariance.sample_count),
            shrinkage=None if covariance is None else _decimal(covariance.shrinkage),
            short_minutes=self._short,
            lacking=tuple(
                (self._symbol(key), look.lacking.get(key, ""))
                for key in without
                if key not in look.waiting
            ),
            waiting=tuple(self._symbol(key) for key in without if key in look.waiting),
            age_s=self._clock.monotonic() - look.at_s,
        )


def _reading(look: _Look, value: Decimal | None, text: str) -> Reading:
    """Return a reading that a second look at the same prices does not confirm."""
    heard_s = look.sampled_s if isfinite(look.sampled_s) else None
    return Reading(value, look.at_s, text=text, heard_s=heard_s)


def _covered(look: _Look) -> tuple[ConId, ...]:
    return () if look.covariance is None else look.covariance.con_ids


def _vector(held: Mapping[ConId, float], con_ids: Sequence[ConId]) -> NDArray[np.float64]:
    return np.array([held[con_id] for con_id in con_ids], dtype=np.float64)


def _a_year(volatility: float | None, equity: Decimal) -> Decimal | None:
    if volatility is None:
        return None
    return _share(volatility * sqrt(MINUTES_A_YEAR), equity)


def _share(value: float, equity: Decimal) -> Decimal | None:
    return _decimal(value) / equity if equity > ZERO else None


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(name.strip() for name in names[:_NAMES_SHOWN])
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown
