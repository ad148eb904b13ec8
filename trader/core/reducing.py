"""A plan of reductions carried out: how large each order may be, and when a round goes by itself.

A round sends the orders of one plan. What sends them without a person waits until the plan has
stood for as long as the policy says with nothing in the way, leaves time between two rounds for
the market and for the next plan, and gives up after some of them:

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

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.policy import OrderPolicy

# Between two rounds that go by themselves.
PAUSE_S = 60.0
# So many did not end it: a person looks, before more is sold.
ROUNDS_MAX = 5
# Of one instrument in one round; the next round has the rest.
PARTS_MAX = 10


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
    count: int = 0


NO_ROUNDS = Rounds()


def next_step(
    rounds: Rounds, *, is_planned: bool, objection: str, after_s: float, now_s: float
) -> tuple[Rounds, Step]:
    """Return what to do, and what is remembered then; ``objection`` is empty where nothing does."""
    if not is_planned:
        return NO_ROUNDS, Step.WAIT
    if objection:
        return replace(rounds, clear_since_s=None), Step.WAIT
    if rounds.clear_since_s is None:
        rounds = replace(rounds, clear_since_s=now_s)
    if rounds.count >= ROUNDS_MAX:
        return rounds, Step.GIVE_UP
    if now_s - _since_s(rounds, now_s) < after_s or now_s - rounds.last_s < PAUSE_S:
        return rounds, Step.WAIT
    return replace(rounds, last_s=now_s, count=rounds.count + 1), Step.SEND


def without_effect(rounds: Rounds) -> Rounds:
    """Return the same after a round in which no order left: it does not count as one."""
    return replace(rounds, count=rounds.count - 1)


def wait_s(rounds: Rounds, after_s: float, now_s: float) -> float:
    """Return how long it is until the next round, if nothing comes in its way."""
    return max(0.0, _since_s(rounds, now_s) + after_s - now_s, rounds.last_s + PAUSE_S - now_s)


def _since_s(rounds: Rounds, now_s: float) -> float:
    return now_s if rounds.clear_since_s is None else rounds.clear_since_s


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
    most -= most % increment
    left = quantity - quantity % increment
    for _ in range(PARTS_MAX):
        size = min(left, most)
        if size <= ZERO:
            return
        yield size
        left -= size
