"""The account: cash, positions, commissions and the values clients ask for.

Cash moves only by executions and their commissions; a position only by executions. So
cash + cost of positions is conserved but for commissions and realized results, at all times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side
from trader.sim.wire.frames import plain

CENT = Decimal("0.01")
PER_SHARE = Decimal("0.005")
MINIMUM = Decimal(1)
LARGEST_SHARE = Decimal("0.01")


def order_commission(quantity: Decimal, value: Decimal) -> Decimal:
    """Return IBKR Fixed for what an order has traded: 0.005 a share, 1.00 to 1% of value."""
    return min(max(PER_SHARE * quantity, MINIMUM), LARGEST_SHARE * value)


def money(value: Decimal) -> str:
    """Write an amount with two decimals."""
    return str(value.quantize(CENT, ROUND_HALF_UP))


def cost(value: Decimal) -> str:
    """Write an average cost with up to seven decimals."""
    return plain(value.quantize(Decimal("0.0000001")))


@dataclass(slots=True)
class Position:
    """What the account holds of one instrument; short is negative."""

    instrument: Instrument
    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    realized: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class SavedAccount:
    """An account as it survives the process."""

    name: str
    cash: Decimal
    positions: tuple[Position, ...]


class Account:
    """Cash and positions of the one account."""

    def __init__(self, name: str, cash: Decimal) -> None:
        self.name = name
        self.cash = cash
        self.positions: dict[int, Position] = {}

    def saved(self) -> SavedAccount:
        """Return what must survive the process."""
        return SavedAccount(self.name, self.cash, tuple(self.positions.values()))

    def restore(self, saved: SavedAccount) -> None:
        """Be what was saved."""
        self.name, self.cash = saved.name, saved.cash
        self.positions = {entry.instrument.con_id: entry for entry in saved.positions}

    def position(self, item: Instrument) -> Position:
        """Return the position record, made when first asked for."""
        found = self.positions.get(item.con_id)
        if found is None:
            found = self.positions[item.con_id] = Position(item)
        return found

    def quantity(self, item: Instrument) -> Decimal:
        """Return what is held, zero for nothing."""
        found = self.positions.get(item.con_id)
        return found.quantity if found else ZERO

    def held(self) -> list[Position]:
        """Return the positions that are not flat."""
        return [entry for entry in self.positions.values() if entry.quantity]

    def apply(
        self, item: Instrument, side: Side, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> Decimal | None:
        """Book one execution; return the realized result, None when it only opened."""
        entry = self.position(item)
        signed = quantity * side.sign
        self.cash -= signed * price + commission
        held = entry.quantity
        if held * signed >= 0:
            total = held + signed
            cost = entry.average_cost * abs(held) + price * quantity + commission
            entry.quantity, entry.average_cost = total, cost / abs(total)
            return None
        closed = min(quantity, abs(held))
        direction = 1 if held > 0 else -1
        realized = (price - entry.average_cost) * closed * direction - commission
        entry.realized += realized
        entry.quantity = held + signed
        if not entry.quantity:
            entry.average_cost = ZERO
        elif quantity > closed:
            entry.average_cost = price
        return realized

    def market_value(self, prices: Mapping[int, Decimal]) -> Decimal:
        """Return the signed value of all positions at the prices by contract id."""
        return sum(
            (entry.quantity * prices[con_id] for con_id, entry in self.positions.items()), ZERO
        )

    def gross_value(self, prices: Mapping[int, Decimal]) -> Decimal:
        """Return the sum of the positions' absolute values."""
        return sum(
            (abs(entry.quantity) * prices[con_id] for con_id, entry in self.positions.items()),
            ZERO,
        )

    def unrealized(self, prices: Mapping[int, Decimal]) -> Decimal:
        """Return the open result of all positions."""
        return sum(
            (
                (prices[con_id] - e.average_cost) * e.quantity
                for con_id, e in self.positions.items()
            ),
            ZERO,
        )

    def realized(self) -> Decimal:
        """Return the closed result of all positions."""
        return sum((entry.realized for entry in self.positions.values()), ZERO)

    def rows(self, prices: Mapping[int, Decimal], reserved: Decimal) -> list[tuple[str, str, str]]:
        """Return (key, value, currency) in the gateway's order."""
        stock = self.market_value(prices)
        net, gross = self.cash + stock, self.gross_value(prices)
        free = self.cash - reserved
        base = [
            ("AccountCode", self.name, ""), ("AccountReady", "true", ""),
            ("AccountType", "INDIVIDUAL", ""),
        ]  # fmt: skip
        amounts = (
            ("AccruedCash", ZERO), ("AvailableFunds", free), ("BuyingPower", free),
            ("EquityWithLoanValue", net), ("ExcessLiquidity", free),
            ("FullAvailableFunds", free), ("FullExcessLiquidity", free),
            ("FullInitMarginReq", gross), ("FullMaintMarginReq", gross),
            ("GrossPositionValue", gross), ("InitMarginReq", gross), ("MaintMarginReq", gross),
            ("NetLiquidation", net), ("PreviousDayEquityWithLoanValue", net),
            ("TotalCashValue", self.cash),
        )  # fmt: skip
        ledger = (
            ("CashBalance", self.cash), ("NetLiquidationByCurrency", net),
            ("RealizedPnL", self.realized()), ("StockMarketValue", stock),
            ("TotalCashBalance", self.cash), ("UnrealizedPnL", self.unrealized(prices)),
        )  # fmt: skip
        rows = base + [(key, money(value), "USD") for key, value in amounts]
        for currency in ("USD", "BASE"):
            rows += [("Currency", currency, currency), ("ExchangeRate", "1.00", currency)]
            rows += [(key, money(value), currency) for key, value in ledger]
        return rows
