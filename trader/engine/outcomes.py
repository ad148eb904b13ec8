"""What becomes of what is asked of the gateway."""

from dataclasses import dataclass
from enum import StrEnum

from trader.core.ids import OrderId
from trader.core.orders import OrderState
from trader.core.risk.codes import HOLD_CODE


class OutcomeKind(StrEnum):
    """What became of a submission or of a change."""

    SENT = "sent"
    REFUSED = "refused"
    WITHHELD = "withheld"
    HOLD = "hold"  # sound, and held back by the concentration guard
    NOT_SENT = "not_sent"  # approved in dry run or shadow
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a submission; asked again with the same intent, it is the same."""

    kind: OutcomeKind
    code: str
    text: str
    order_id: OrderId | None = None


_BEFORE_ANSWER = {
    OrderState.PLANNED: OutcomeKind.UNCERTAIN,
    OrderState.JOURNALED: OutcomeKind.UNCERTAIN,
    OrderState.UNKNOWN: OutcomeKind.UNCERTAIN,
    OrderState.WITHHELD: OutcomeKind.WITHHELD,
}


def kind_before_answer(state: OrderState) -> OutcomeKind:
    """Return what a submission is told of the order that an earlier one with its id has made."""
    return _BEFORE_ANSWER.get(state, OutcomeKind.SENT)


def kind_of_refusal(code: str) -> OutcomeKind:
    """Return what a refusal by this code is."""
    return OutcomeKind.HOLD if code == HOLD_CODE else OutcomeKind.REFUSED
