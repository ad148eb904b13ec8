"""The broker's margin desk: watches excess liquidity, warns, then closes positions by force.

It first says so (2148) and a few seconds later trades: executions with order id -1 and the
liquidation mark (INC-086). Off unless switched on; the actions can also make it act at once.
"""

from decimal import Decimal

from trader.sim.broker.money.money import money
from trader.sim.clock import Clock
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution

WATCH_S = 5.0
GRACE_S = 4.0
WARNING = 2148


class Liquidator:
    """Forced closing of positions in all accounts of one simulator."""

    def __init__(self, clock: Clock, gateway: Gateway) -> None:
        self._clock, self._gateway = clock, gateway
        self._warned: dict[str, None] = {}

    def start(self) -> None:
        """Look every few seconds from now on; nothing happens while the switch is off."""

        def look() -> None:
            if self._gateway.faults.account.liquidates:
                self.look()
            self._clock.call_later(WATCH_S, look)

        self._clock.call_later(WATCH_S, look)

    def look(self) -> list[str]:
        """Warn of each account that lacks margin and close positions soon; return the accounts."""
        bank = self._gateway.exchange.bank
        found = [
            name for name in bank.names if name not in self._warned and bank.to_liquidate(name)
        ]
        for name in found:
            self.warn(name)
        return found

    def warn(self, name: str) -> None:
        """Say that positions of an account are about to be closed, and close them soon."""
        excess = self._gateway.exchange.bank.funds(name).excess
        base = self._gateway.exchange.bank.account(name).base
        self._warned[name] = None
        self._gateway.tell_all(
            WARNING,
            f"URGENT: account {name} has an excess liquidity of {money(excess)} {base}. "
            "Positions are being liquidated.",
        )

        def act() -> None:
            self._warned.pop(name, None)
            self.close(name)

        self._clock.call_later(GRACE_S, act)

    def force(self, name: str, item: Instrument, quantity: Decimal) -> None:
        """Warn and close so much of one position soon, whatever the margin."""
        self._gateway.tell_all(
            WARNING, f"URGENT: the position of account {name} in {item.symbol} is being liquidated."
        )

        def act() -> None:
            self._gateway.exchange.liquidate(item, abs(quantity), account=name)

        self._clock.call_later(GRACE_S, act)

    def close(self, name: str) -> list[Execution]:
        """Close what has to be closed in an account now; return the executions."""
        exchange = self._gateway.exchange
        found = []
        for closing in exchange.bank.to_liquidate(name):
            done = exchange.liquidate(closing.instrument, closing.quantity, account=name)
            if done is not None:
                found.append(done)
        return found
