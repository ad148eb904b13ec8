"""One instrument on its way to flat: when to send a close, when to wait, when to stop.

A close is sent only while the broker's live position is exactly what the first reading and the
executions since then amount to; anything else is a reading that lags (wait for it) or somebody
else at work (stop, a person decides). So a fill that the position does not show yet can never be
sold a second time, and no sequence of fills, lags and cancels takes a position across zero
(INC-032).
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.flatten import close_quantity, close_side
from trader.core.ids import AccountId, ClientId, OrderId, OrderRef
from trader.core.instruments import Instrument
from trader.core.intents import Side, reduces

ATTEMPTS_MAX = 4


@dataclass(frozen=True, slots=True)
class Closing:
    """What is known of one instrument since its first settled reading.

    ``start`` is that reading, ``moved`` the signed quantity of our own executions since then,
    ``sent`` how many closing orders have left.
    """

    start: Decimal
    moved: Decimal = ZERO
    sent: int = 0

    @property
    def expected(self) -> Decimal:
        """Return what the broker should hold now."""
        return self.start + self.moved


@dataclass(frozen=True, slots=True)
class Sight:
    """One complete look at the instrument."""

    position: Decimal
    # What other orders, of ours or of strangers, may still take off.
    exits: Decimal
    # What our own closing order may still trade; zero when there is none or it is proven dead.
    closing: Decimal
    increment: Decimal
    # What somebody else has traded since the first reading; empty when nobody has.
    foreign: str = ""
    # An execution is so young that the position may not show it yet.
    is_fresh: bool = False
    # What orders that are over may have taken off: their executions may still come (INC-024).
    settling: Decimal = ZERO
    # An order of either side is over, and may have filled.
    is_settling: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send one closing order of exactly this."""

    side: Side
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again; nothing may be sent now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Flat:
    """The broker holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Send nothing more: a person decides. ``must_cancel`` says that our order must go too."""

    reason: str
    must_cancel: bool = False


Step = Send | Wait | Flat | Stop


@dataclass(frozen=True, slots=True)
class ClosingOrder:
    """One closing order on its way out, with the position it was sized from.

    It cannot be made to do anything but shrink that position: the broker port takes it without
    a risk review for this reason alone.
    """

    order_id: OrderId
    client_id: ClientId
    order_ref: OrderRef
    account: AccountId
    instrument: Instrument
    side: Side
    quantity: Decimal
    held: Decimal

    def __post_init__(self) -> None:
        signed = self.quantity * self.side.sign
        assert self.quantity > ZERO, f"closing order of {self.quantity}"
        assert reduces(self.held, signed), f"{signed} does not only shrink {self.held}"


def next_step(closing: Closing, sight: Sight) -> Step:
    """Decide what follows a look; the checks stand in the order of what they prevent."""
    if sight.foreign:
        return Stop(f"somebody else traded it: {sight.foreign}", must_cancel=True)
    if sight.position * closing.start < ZERO:
        return Stop(f"it went from {closing.start} to {sight.position}", must_cancel=True)
    if closing.expected * closing.start < ZERO:
        return Stop(f"our executions make it {closing.expected}", must_cancel=True)
    if sight.closing > ZERO:
        return Wait(f"our closing order works, {sight.closing} to go")
    if sight.position != closing.expected:
        return Wait(f"the broker shows {sight.position}, our executions make {closing.expected}")
    if sight.position == ZERO:
        return Wait("an order that is over may have filled") if sight.is_settling else Flat()
    if sight.is_fresh:
        return Wait("an execution is too young for the position to show it")
    if closing.sent >= ATTEMPTS_MAX:
        return Stop(f"{closing.sent} closing orders were sent, {sight.position} is left")
    quantity = close_quantity(sight.position, sight.exits + sight.settling, sight.increment)
    if quantity <= ZERO and sight.settling > ZERO:
        return Wait(f"orders that are over may have taken {sight.settling} off")
    if quantity <= ZERO:
        return Stop(_why_nothing(sight))
    return Send(close_side(sight.position), quantity)


def _why_nothing(sight: Sight) -> str:
    if sight.exits > ZERO:
        return f"other orders may still take {sight.exits} of {sight.position} off"
    return f"{sight.position} is below the size increment of {sight.increment}"
