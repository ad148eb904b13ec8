"""Brackets: an entry that leaves together with the two orders that protect what it brings.

An intent with bracket terms becomes three orders: the entry, a limit order that takes the profit,
and a stop that bounds the loss. Each has an order id, a reference and an intent id of its own, the
legs' ids made from the entry's: a replay names the same three and collides. The legs only reduce,
have the entry's size and the other side, and every one of the three names all of them, so that a
restart links them again whatever it finds first (INC-064).

One promise. All three are recorded and durable before the first byte; then one last check, and
three messages in one write: the entry held back (transmit 0), the profit held back under its
parent, the stop last and with transmit 1, which lets all three go. So what a broken link or a
killed process leaves behind is nothing, or an entry that the gateway keeps back because its stop
never came, or the whole. Of the middle one every order is in doubt at the next start and asked for
by its reference; the first complete look without the stop has the entry cancelled, seen or not,
because a person could still transmit it by hand (INC-146). Nothing is ever sent a second time.

The legs are one group of type 2: what one of them fills is taken off the other, and the broker
routes one of them at a time, so that both cannot fill. Type 1 would cancel the stop at the first
share of a profit that fills in part and leave the rest alone; type 3 does not block.

What a leg may still trade is bounded by what its entry has brought and its group has not taken off
again (:mod:`trader.core.bracket_life`): before the first fill that is nothing, so the legs stand in
nobody's way, and both together never count for more than what they protect.
"""

from dataclasses import dataclass
from enum import StrEnum

from trader.core.ids import PROFIT_MARK, STOP_MARK, OrderId, leg_id
from trader.core.intents import BracketTerms, Intent, OrderType

# How the broker treats the other leg: reduced by what this one fills, and routed one at a time.
OCA_REDUCE_WITH_BLOCK = 2


class Role(StrEnum):
    """What an order is in its bracket."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"


@dataclass(frozen=True, slots=True)
class Membership:
    """An order's place in a bracket; all three members hold the same ids and the same group."""

    role: Role
    entry_id: OrderId
    take_profit_id: OrderId
    stop_loss_id: OrderId
    oca_group: str

    @property
    def legs(self) -> tuple[OrderId, OrderId]:
        """Return the ids of the two that protect, the stop first."""
        return self.stop_loss_id, self.take_profit_id

    @property
    def ids(self) -> tuple[OrderId, OrderId, OrderId]:
        """Return the ids of all three, in the order in which they are written."""
        return self.entry_id, self.take_profit_id, self.stop_loss_id

    @property
    def is_leg(self) -> bool:
        """Tell whether it is one of the two that protect."""
        return self.role is not Role.ENTRY


def leg_intents(intent: Intent) -> tuple[Intent, ...]:
    """Return what a bracket's legs are as intents, the profit first; none without a bracket."""
    terms = intent.bracket
    if terms is None:
        return ()
    return (_leg(intent, terms, Role.TAKE_PROFIT), _leg(intent, terms, Role.STOP_LOSS))


def _leg(intent: Intent, terms: BracketTerms, role: Role) -> Intent:
    is_stop = role is Role.STOP_LOSS
    return Intent(
        intent_id=leg_id(intent.intent_id, STOP_MARK if is_stop else PROFIT_MARK),
        strategy=intent.strategy,
        con_id=intent.con_id,
        side=intent.side.opposite,
        quantity=intent.quantity,
        order_type=OrderType.STOP if is_stop else OrderType.LIMIT,
        time_in_force=terms.time_in_force,
        limit_price=None if is_stop else terms.take_profit,
        stop_price=terms.stop_loss if is_stop else None,
        is_reduce_only=True,
        reason=f"{role.replace('_', ' ')} of {intent.intent_id}",
    )


def memberships(ids: tuple[OrderId, OrderId, OrderId], oca_group: str) -> tuple[Membership, ...]:
    """Return the places of the three orders with these ids, in the order they are written."""
    return tuple(Membership(role, *ids, oca_group) for role in Role)
