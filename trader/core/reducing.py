"""A plan of reductions carried out: how large each order may be, and when a round goes by itself.

A round sends the orders of one plan. What sends them without a person waits until the plan has
stood for as long as the policy says with nothing in the way, leaves time between two rounds for
the market and for the next plan, and gives up after some of them. How many went is counted in the
journal, so that a restart begins no count anew:

=====================  ============================================
what is seen           what follows
=====================  ============================================
no plan stands         all that is remembered of rounds is forgotten
something objects      wait, and the policy's time begins anew
the plan is too young  wait
the last round is too  wait
enough rounds went     give up, until no plan stands any more
otherwise              send
=====================  ============================================
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.ids import ConId
from trader.core.intents import Side
from trader.core.policy import OrderPolicy
from trader.core.reduction_events import Reduction

# Between two rounds that go by themselves.
PAUSE_S = 60.0
# So many did not end it: a person looks, before more is sold.
ROUNDS_MAX = 5
# Of one instrument in one round; the next round has the rest.
PARTS_MAX = 10
# So many looks in a row must have asked for what goes by itself: never on one tick's word.
LOOKS = 10


class Step(StrEnum):
    """What is to be done about a plan at this moment."""

    WAIT = "wait"
    SEND = "send"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Rounds:
    """What has been done about the plan that stands; monotonic seconds."""

    # Since when it has stood with nothing in the way.
    clear_since_s: float | None = None
    last_s: float = float("-inf")


NO_ROUNDS = Rounds()


def next_step(
    rounds: Rounds, *, is_planned: bool, objection: str, count: int, after_s: float, now_s: float
) -> tuple[Rounds, Step]:
    """Return what to do, and what is remembered then; ``objection`` is empty where nothing does.

    ``count`` is how many rounds of this plan went by themselves.
    """
    if not is_planned:
        return NO_ROUNDS, Step.WAIT
    if objection:
        return replace(rounds, clear_since_s=None), Step.WAIT
    if rounds.clear_since_s is None:
        rounds = replace(rounds, clear_since_s=now_s)
    if count >= ROUNDS_MAX:
        return rounds, Step.GIVE_UP
    if now_s - _since_s(rounds, now_s) < after_s or now_s - rounds.last_s < PAUSE_S:
        return rounds, Step.WAIT
    return replace(rounds, last_s=now_s), Step.SEND


def wait_s(rounds: Rounds, after_s: float, now_s: float) -> float:
    """Return how long it is until the next round, if nothing comes in its way."""
    return max(0.0, _since_s(rounds, now_s) + after_s - now_s, rounds.last_s + PAUSE_S - now_s)


def _since_s(rounds: Rounds, now_s: float) -> float:
    return now_s if rounds.clear_since_s is None else rounds.clear_since_s


def lasting(looks: Collection[Collection[Reduction]]) -> Mapping[tuple[ConId, Side], Decimal]:
    """Return what every one of the last looks wanted taken off; nothing before there are enough.

    A price that was one tick's, on either side, asks for nothing that the others do not.
    """
    if len(looks) < LOOKS:
        return {}
    wanted = [{(row.con_id, row.side): row.quantity for row in rows} for rows in looks]
    return {key: min(row.get(key, ZERO) for row in wanted) for key in wanted[0]}


def parts(
    quantity: Decimal, increment: Decimal, unit_value: Decimal, policy: OrderPolicy
) -> tuple[Decimal, ...]:
    """Return the sizes of the orders that together sell or buy this quantity, or begin to.

    Each is a whole number of increments and within what one order may be, when one unit is worth
    ``unit_value`` at worst. Empty where not even one increment is.
    """
    return tuple(_parts(quantity, increment, unit_value, policy))


def _parts(
    quantity: Decimal, increment: Decimal, unit_value: Decimal, policy: OrderPolicy
) -> Iterator[Decimal]:
    if unit_value <= ZERO or increment <= ZERO:
        return
    most = min(policy.quantity_max, policy.notional_max / unit_value)
    most = most // increment * increment
    left = quantity // increment * increment
    for _ in range(PARTS_MAX):
        size = min(left, most)
        if size <= ZERO:
            return
        yield size
        left -= size
