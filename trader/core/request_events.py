"""What is recorded of requests at the API door: what was asked for under a key, and the answer."""

from dataclasses import dataclass

from trader.core.ids import IntentId, OrderId

# The answer where a restore has lost what came of a request.
KEY_LOST = "KEY_LOST"


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """An order was asked for: ``key`` seals who asked and what will come of it.

    The same key with the same ``digest`` of the request always means this intent; it is recorded
    before the intent is reviewed.
    """

    key: str
    digest: str
    intent_id: IntentId
    by: str


@dataclass(frozen=True, slots=True)
class OrderRequestReceived:
    """A change or the cancel of an order was asked for; recorded before it is decided on.

    What exactly, the ``digest`` seals: the same key never means anything else.
    """

    key: str
    digest: str
    order_id: OrderId
    by: str


@dataclass(frozen=True, slots=True)
class RequestDecided:
    """The answer to a request on an order, where no promise and no refusal of a change holds it."""

    key: str
    is_approved: bool
    code: str
    text: str


RequestEvent = RequestReceived | OrderRequestReceived | RequestDecided
