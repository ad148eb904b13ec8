"""The instrument catalogue: what can be asked for, by contract id or by description.

The price files name the first instruments (known symbols carry their real contract ids, any other
file becomes a stock). With a `Listing` there are also currency pairs, coins, invented foreign
shares, futures and options, which are made by rule when they are asked for. Contract ids are
the same in every run with the same price files, and expired contracts stay known by their id.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.reference import calendar, combos, futures, options, rules, underlyings
from trader.sim.reference.matching import fits, fits_expiry, is_identified, right_of, trades_at
from trader.sim.reference.options import Chain

NOT_FOUND = (200, "No security definition has been found for the request")
# A whole chain is made anew each time: kept answers must not fill the memory.
_ANSWERS_MAX, _ANSWER_KEPT_MAX, _MADE_MAX, _SYMBOLS_MAX = 4096, 16, 32_768, 16
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Listing:
    """What derivatives are made from: first prices by symbol, the moment, the trading hours.

    `now` returns seconds since the epoch; with `always_open` every calendar is open day and night.
    """

    prices: Mapping[str, Decimal]
    now: Callable[[], float]
    always_open: bool = True


# Strikes of a fund without a price file are made around this.
_NOMINAL_PRICES = (("SPX", Decimal(5000)), ("SPY", Decimal(500)))


class Catalogue:
    """All instruments of one simulator."""

    def __init__(self, symbols: Iterable[str], listing: Listing | None = None) -> None:
        self._listing = listing
        self._always_open = listing is None or listing.always_open
        self._filed = self._from_files(symbols)
        generated = [] if listing is None else map(self._placed, underlyings.generated())
        names = {item.local_symbol for item in self._filed}
        self._standing = self._filed + [i for i in generated if i.local_symbol not in names]
        self._by_id: dict[int, Instrument] = {}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._by_local: dict[str, Instrument] = {}
        self._delisted: set[int] = set()
        self._index()
        self._chains = {chain.slot: chain for chain in self._make_chains()}
        self._chain_of = {chain.underlying.con_id: chain for chain in self._chains.values()}
        self._made: dict[int, Instrument] = {}
        self._answers: dict[ContractQuery, tuple[Instrument, ...]] = {}
        self._hour, self._today = -1, date.min
        self._expiries: list[tuple[date, date]] = []

    def all(self) -> list[Instrument]:
        """Return the instruments with price files, in the files' order."""
        return list(self._filed)

    def underlyings(self) -> list[Instrument]:
        """Return what is not made from another: price files, pairs, coins, invented shares."""
        return list(self._standing)

    def symbol(self, symbol: str) -> Instrument | None:
        """Return the instrument of a symbol or an exchange's name (`EUR.USD`, `ESH6`)."""
        named = self._by_symbol.get(symbol, [])
        if len(named) == 1:
            return named[0]
        return self._by_local.get(symbol) or self.find(ContractQuery(local_symbol=symbol))

    def by_id(self, con_id: int) -> Instrument | None:
        """Return the instrument of a contract id, expired or not."""
        return self._by_id.get(con_id) or self._made.get(con_id) or self._read_id(con_id)

    def find(self, query: ContractQuery) -> Instrument | None:
        """Return the one instrument a request means, None when there is none or several."""
        found = self.find_all(query)
        return found[0] if len(found) == 1 else None

    def find_all(self, query: ContractQuery) -> tuple[Instrument, ...]:
        """Return every instrument that fits a request, in a fixed order."""
        self._turn_day()
        found = self._answers.get(query)
        if found is None:
            if len(self._answers) >= _ANSWERS_MAX:
                self._answers.clear()
            found = tuple(self._search(query))
            if len(found) <= _ANSWER_KEPT_MAX:
                self._answers[query] = found
        return found

    def why_not(self, query: ContractQuery) -> tuple[int, str]:
        """Return code and text of the error for a request that `find` did not resolve."""
        if query.legs:
            flaw = combos.flaw(query.legs, [self.by_id(leg.con_id) for leg in query.legs])
            return NOT_FOUND if flaw is None else (321, f"Error validating request.-'bW' : {flaw}")
        if len(self.find_all(query)) < 2:
            return NOT_FOUND
        name = query.symbol or query.local_symbol
        return 200, f"The contract description specified for {name} is ambiguous."

    def chain(self, con_id: int) -> Chain | None:
        """Return the option chain of an underlying."""
        return self._chain_of.get(con_id)

    def parts(self, combo: Instrument) -> list[combos.Part]:
        """Return a combination's legs with their instruments and weights in its price."""
        found = [self.by_id(leg.con_id) for leg in combo.legs]
        return combos.parts(combo, [item for item in found if item is not None])

    def derivatives(self, item: Instrument) -> list[str]:
        """Return the kinds of contracts made from an instrument, as message 79 lists them."""
        kinds = ["OPT"] if item.con_id in self._chain_of else []
        if any(root.underlying == item.symbol for root in futures.ROOTS) and self._listing:
            kinds.append("FUT")
        return [*kinds, "BAG"] if kinds else []

    def matching(self, pattern: str) -> list[Instrument]:
        """Return the instruments whose symbol or name begins with the pattern; 16 at most."""
        wanted = pattern.strip().upper()
        if not wanted:
            return []
        found = [
            item
            for item in self._standing
            if item.symbol.startswith(wanted) or item.long_name.upper().startswith(wanted)
        ]
        return found[:_SYMBOLS_MAX]

    def today(self) -> date:
        """Return the date in New York, by which contracts expire."""
        self._turn_day()
        return self._today

    # -- what goes wrong on purpose -----------------------------------------------------------

    def delist(self, con_id: int, *, is_gone: bool) -> None:
        """Answer every request for a contract as if there were none (200), or know it again.

        What is held or working keeps its instrument.
        """
        (self._delisted.add if is_gone else self._delisted.discard)(con_id)
        self._answers.clear()

    def amend(self, con_id: int, *, market_rule_id: int, price_magnifier: int) -> Instrument:
        """Give what stands for itself other price bands and another magnifier, from now on.

        Orders and positions that exist keep the instrument they were made with. Raises
        ValueError for a contract made by rule and for a rule with another finest step.
        """
        item = self._by_id.get(con_id)
        if item is None:
            raise ValueError(f"conId: {con_id} is not allowed; allowed: what has a price file")
        allowed = [rule for rule in rules.RULES if rules.finest(rule) == item.tick]
        if market_rule_id not in allowed:
            text = ", ".join(map(str, allowed))
            raise ValueError(f"market_rule: {market_rule_id} is not allowed; allowed: {text}")
        new = replace(item, market_rule_id=market_rule_id, price_magnifier=price_magnifier)
        for items in (self._filed, self._standing):
            items[:] = [new if other.con_id == con_id else other for other in items]
        self._index()
        self._answers.clear()
        return new

    # -- making -------------------------------------------------------------------------------

    def _from_files(self, symbols: Iterable[str]) -> list[Instrument]:
        listed, items = underlyings.listed(), list[Instrument]()
        for symbol in symbols:
            item = listed.get(symbol)
            if item is None:
                item = underlyings.unknown(symbol, [other.con_id for other in items])
            items.append(self._placed(item))
        return items

    def _index(self) -> None:
        """Make every way of finding what stands for itself anew."""
        self._by_symbol.clear()
        for item in self._standing:
            self._by_id[item.con_id] = self._by_local[item.local_symbol] = item
            self._by_symbol.setdefault(item.symbol, []).append(item)

    def _placed(self, item: Instrument) -> Instrument:
        if not self._always_open:
            return item
        return replace(item, calendar=calendar.always_in(item.time_zone))

    def _make_chains(self) -> list[Chain]:
        if self._listing is None:
            return []
        prices = {**dict(_NOMINAL_PRICES), **self._listing.prices}
        return options.chains(
            {
                item: prices[item.symbol]
                for item in self._standing
                if item.sec_type in ("STK", "IND")
                and item.currency == "USD"
                and item.symbol in prices
            }
        )

    def _turn_day(self) -> None:
        """Forget the answers of a day that is over."""
        if self._listing is None:
            return
        now = self._listing.now()
        if now // _HOUR_S == self._hour:
            return
        self._hour, today = int(now // _HOUR_S), calendar.local_date("US-STOCKS", now)
        if today != self._today:
            self._today = today
            self._answers.clear()
            self._expiries = [(day, options.expiry(day)) for day in options.fridays(today)]

    def _keep(self, item: Instrument) -> Instrument:
        """Return a made instrument as it is kept, so that its id finds it again."""
        item = self._placed(item)
        known = self._made.get(item.con_id)
        if known == item:
            return known
        if len(self._made) >= _MADE_MAX:
            del self._made[next(iter(self._made))]
        self._made[item.con_id] = item
        return item

    def _read_id(self, con_id: int) -> Instrument | None:
        future = futures.read_id(con_id)
        if future is not None:
            underlying = self._by_local.get(future[0].underlying)
            if underlying is None or self._listing is None:
                return None
            return self._keep(futures.contract(future[0], underlying, *future[1:]))
        option = options.read_id(con_id)
        chain = self._chains.get(option[0]) if option is not None else None
        if option is None or chain is None or not chain.lowest <= option[2] <= chain.highest:
            return None
        _, friday, number, right = option
        return self._keep(options.contract(chain, friday, chain.step * number, right))

    # -- searching ----------------------------------------------------------------------------

    def _search(self, query: ContractQuery) -> Iterator[Instrument]:
        if query.sec_type == "BAG" and query.legs:
            yield from self._combo(query)
            return
        if query.con_id:
            item = self.by_id(query.con_id)
            found = iter(()) if item is None else iter((item,))
        elif is_identified(query):
            found = self._candidates(query)
        else:
            return
        for item in found:
            is_shown = self._is_listed(item) and (query.include_expired or self._is_live(item))
            if is_shown and fits(query, item):
                yield item

    def _is_live(self, item: Instrument) -> bool:
        return item.expiry is None or item.expiry >= self._today

    def _is_listed(self, item: Instrument) -> bool:
        return item.con_id not in self._delisted

    def _candidates(self, query: ContractQuery) -> Iterator[Instrument]:
        if query.sec_id or query.sec_type not in ("FUT", "OPT"):
            yield from self._plain(query)
        if self._listing is None or query.sec_id:
            return
        # A bare symbol means what stands for itself; a full local name means what bears it.
        if query.sec_type == "FUT" or (not query.sec_type and query.local_symbol):
            yield from self._futures(query)
        if query.sec_type == "OPT" or (not query.sec_type and query.local_symbol):
            yield from self._options(query)

    def _plain(self, query: ContractQuery) -> Iterator[Instrument]:
        if query.symbol:
            yield from self._by_symbol.get(query.symbol, [])
        elif query.local_symbol:
            item = self._by_local.get(query.local_symbol)
            if item is not None:
                yield item
        else:
            yield from self._standing

    def _futures(self, query: ContractQuery) -> Iterator[Instrument]:
        for root in futures.ROOTS:
            underlying = self._by_local.get(root.underlying)
            if underlying is None or query.symbol not in ("", root.symbol):
                continue
            if not query.local_symbol.startswith(root.trading_class) and query.local_symbol:
                continue
            for month in futures.months(root, self._today, expired=query.include_expired):
                yield self._keep(futures.contract(root, underlying, *month))

    def _options(self, query: ContractQuery) -> Iterator[Instrument]:
        symbol, right, strike = query.symbol, right_of(query.right), query.strike
        named = options.read_name(query.local_symbol) if query.local_symbol else None
        if query.local_symbol and named is None:
            return
        if named is not None:
            symbol, _, right, strike = named
        chain = next((c for c in self._chains.values() if c.underlying.symbol == symbol), None)
        if chain is None:
            return
        strikes = chain.strikes() if not strike else [strike] if chain.has_strike(strike) else []
        for friday, ends in self._expiries:
            if not fits_expiry(query.expiry, ends) or (named is not None and named[1] != ends):
                continue
            for each in strikes:
                for side in (right,) if right else ("C", "P"):
                    yield self._keep(options.contract(chain, friday, each, side))

    def _combo(self, query: ContractQuery) -> Iterator[Instrument]:
        items = [self.by_id(leg.con_id) for leg in query.legs]
        if combos.flaw(query.legs, items) is not None:
            return
        known = [item for item in items if item is not None]
        is_smart = query.exchange in ("", "SMART")
        if is_smart or all(trades_at(item, query.exchange) for item in known):
            yield self._keep(combos.make(query.symbol, query.exchange, query.legs, known))
