"""One decision with what came of it, gathered row by row while it may still change.

Executions are the truth of a fill; a later revision of one replaces it. The legs of a bracket are
decisions of their own, told apart by their mark. What is over is let go: a run of months is never
held.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.decisions import Row, mark_of
from trader.core.ids import PROFIT_MARK, STOP_MARK, ExecFamily, ExecId, exec_family

_US = 1_000_000
# After its end an order's late executions and commissions are waited for so long.
GRACE_US = 600 * _US
_DAY_US = 86_400 * _US
_LASTS_US = {"IOC": GRACE_US, "DAY": _DAY_US}
# Executions of other orders have commissions, too, and wait for nothing.
_EARLY_MAX = 1_000
_OTHER_LEG = {STOP_MARK: PROFIT_MARK, PROFIT_MARK: STOP_MARK}

Key = tuple[str, str, str, str, str]


@dataclass(slots=True, eq=False)
class Decided:
    """One decision; ``row`` is its intent's."""

    row: Row
    # What its strategy held of the instrument then, by what was compared: its own side, the other.
    held: tuple[Decimal, Decimal] = (ZERO, ZERO)
    # Since which fill the two have held otherwise; empty while they do not.
    parted: str = ""
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    first_us: int | None = None
    commission: Decimal = ZERO
    # Executions whose commission nobody has told yet.
    unpriced: int = 0
    multiplier: Decimal = Decimal(1)
    currency: str = ""
    ended_us: int | None = None
    is_cancelled: bool = False

    @property
    def at_us(self) -> int:
        """Return when it was decided."""
        return int(self.row["at_us"])

    @property
    def key(self) -> Key:
        """Return what a partner must share: strategy, instrument, side, purpose, which leg."""
        row = self.row
        return (
            str(row["strategy"]), str(row["symbol"]), str(row["side"]),
            str(row["is_reduce_only"]), mark_of(str(row["intent_id"])),
        )  # fmt: skip

    @property
    def quantity(self) -> Decimal:
        """Return how much it wished for."""
        return Decimal(str(self.row["quantity"]))

    @property
    def is_approved(self) -> bool:
        """Tell whether it was routed."""
        return self.row["verdict"] == "approved"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell."""
        return 1 if self.row["side"] == "BUY" else -1

    @property
    def price(self) -> Decimal | None:
        """Return the average price of what filled, None of nothing."""
        return self.paid / self.filled if self.filled else None

    @property
    def share(self) -> Decimal:
        """Return which share of what it wished for has filled."""
        return self.filled / self.quantity if self.quantity else ZERO

    @property
    def notional(self) -> Decimal:
        """Return what its fills are worth."""
        return self.paid * self.multiplier

    @property
    def fill_s(self) -> Decimal | None:
        """Return how many seconds after the decision it first filled; None if it did not."""
        return None if self.first_us is None else Decimal(self.first_us - self.at_us) / _US

    def is_over(self, now_us: int) -> bool:
        """Tell whether nothing of it is expected to change any more."""
        if not self.is_approved:
            return True
        ended_us, lasts_us = self.ended_us, _LASTS_US.get(str(self.row["time_in_force"]))
        if ended_us is None and lasts_us is not None:
            ended_us = self.at_us + lasts_us
        return ended_us is not None and now_us > ended_us + GRACE_US


@dataclass(slots=True)
class _Fill:
    """The latest revision of one execution."""

    decided: Decided
    revision: int
    quantity: Decimal
    price: Decimal
    commission: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a row adds to a decision: a quantity, what was paid for it, a commission."""

    decided: Decided
    quantity: Decimal
    paid: Decimal
    commission: Decimal


class Follower:
    """Follows one run: which decisions are open and what each row changes of them."""

    def __init__(self) -> None:
        self._open: dict[str, Decided] = {}
        self._fills: dict[ExecFamily, _Fill] = {}
        # Commissions that came before their execution.
        self._early: dict[ExecFamily, Decimal] = {}

    @property
    def open_count(self) -> int:
        """Return how many decisions are kept."""
        return len(self._open)

    def add(self, decided: Decided) -> None:
        """Follow a decision from here on."""
        self._open[str(decided.row["intent_id"])] = decided

    def drop_over(self, now_us: int) -> None:
        """Let go what does not change any more."""
        for name in [name for name, one in self._open.items() if one.is_over(now_us)]:
            del self._open[name]
        for family in [key for key, row in self._fills.items() if row.decided.is_over(now_us)]:
            del self._fills[family]

    def on_fill(self, row: Row) -> Change | None:
        """Take an execution; None where it is of nothing that is followed, or says nothing new."""
        name, at_us = str(row["intent_id"]), int(row["at_us"])
        decided = self._open.get(name)
        family, revision = exec_family(ExecId(str(row["exec_id"])))
        former = self._fills.get(family)
        if decided is None or (former is not None and former.revision >= revision):
            return None
        quantity, price = Decimal(str(row["quantity"])), Decimal(str(row["price"]))
        more, paid, commission = quantity, quantity * price, ZERO
        if former is None:
            fill = self._fills[family] = _Fill(decided, revision, quantity, price)
            decided.unpriced += 1
            decided.multiplier = Decimal(str(row.get("multiplier", "1")))
            decided.currency = str(row.get("currency", ""))
            if (early := self._early.pop(family, None)) is not None:
                commission = _price(fill, early)
        else:
            more, paid = more - former.quantity, paid - former.quantity * former.price
            former.revision, former.quantity, former.price = revision, quantity, price
        decided.filled += more
        decided.paid += paid
        decided.first_us = at_us if decided.first_us is None else min(decided.first_us, at_us)
        if decided.filled >= decided.quantity:
            decided.ended_us = at_us
            self._end_other_leg(name, at_us)
        return Change(decided, more, paid, commission)

    def on_commission(self, row: Row) -> Change | None:
        """Take a commission; None where its execution is not known, or not yet."""
        family, _ = exec_family(ExecId(str(row["exec_id"])))
        amount, fill = Decimal(str(row["amount"])), self._fills.get(family)
        if fill is None:
            self._early[family] = amount
            if len(self._early) > _EARLY_MAX:
                del self._early[next(iter(self._early))]
            return None
        return Change(fill.decided, ZERO, ZERO, _price(fill, amount))

    def on_cancel(self, row: Row) -> None:
        """Take the sending of a cancel: what is cancelled ends soon, its legs with it."""
        name, at_us = str(row["intent_id"]), int(row["at_us"])
        decided = self._open.get(name)
        if decided is None:
            return
        decided.is_cancelled, decided.ended_us = True, at_us
        for mark in (STOP_MARK, PROFIT_MARK):
            leg = self._open.get(name + mark)
            # What has filled of an entry keeps its legs.
            if leg is not None and not decided.filled:
                leg.ended_us = at_us

    def _end_other_leg(self, name: str, at_us: int) -> None:
        """End what the broker takes off by itself: the leg that is not needed any more."""
        other = _OTHER_LEG.get(mark_of(name))
        leg = None if other is None else self._open.get(name[:-1] + other)
        if leg is not None and leg.ended_us is None:
            leg.ended_us = at_us


def _price(fill: _Fill, amount: Decimal) -> Decimal:
    """Give an execution its commission; returns what that adds."""
    if fill.commission is None:
        fill.decided.unpriced -= 1
    more = amount - (fill.commission or ZERO)
    fill.decided.commission += more
    fill.commission = amount
    return more
