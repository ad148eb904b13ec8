"""The line between what is real and what is not: no intent of a replay or shadow crosses it.

The tag is part of the intent's id, so it cannot be lost on the way, and nothing can switch it: an
id with a tag is another id (EVT-20). It is looked at by the gateway, before anything is recorded,
and again at the socket, by whoever writes.
"""

import structlog

from trader.core.ids import Lineage, OrderId, tag_of
from trader.core.intents import Intent
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.ports import Pager

log = structlog.get_logger(__name__)


def stray_refusal(intent: Intent, tag: Lineage | None, pager: Pager) -> Outcome | None:
    """Refuse an intent that is not of this side; ``tag`` is that of the gateway, None a real one.

    It is no event of this journal: nothing of a replay or a shadow is ever in a real one.
    """
    found = tag_of(intent.intent_id)
    if found == tag:
        return None
    sides = f"it is {found or 'real'}, and allowed here is what is {tag or 'real'}"
    text = f"intent {intent.intent_id} is refused: {sides}"
    log.error("intent of the other side", intent=str(intent.intent_id), text=text)
    pager.page("critical", "an intent was on the wrong side", text)
    return Outcome(OutcomeKind.REFUSED, "UNREAL", text)


def reused(intent: Intent, order_id: OrderId | None, pager: Pager) -> Outcome:
    """Refuse an intent whose id has been used for another content: a bug of who wished it."""
    text = f"intent {intent.intent_id} was used before with another content"
    pager.page("critical", "intent id reused", text)
    return Outcome(OutcomeKind.REFUSED, "INTENT_REUSED", text, order_id)
