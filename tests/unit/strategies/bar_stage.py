"""A stage for strategies of bars: sessions are open, and orders are refused, stuck or in parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from trader.core.amounts import ZERO
from trader.core.calendar import SessionStage
from trader.core.ids import IntentId
from trader.strategies.base import OrderStage, OrderUpdate, Strategy, Wish
from trader.strategies.trial import Trial, _Working

S = TypeVar("S", bound=Strategy)


@dataclass
class BarStage(Trial[S]):
    """A trial whose broker does what the test says; the sessions of all symbols are open."""

    # Symbols of which every order is refused, of which none fills, and how much of each does.
    refused: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    parts: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Trial.__post_init__(self)
        if self._saved is None:
            self._open()

    def restarted(self, make: Callable[[], S]) -> BarStage[S]:
        after = Trial.restarted(self, make)
        assert isinstance(after, BarStage)
        # Behind the fills, as in the daemon.
        after._open()
        return after

    def _open(self) -> None:
        for symbol in self.strategy.symbols:
            self.session(symbol, SessionStage.OPEN)

    def closes(self, symbol: str, prices: Iterable[float | str | Decimal]) -> list[Wish]:
        """Let one bar end for each price; returns all that was wished for."""
        before = len(self.wishes)
        for price in prices:
            self.bar(symbol, str(price))
        return self.wishes[before:]

    def hold(self, symbol: str, quantity: int) -> None:
        """Have a position that nobody asked for here."""
        self._held[self.con_id(symbol)] = Decimal(quantity)

    def drop_bar(self, symbol: str, back: int = 1) -> None:
        """Lose a bar, as if nobody had watched."""
        del self._bars[self.con_id(symbol)][-back]

    def spoil_bar(self, symbol: str, back: int = 1) -> None:
        """Let a bar have been watched in part."""
        rows = self._bars[self.con_id(symbol)]
        rows[-back] = replace(rows[-back], is_whole=False)

    def submit(self, wish: Wish) -> IntentId:
        if self.strategy.symbols[wish.con_id - 1] not in self.refused:
            return Trial.submit(self, wish)
        self.wishes.append(wish)
        intent_id = IntentId(f"trial0-{self.strategy.name}-{len(self.wishes)}")
        told = OrderUpdate(
            intent_id, None, OrderStage.REFUSED, "SHORT_SALE", "refused in the trial"
        )
        self._news.append(told)
        return intent_id

    def _fills(self, one: _Working) -> Decimal:
        symbol, room = self.strategy.symbols[one.wish.con_id - 1], Trial._fills(self, one)
        part = self.parts.get(symbol)
        if part is not None and part < room:
            del self.parts[symbol]
            self.stuck |= {symbol}
            return part
        return ZERO if symbol in self.stuck else room


# What one step of a play does to the market; given the price before it, returns the one after.
Play = Callable[[BarStage[S], Decimal, int], Decimal]


def played(
    made: Callable[[], S], play: Play[S], steps: Sequence[int], kills: Collection[int] = ()
) -> BarStage[S]:
    """Play all steps from a price of 100, killed and started again before some of them."""
    trial, price = BarStage(made()), Decimal(100)
    for number, step in enumerate(steps):
        if number in kills:
            trial = trial.restarted(made)
        price = play(trial, price, step)
    return trial


def kept(of: BarStage[S], symbol: str = "AAA") -> dict[str, Any]:
    """Return what a strategy keeps of one symbol."""
    found = json.loads(of.strategy.checkpoint())["symbols"][symbol]
    assert isinstance(found, dict)
    return found


def assert_alike(one: BarStage[S], other: BarStage[S]) -> None:
    """Hold what two have wished for, and what they know and hold now, against each other."""
    assert one.wishes == other.wishes
    assert one.strategy.checkpoint() == other.strategy.checkpoint()
    assert one._held == other._held


def assert_comes_back(made: Callable[[], S], trial: BarStage[S]) -> None:
    """Have a new one take up what another one keeps."""
    after = made()
    after.restore(trial.strategy.checkpoint())
    assert after.checkpoint() == trial.strategy.checkpoint()


def assert_unreadable(strategy: Strategy, state: str) -> None:
    """Have a state refused whole, and what is known stay as it is."""
    before = strategy.checkpoint()
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract
        strategy.restore(state)
    assert strategy.checkpoint() == before
