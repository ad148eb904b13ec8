"""A bank on prices set by hand: instruments of every kind, two currencies, a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from tests.unit.sim.support import EPOCH_S
from trader.sim.broker.money.accounts import Account, Kind
from trader.sim.broker.money.bank import Bank, Sources
from trader.sim.clock import VirtualClock
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, Side, Terms

D = Decimal
STOCK = Instrument(1, "ABC", "STK", "NYSE", "USD", "ABC", "ABC CORP")
EURO_STOCK = Instrument(2, "DAX", "STK", "IBIS", "EUR", "DAX", "DAX AG")
PENCE = Instrument(3, "PEN", "STK", "LSE", "GBP", "PEN", "PEN PLC", price_magnifier=100)
FUTURE = Instrument(
    4, "ES", "FUT", "CME", "USD", "ES", "E-MINI", multiplier=D(50), expiry=date(2026, 12, 18),
    under_con_id=9, under_sec_type="IND",
)  # fmt: skip
CALL = Instrument(
    5, "ABC", "OPT", "CBOE", "USD", "ABC", "ABC CALL", multiplier=D(100), strike=D(100),
    right="C", expiry=date(2026, 12, 18), under_con_id=1, under_sec_type="STK",
)  # fmt: skip
PUT = replace(CALL, con_id=6, right="P", long_name="ABC PUT")
COIN = Instrument(
    7, "BTC", "CRYPTO", "PAXOS", "USD", "BTC", "Bitcoin", size_step=D("0.00000001")
)  # fmt: skip
PAIR = Instrument(8, "EUR", "CASH", "IDEALPRO", "USD", "EUR.USD", "Euro", local_name="EUR.USD")
INDEX = Instrument(9, "SPX", "IND", "CBOE", "USD", "SPX", "S&P 500")
POUND = Instrument(10, "GBP", "CASH", "IDEALPRO", "USD", "GBP.USD", "Pound", local_name="GBP.USD")
RENAMED = Instrument(11, "XYZ", "STK", "NYSE", "USD", "XYZ", "XYZ CORP")
ALL = (
    STOCK, EURO_STOCK, PENCE, FUTURE, CALL, PUT, COIN, PAIR, INDEX, POUND, RENAMED,
)  # fmt: skip
PRICES = {
    1: "100", 2: "50", 3: "200", 4: "5000", 5: "4", 6: "3", 7: "60000", 8: "1.10", 9: "5000",
    10: "1.25", 11: "100",
}  # fmt: skip


class Wealth:
    """A bank, its prices and its clock."""

    def __init__(
        self, *, cash: str = "100000", kind: Kind = Kind.MARGIN, base: str = "USD", names: int = 1
    ) -> None:
        self.clock = VirtualClock(EPOCH_S)
        self.prices = {con_id: D(price) for con_id, price in PRICES.items()}
        accounts = [Account(f"DU{n}", D(cash), kind=kind, base=base) for n in range(1, names + 1)]
        by_name = {item.local_symbol: item for item in ALL if item.sec_type != "OPT"}
        by_id = {item.con_id: item for item in ALL}
        self.bank = Bank(
            accounts,
            Sources(
                self.quote, by_name.get, by_id.get, lambda _item: ((CALL, D(1)), (PUT, D(-1))),
                self.clock.monotonic, self.clock.time,
            ),
        )  # fmt: skip
        self.account = accounts[0]

    def quote(self, item: Instrument) -> Quote:
        """Return a quote without a spread."""
        price = self.prices[item.con_id]
        return Quote(
            item, price, price, price, 1, 1, 1, price, price, price, price, 1, D(0), D(10**9)
        )  # fmt: skip

    def pass_time(self, seconds: float = 2.0) -> None:
        """Let the marks grow old."""
        self.clock.advance(seconds)

    def trade(
        self, item: Instrument, quantity: str, price: str, charge: str = "0", account: str = ""
    ) -> Execution:
        """Book a trade; a negative quantity sells. Return it with what it realized."""
        signed = D(quantity)
        made = Execution(
            "x.01", 1, 7, 1, "", item, account or self.account.name, "NYSE",
            Side.BUY if signed > 0 else Side.SELL, abs(signed), D(price), abs(signed), D(price),
            self.clock.time(), D(charge), None,
        )  # fmt: skip
        return replace(made, realized=self.bank.book(made))

    def net(self) -> Decimal:
        """Return the net liquidation value at the prices of now."""
        self.bank.valuer.forget(self.account)
        return self.bank.funds(self.account.name).net


def order(
    item: Instrument,
    quantity: str,
    *,
    limit: str | None = None,
    perm_id: int = 1,
    account: str = "DU1",
) -> Order:
    """Return a working order; a negative quantity sells."""
    signed = D(quantity)
    side = Side.BUY if signed > 0 else Side.SELL
    terms = Terms(
        str(side), abs(signed), "MKT" if limit is None else "LMT",
        limit_price=None if limit is None else D(limit), tif="DAY",
    )  # fmt: skip
    return Order(perm_id, 7, 1, item, side, terms, account, "", 0.0, quantity=abs(signed))
