"""What becomes of what is asked of the gateway."""

from dataclasses import dataclass
from enum import StrEnum

from trader.core.ids import OrderId


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
