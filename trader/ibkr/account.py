"""What the gateway says of the account, folded into one reading (messages 6, 7, 8, 54 and 63).

After the first list only values that changed are sent again; message 8 says that the list stands,
so it is what keeps an unchanged value fresh (every 180 s, INC-037). A value that is no number
leaves the last good one in its place, at its own age (INC-105). Nothing is said before the first
list has ended. Message 8 also follows single rows that changed, so a mark of the broker's may be
older than the word that it stands, by at most the 180 s between two whole lists.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.account import AccountReading, Holding
from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import ConId
from trader.core.policy import AccountType

# Asked for apart: updates do not hold it. One summary, which is never cancelled: cancelling one
# has stopped all of a client's before now (INC-148).
SUMMARY_TAG = "SettledCash"
_TOTALS = ("BASE", "")
_ONE = Decimal(1)
_AMOUNTS = ("NetLiquidation", "AvailableFunds", "BuyingPower", "InitMarginReq", "MaintMarginReq")
_LEDGERS = ("CashBalance", "ExchangeRate", SUMMARY_TAG)
_READY, _TRADING_TYPE, _ACCOUNT_TYPE = "AccountReady", "TradingType-S", "AccountType"
# Parts of the text that names how an account may trade; another text says nothing.
_TYPES = (
    ("PMRGN", AccountType.PORTFOLIO_MARGIN),
    ("MRGN", AccountType.REG_T),
    ("CASH", AccountType.CASH),
)


@dataclass(slots=True)
class _Value:
    """The last good number of a key, and whether its last word was good."""

    number: Decimal | None
    heard_s: float
    is_good: bool


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """One portfolio row as it came (message 7); ``value`` is None where it was no number."""

    con_id: ConId
    symbol: str
    sec_type: str
    currency: str
    quantity: Decimal
    value: Decimal | None


@dataclass(slots=True)
class _Held:
    """The last row of a holding whose value was a number, and whether its last word was good."""

    row: HoldingRow
    value: Decimal
    since_s: float
    heard_s: float
    is_good: bool = True


class AccountStream:
    """The values of one account over one connection."""

    def __init__(self) -> None:
        # The summary's request; None until it was asked for in this session.
        self.summary_id: int | None = None
        # The newest request for the day's result; what an older one still brings is passed over.
        self.result_id: int | None = None
        self.is_asked = False
        self._is_whole = False
        self._samples = 0
        self._values: dict[tuple[str, str], _Value] = {}
        self._texts: dict[str, str] = {}
        self._held: dict[ConId, _Held] = {}

    def reset(self) -> None:
        """Forget everything: subscriptions do not outlive the connection."""
        self.summary_id = self.result_id = None
        self.is_asked = self._is_whole = False
        self._samples = 0
        self._values.clear()
        self._texts.clear()
        self._held.clear()

    def begin(self) -> None:
        """Expect a new list: nothing is said until it has ended."""
        self.is_asked = True
        self._is_whole = False

    def value(self, key: str, text: str, currency: str, now_s: float) -> None:
        """Take one value in; what is not used is not kept."""
        if key in (_READY, _TRADING_TYPE, _ACCOUNT_TYPE):
            self._texts[key] = text
        is_amount = key in _AMOUNTS and currency != "BASE"
        if not is_amount and not (key in _LEDGERS and currency not in _TOTALS):
            return
        number = decimal_from(text)
        known = self._values.get((key, currency))
        if number is not None:
            self._values[key, currency] = _Value(number, now_s, is_good=True)
        elif known is not None:
            known.is_good = False

    def holding(self, row: HoldingRow, now_s: float) -> None:
        """Take a portfolio row in; one that is flat is gone."""
        known = self._held.get(row.con_id)
        if row.quantity == ZERO:
            self._held.pop(row.con_id, None)
        elif row.value is None:
            if known is not None:
                known.is_good = False
        else:
            is_same = known is not None and known.value == row.value
            since_s = known.since_s if known is not None and is_same else now_s
            self._held[row.con_id] = _Held(row, row.value, since_s, now_s)

    def ended(self, now_s: float) -> AccountReading | None:
        """Take the end of the list (message 54)."""
        if not self.is_asked:
            return None
        self._is_whole = True
        return self.listed(now_s)

    def listed(self, now_s: float) -> AccountReading | None:
        """Take the word that the list stands (message 8); returns the reading, or None."""
        # A gateway whose server is being reset says so, and its values are not to be relied on.
        if not self._is_whole or self._texts.get(_READY) == "false":
            return None
        for known in self._values.values():
            if known.is_good:
                known.heard_s = now_s
        for held in self._held.values():
            if held.is_good:
                held.heard_s = now_s
        self._samples += 1
        return self._reading(now_s)

    def _reading(self, now_s: float) -> AccountReading:
        amounts: dict[str, Decimal] = {}
        currency, oldest_s = "", now_s
        for (key, row_currency), known in self._values.items():
            if key in _AMOUNTS and known.number is not None:
                amounts[key] = known.number
                oldest_s = min(oldest_s, known.heard_s)
                # All amounts are in one currency, whichever of them are told.
                if key == "NetLiquidation" or not currency:
                    currency = row_currency
        return AccountReading(
            net_liquidation=amounts.get("NetLiquidation"),
            available_funds=amounts.get("AvailableFunds"),
            buying_power=amounts.get("BuyingPower"),
            initial_margin=amounts.get("InitMarginReq"),
            maintenance_margin=amounts.get("MaintMarginReq"),
            settled_cash=self._settled(),
            unsettled_cash=self._unsettled(),
            account_type=self._type(),
            as_of_s=oldest_s,
            currency=currency,
            rates=self._rates(),
            samples=self._samples,
            holdings=self._holdings(),
        )

    def _holdings(self) -> dict[ConId, Holding]:
        return {
            con_id: Holding(
                con_id=con_id,
                symbol=held.row.symbol,
                sec_type=held.row.sec_type,
                currency=held.row.currency,
                quantity=held.row.quantity,
                value=held.value,
                since_s=held.since_s,
                at_s=held.heard_s,
            )
            for con_id, held in self._held.items()
        }

    def _by_currency(self, key: str) -> dict[str, Decimal]:
        """Return a key's numbers by currency; one whose last word was none is left out."""
        return {
            currency: known.number
            for (name, currency), known in self._values.items()
            if name == key and known.is_good and known.number is not None
        }

    def _rates(self) -> dict[str, Decimal]:
        told = self._by_currency("ExchangeRate")
        return {currency: rate for currency, rate in told.items() if rate > ZERO}

    def _unsettled(self) -> dict[str, Decimal]:
        """Return what may not be settled of each currency's cash, at most.

        The broker tells settled cash as one sum over all currencies. What the cash of all is worth
        more than that has not settled, and nobody says in which currency it lies: each is taken to
        hold all of it. Without the rate of one currency the sum says nothing of any.
        """
        cash, told = self._by_currency("CashBalance"), self._by_currency(SUMMARY_TAG)
        rates = self._rates()
        if len(told) != 1 or any(
            amount != ZERO and currency not in rates and currency not in told
            for currency, amount in cash.items()
        ):
            return {}
        ((base, settled),) = told.items()
        if any(key[0] == "CashBalance" and not row.is_good for key, row in self._values.items()):
            return {}
        rates[base] = _ONE
        worth = sum((amount * rates[key] for key, amount in cash.items() if amount), start=ZERO)
        open_ = max(worth - settled, ZERO)
        return {key: open_ / rates[key] for key in cash if key in rates}

    def _settled(self) -> dict[str, Decimal]:
        """Return what of each currency's cash is settled, at least."""
        cash = self._by_currency("CashBalance")
        return {key: max(cash[key] - amount, ZERO) for key, amount in self._unsettled().items()}

    def _type(self) -> AccountType | None:
        for name in (_TRADING_TYPE, _ACCOUNT_TYPE):
            text = self._texts.get(name, "").upper()
            for part, kind in _TYPES:
                if part in text:
                    return kind
        return None
