"""What a broker does between two days, at 02:30 of the gateway's time, without any execution.

Sales settle, what was closed leaves the lists, results of the day start at zero, expired contracts
end (INC-100), options are exercised whose holders asked for it, and futures that are held pay their
variation margin.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trader.sim.broker.money import expiry
from trader.sim.broker.money.accounts import Account, Position, is_paid_in_full, unit_value
from trader.sim.broker.money.expiry import Ending
from trader.sim.broker.money.house import House
from trader.sim.clock import Clock
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Side

NIGHT_HOUR, NIGHT_MINUTE = 2, 30


class Nights:
    """The night's processing of all accounts."""

    def __init__(self, house: House) -> None:
        self._house = house

    def start(self, clock: Clock, zone: str = "UTC") -> None:
        """Process every night at 02:30 from now on."""

        def night() -> None:
            self.process()
            self.start(clock, zone)

        clock.call_later(_until_night_s(clock.time(), zone), night)

    def process(self) -> None:
        """Do all that belongs to one night."""
        for account in self._house.accounts.values():
            self.end_contracts(account)
            self._exercise(account)
            self._settle_futures(account)
            self._turn_day(account)

    # -- the end of contracts ---------------------------------------------------------------------

    def end_contracts(self, account: Account) -> list[Position]:
        """End every position whose last day is over; return them as they are now."""
        today = self._house.expiry_day()
        over = [entry for entry in account.held() if expiry.is_over(entry.instrument, today)]
        for entry in over:
            self.end(account, entry)
        return over

    def end(self, account: Account, entry: Position) -> None:
        """End one position as if its last day were over. Raises ValueError if it has no end."""
        item = entry.instrument
        below = self._house.below(item)
        if item.expiry is None or below is None:
            raise ValueError(f"instrument: {item.local_symbol} is not allowed; allowed: a contract"
                             " that expires")  # fmt: skip
        spot = self._house.valuer.price(below)
        self._close(account, entry, entry.quantity, expiry.ending(item, entry.quantity, spot))

    def assign(self, account: Account, entry: Position, quantity: Decimal) -> None:
        """Assign written options early. Raises ValueError unless so many are written."""
        item = entry.instrument
        below = self._house.below(item)
        if (
            item.sec_type not in ("OPT", "FOP")
            or below is None
            or not 0 < quantity <= (-entry.quantity)
        ):
            raise ValueError(
                f"quantity: {quantity} is not allowed; allowed: above 0, up to {-entry.quantity}"
                " written options"
            )
        spot = self._house.valuer.price(below)
        self._close(account, entry, -quantity, expiry.exercised(item, -quantity, spot))

    def _close(self, account: Account, entry: Position, held: Decimal, end: Ending) -> None:
        """Close so much of a position at the ending's price and deliver the underlying."""
        item = entry.instrument
        side = Side.SELL if held > 0 else Side.BUY
        account.apply(item, side, abs(held), end.close_price, ZERO)
        self._house.tell_position(account, entry)
        below = self._house.below(item)
        if end.delivery is not None and below is not None:
            given = end.delivery
            account.apply(below, given.side, given.quantity, given.price, ZERO)
            self._house.tell_position(account, account.positions[below.con_id])

    # -- exercise ---------------------------------------------------------------------------------

    def ask_exercise(
        self, account: Account, item: Instrument, quantity: Decimal, *, is_forced: bool
    ) -> str:
        """Note options to exercise tonight (to lapse: negative); return why not, else nothing.

        Without the override an option out of the money is not exercised, nor one in the money let
        go, as a gateway refuses what would throw money away.
        """
        held = account.quantity(item)
        if not 0 < abs(quantity) <= held:
            return f"No unlapsed position exists in this option for {abs(quantity):f} contracts"
        below = self._house.below(item)
        if below is None:
            return "The underlying is unknown"
        inner = expiry.inner_value(item, self._house.valuer.price(below))
        if quantity > 0 and not inner and not is_forced:
            return "The option is not in-the-money; override the default action to exercise it"
        if quantity < 0 and inner and not is_forced:
            return "The option is in-the-money; override the default action to let it lapse"
        account.exercises[item.con_id] = quantity
        return ""

    def _exercise(self, account: Account) -> None:
        asked, account.exercises = account.exercises, {}
        for con_id, quantity in asked.items():
            entry = account.positions.get(con_id)
            held = entry.quantity if entry is not None else ZERO
            below = self._house.below(entry.instrument) if entry is not None else None
            if entry is None or below is None or held <= 0:
                continue
            size, spot = min(abs(quantity), held), self._house.valuer.price(below)
            lapses = Ending(ZERO)
            end = expiry.exercised(entry.instrument, size, spot) if quantity > 0 else lapses
            self._close(account, entry, size, end)

    # -- variation margin -------------------------------------------------------------------------

    def _settle_futures(self, account: Account) -> None:
        """Pay each held future's gain or loss since it was last settled.

        The price is the one at which the day's results are counted. Net value does not move: what
        is paid no longer counts as an open result. With it goes what partial closings have left
        below a cent.
        """
        paid: dict[str, Decimal] = {}
        for entry in account.held():
            item = entry.instrument
            if is_paid_in_full(item):
                continue
            worth = entry.quantity * self._house.valuer.price(item) * unit_value(item)
            amount, entry.open_value = worth - entry.open_value, worth
            paid[item.currency] = paid.get(item.currency, ZERO) + amount
        for currency, amount in paid.items():
            if amount:
                self._house.move_cash(account, currency, amount)

    # -- the new day ------------------------------------------------------------------------------

    def _turn_day(self, account: Account) -> None:
        """Let sales settle, drop what is flat, and start the day's results."""
        account.settle(self._house.today())
        valuer = self._house.valuer
        account.positions = {
            con_id: entry for con_id, entry in account.positions.items() if entry.quantity
        }
        for entry in account.positions.values():
            price = valuer.price(entry.instrument)
            entry.day_value = entry.quantity * price * unit_value(entry.instrument)
            entry.day_flow = entry.realized = ZERO
        valuer.forget(account)
        account.day_equity = valuer.funds(account, ZERO).equity


def _until_night_s(now_s: float, zone: str) -> float:
    """Return the seconds until the next 02:30 of a zone; a night without 02:30 moves with it."""
    here = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    night = here.replace(hour=NIGHT_HOUR, minute=NIGHT_MINUTE, second=0, microsecond=0)
    if night.timestamp() <= now_s:
        night = (night + timedelta(days=1)).replace(fold=0)
    return night.timestamp() - now_s
