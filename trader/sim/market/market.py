"""The market: every instrument's price at every moment, present or past, drawn from one seed.

Time is cut into slots of `quantum_s` wall seconds. All that is shown of a slot (middle, sides,
sizes, trades) is a pure function of seed, instrument and slot, so bars and historical ticks
agree with what was sent live. Stocks and indices walk through the days of their price files;
futures and options follow their underlying; currencies and the rest walk generated days.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from trader.sim.clock import Clock, utc
from trader.sim.market import generated, options
from trader.sim.market.book import Book, make_book
from trader.sim.market.chance import draw
from trader.sim.market.history import DayBar
from trader.sim.market.hours import SESSION_S, AlwaysOpen, Hours, Moment
from trader.sim.market.paths import DayPath, MappedPath, Path, SumPath
from trader.sim.market.pins import Halts, Pins
from trader.sim.market.quotes import Quote, Touch, snapped, touch
from trader.sim.model.instruments import Instrument
from trader.sim.reference.catalogue import Catalogue

_PATHS_MAX = 512
_MOMENTS_MAX, _CLOSES_MAX = 64, 4096
_DERIVED = ("FUT", "OPT", "FOP")


@dataclass(frozen=True, slots=True)
class Replay:
    """How the days are played: session seconds a second, from which date, slots of what length."""

    speed: float = 1.0
    start_date: date | None = None
    quantum_s: float = 0.25
    hours: Hours = field(default_factory=AlwaysOpen)


class Market:
    """The replay of all instruments."""

    def __init__(
        self,
        clock: Clock,
        catalogue: Catalogue,
        bars: dict[str, tuple[DayBar, ...]],
        rng: random.Random,
        replay: Replay,
    ) -> None:
        self.catalogue, self.speed, self.quantum_s = catalogue, replay.speed, replay.quantum_s
        self._clock, self._bars, self.hours = clock, bars, replay.hours
        self.days = [bar.day for bar in next(iter(bars.values()))]
        self.start_index = self._first_day(replay.start_date)
        self._origin_s = clock.monotonic()
        # Paths get a generator of their own each, so the order of asking does not matter.
        self.seed = rng.getrandbits(64)
        self._paths: dict[tuple[int, int, int], Path] = {}
        self._moments: dict[tuple[str, int], Moment] = {}
        self._closes: dict[tuple[int, int, int], Decimal] = {}
        self.pins = Pins(self.slot)
        self.halts = Halts(self.slot)

    def _first_day(self, start_date: date | None) -> int:
        if start_date is None:
            # Leave a year of days before the start for those who ask for history.
            return min(252, len(self.days) // 2)
        return next((n for n, day in enumerate(self.days) if day >= start_date), len(self.days) - 1)

    # -- time ---------------------------------------------------------------------------------

    @property
    def elapsed_s(self) -> float:
        """Return the session seconds since the replay began."""
        return (self._clock.monotonic() - self._origin_s) * self.speed

    def resume(self, elapsed_s: float) -> None:
        """Go on where an earlier run of the simulator stopped."""
        self._origin_s = self._clock.monotonic() - elapsed_s / self.speed
        self._moments.clear()

    def slot(self) -> int:
        """Return the number of the present slot."""
        # The small addition keeps a timer that fires on the boundary out of the slot before.
        return int((self._clock.monotonic() - self._origin_s) / self.quantum_s + 1e-6)

    def slot_at(self, epoch_s: float) -> int:
        """Return the slot that a moment of wall time belongs to."""
        elapsed = self._clock.monotonic() - self._origin_s - (self._clock.time() - epoch_s)
        return int(elapsed / self.quantum_s + 1e-6) if elapsed >= 0 else -int(
            -elapsed / self.quantum_s + 1 - 1e-6
        )  # fmt: skip

    def epoch_of(self, slot: int) -> float:
        """Return the wall time at which a slot begins."""
        behind_s = self._clock.monotonic() - self._origin_s - slot * self.quantum_s
        return self._clock.time() - behind_s

    def moment(self, item: Instrument, slot: int) -> Moment:
        """Return the place in the replay of an instrument at a slot."""
        key = (item.calendar, slot)
        found = self._moments.get(key)
        if found is None:
            elapsed_s = slot * self.quantum_s * self.speed
            found = self.hours.moment(item.calendar, elapsed_s, self.epoch_of(slot))
            if len(self._moments) >= _MOMENTS_MAX:
                self._moments.clear()
            self._moments[key] = found
        return found

    def today(self) -> date:
        """Return the historical date being replayed."""
        day = self.moment(self.catalogue.all()[0], self.slot()).day
        return self.days[(self.start_index + day) % len(self.days)]

    # -- days -----------------------------------------------------------------------------------

    def bar(self, symbol: str, day: int) -> DayBar:
        """Return the true bar of a day counted from the start date."""
        return self._bars[symbol][(self.start_index + day) % len(self.days)]

    def days_before(self, item: Instrument) -> int:
        """Return how many days of an instrument exist before the day of the start."""
        base = self._base(item)
        return self.start_index if self._has_file(base) else generated.DAYS_BEFORE

    def day_bar(self, item: Instrument, day: int) -> DayBar:
        """Return the bar of any instrument's day."""
        if self._has_file(item):
            return self.bar(item.symbol, day)
        if item.sec_type not in (*_DERIVED, "BAG") or self._base(item) is item:
            named = self.days[self.start_index] + timedelta(days=day)
            return generated.day_bar(self.seed, item, day, named)
        path, tick = self.path(item, day), item.tick
        named = self.day_bar(self._base(item), day).day
        return DayBar(
            named, path.open * tick, path.high * tick, path.low * tick, path.close * tick,
            path.volume,
        )  # fmt: skip

    def path(self, item: Instrument, day: int) -> Path:
        """Return the path of a day; the most recent ones are kept."""
        base = self._underlying(item)
        left_days = self._left_days(item, day) if base is not None else 0
        if item.sec_type == "BAG":
            left_days = self._left_days(self.legs(item)[0][0], day)
        key = (item.con_id, day, left_days)
        found = self._paths.get(key)
        if found is None:
            if len(self._paths) >= _PATHS_MAX:
                del self._paths[next(iter(self._paths))]
            made = self._combination(item, day) if item.sec_type == "BAG" else None
            found = self._paths[key] = made or self._make_path(item, base, day, left_days)
        return found

    def _make_path(
        self, item: Instrument, base: Instrument | None, day: int, left_days: int
    ) -> Path:
        if base is None:
            index = self.start_index + day
            place = index % len(self.days) if self._has_file(item) else index
            rng = random.Random(f"{self.seed}/{item.symbol}/{place}")
            return DayPath(self.day_bar(item, day), item.tick, rng)
        below = self.path(base, day)
        share = 50 + draw(self.seed, item.con_id, day) % 150
        volume = share * (100 if item.sec_type == "FUT" else 4)
        return MappedPath(below, self._mapper(item, base, left_days), volume)

    def _combination(self, item: Instrument, day: int) -> Path:
        parts = []
        for leg, weight in self.legs(item):
            parts.append((self.path(leg, day), _weigher(leg.tick, item.tick, weight)))
        return SumPath(parts)

    def legs(self, item: Instrument) -> list[tuple[Instrument, Decimal]]:
        """Return the legs of a combination, each with its weight in the price."""
        return [(part.instrument, part.weight) for part in self.catalogue.parts(item)]

    # -- what follows what ----------------------------------------------------------------------

    def _has_file(self, item: Instrument) -> bool:
        return item.sec_type not in (*_DERIVED, "BAG", "CASH", "CRYPTO") and (
            item.symbol in self._bars
        )

    def _underlying(self, item: Instrument) -> Instrument | None:
        if item.sec_type not in _DERIVED:
            return None
        if item.under_con_id:
            return self.catalogue.by_id(item.under_con_id)
        return self.catalogue.symbol(item.under_symbol or item.symbol)

    def _base(self, item: Instrument) -> Instrument:
        """Return what an instrument's price goes back to."""
        if item.sec_type == "BAG":
            return self._base(self.legs(item)[0][0])
        below = self._underlying(item)
        return item if below is None else self._base(below)

    def _left_days(self, item: Instrument, day: int) -> int:
        """Return the calendar days to expiry on a day of the replay; today has its wall date."""
        if item.expiry is None:
            return 0
        now = self.moment(item, self.slot()).day
        today = utc(self._clock.time()).date()
        # Weekdays are replayed, calendar days pass: five become seven.
        return (item.expiry - today).days - (day - now) * 7 // 5

    def _mapper(self, item: Instrument, base: Instrument, left_days: int) -> Callable[[int], int]:
        left = max(left_days + 0.5, 0.0) / 365 if left_days >= 0 else 0.0
        below, tick = float(base.tick), float(item.tick)
        if item.sec_type == "FUT":
            factor = options.carried(1.0, left) * below / tick
            return lambda ticks: round(ticks * factor)
        terms = options.Terms(item.right[:1], float(item.strike or 1), left)

        def value(ticks: int) -> int:
            spot = max(ticks, 1) * below
            volatility = options.smile(self.seed, base.symbol, terms, spot)
            return max(round(options.price(terms, spot, volatility) / tick), 1)

        return value

    def mapped(
        self, item: Instrument, first: int, last: int
    ) -> tuple[Instrument, list[Callable[[int], int]]] | None:
        """Return what an instrument follows and how, at two slots; None for its own master."""
        base = self._underlying(item)
        if base is None:
            return None
        lefts = {self._left_days(item, self.moment(item, slot).day): None for slot in (first, last)}
        # The days left go by the wall's date: a stretch over midnight is one shorter.
        lefts |= {left - 1: None for left in lefts}
        return base, [self._mapper(item, base, left) for left in lefts]

    def option_terms(self, item: Instrument, slot: int) -> tuple[options.Terms, float, float]:
        """Return an option's terms, its underlying's price and its volatility at a slot."""
        base = self._underlying(item)
        assert base is not None, "an option of the catalogue has an underlying"
        left = max(self._left_days(item, self.moment(item, slot).day) + 0.5, 0.0) / 365
        terms = options.Terms(item.right[:1], float(item.strike or 1), left)
        spot = float(max(self.middle(base, slot), 1) * base.tick)
        return terms, spot, options.smile(self.seed, base.symbol, terms, spot)

    def was_touched(self, item: Instrument) -> bool:
        """Return whether a pin or a halt ever changed the course of an instrument's price."""
        base = self._underlying(item)
        return (
            self.pins.has_been(self.pin_key(item))
            or self.halts.has_been(item.con_id)
            or (base is not None and self.was_touched(base))
            or any(self.was_touched(leg) for leg, _ in self.legs(item))
        )

    # -- prices -----------------------------------------------------------------------------------

    @staticmethod
    def pin_key(item: Instrument) -> str:
        """Return the name under which a price is held: symbol or, if derived, local symbol."""
        plain = item.sec_type in ("STK", "ETF", "IND")
        return item.symbol if plain else item.local_symbol

    def middle(self, item: Instrument, slot: int) -> int:
        """Return the price in ticks at a slot, past or present, as its market rule allows it."""
        return snapped(item, self._exact(item, slot))

    def _exact(self, item: Instrument, slot: int) -> int:
        shown, _ = self.halts.at(item.con_id, slot)
        pinned = self.pins.at(self.pin_key(item), shown)
        if pinned is not None:
            return round(pinned / item.tick)
        if item.sec_type == "BAG":
            return sum(
                _weigher(leg.tick, item.tick, weight)(self.middle(leg, shown))
                for leg, weight in self.legs(item)
            )
        moment = self.moment(item, shown)
        base = self._underlying(item)
        if base is not None:
            left_days = self._left_days(item, moment.day)
            return self._mapper(item, base, left_days)(self.middle(base, shown))
        path = self.path(item, moment.day)
        if moment.pre_share < 1:
            before = round(self.day_bar(item, moment.day - 1).close / item.tick)
            return round(before + (path.open - before) * moment.pre_share)
        return path.at(moment.fraction)

    def quote(self, item: Instrument) -> Quote:
        """Return the present quote."""
        return self.quote_at(item, self.slot())

    def quote_at(self, item: Instrument, slot: int) -> Quote:
        """Return the quote of a slot; the same each time it is asked for."""
        shown, halted = self.halts.at(item.con_id, slot)
        moment = self.moment(item, shown)
        shown = shown if moment.is_open else min(shown, self.slot_at(moment.active_s))
        path, tick, middle = self.path(item, moment.day), item.tick, self.middle(item, shown)
        if moment.pre_share < 1:
            # Nobody knows the open, the high or the low of a day that has not opened.
            opened = low = high = middle
        else:
            opened, (low, high) = path.open, path.range_between(0.0, moment.fraction)
        sides = touch(item, middle, self.seed, shown, is_thin=moment.is_thin)
        if item.sec_type == "BAG":
            sides = self._combined(item, shown)
        volume = self._cumulative(path, item, shown, moment.fraction)
        traded = self._difference(volume, path, item, shown, moment)
        # Without a trade in this slot the last one was an earlier one, of some size.
        last_size = traded or (1 if path.volume else 0)
        return Quote(
            item, sides.bid * tick, sides.ask * tick, middle * tick, sides.bid_size,
            sides.ask_size, last_size, opened * tick, max(high, middle) * tick,
            min(low, middle) * tick, self.close_before(item, moment.day), volume,
            min(path.low, sides.bid, middle) * tick, max(path.high, sides.ask, middle) * tick,
            halted, moment.is_open,
        )  # fmt: skip

    def _combined(self, item: Instrument, slot: int) -> Touch:
        """Return the touch of a combination: each leg is bought at its ask, sold at its bid."""
        bid = ask = 0
        sizes = []
        for leg, weight in self.legs(item):
            weigh = _weigher(leg.tick, item.tick, weight)
            side = touch(leg, self.middle(leg, slot), self.seed, slot, is_thin=False)
            first, second = (side.bid, side.ask) if weight > 0 else (side.ask, side.bid)
            bid, ask = bid + weigh(first), ask + weigh(second)
            sizes.append(int(min(side.bid_size, side.ask_size) / abs(weight)))
        size = max(min(sizes), 1)
        return Touch(bid, max(ask, bid + 1), size, size)

    def close_before(self, item: Instrument, day: int) -> Decimal:
        """Return the close of the day before a day."""
        key = (item.con_id, day, self._left_days(item, day))
        found = self._closes.get(key)
        if found is None:
            if len(self._closes) >= _CLOSES_MAX:
                self._closes.clear()
            found = self._closes[key] = self.day_bar(item, day - 1).close
        return found

    def cumulative(self, item: Instrument, slot: int) -> int:
        """Return what has traded on a slot's day up to and with that slot."""
        moment = self.moment(item, slot)
        return self._cumulative(self.path(item, moment.day), item, slot, moment.fraction)

    def traded(self, item: Instrument, slot: int) -> int:
        """Return the size of the one trade of a slot; 0 when nothing traded."""
        if self.halts.at(item.con_id, slot)[1]:
            return 0
        moment = self.moment(item, slot)
        path = self.path(item, moment.day)
        volume = self._cumulative(path, item, slot, moment.fraction)
        return self._difference(volume, path, item, slot, moment)

    def _cumulative(self, path: Path, item: Instrument, slot: int, fraction: float) -> int:
        if not path.volume or fraction <= 0:
            return 0
        # Trades differ in size: what is drawn here moves volume from one slot to its neighbour.
        spread = int(path.volume * self.quantum_s * self.speed / SESSION_S)
        extra = (draw(self.seed, item.con_id, slot) >> 48) * spread >> 16
        return min(int(path.volume * fraction) + extra, path.volume)

    def _difference(
        self, volume: int, path: Path, item: Instrument, slot: int, moment: Moment
    ) -> int:
        """Return by how much the day's volume grew in a slot."""
        if not volume or not moment.is_open:
            return 0
        before = self.moment(item, slot - 1)
        if before.day != moment.day:
            return volume
        return max(volume - self._cumulative(path, item, slot - 1, before.fraction), 0)

    def book(self, item: Instrument, slot: int | None = None) -> Book:
        """Return the order book behind the quote of a slot, now by default; empty when shut."""
        at = self.slot() if slot is None else slot
        return make_book(self.quote_at(item, at), self.seed, at)


def _weigher(leg_tick: Decimal, tick: Decimal, weight: Decimal) -> Callable[[int], int]:
    factor = float(leg_tick / tick * weight)
    return lambda ticks: round(ticks * factor)
