"""What the gateway itself says of an intent, before or after the review; and what a code is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One reason: a sentence, an example of what is recorded, and what to do."""

    code: str
    topic: str
    sentence: str
    example: str
    remedy: str


GATEWAY_CODES = (
    Code(
        "HALTED",
        "gateway",
        "Trading is halted.",
        "operator: lunch",
        "See `trader status` for the causes, remove them, then `trader resume --reason ...`.",
    ),
    Code(
        "STRATEGY_HALTED",
        "gateway",
        "A breaker has halted this strategy; its exits and every other strategy go on.",
        "strategy momentum: 0.1 (at or below 0.2 is bad): 64 days",
        "See `trader breakers`; decide about the strategy, then `trader reset psr:momentum`.",
    ),
    Code(
        "INTENT_REUSED",
        "gateway",
        "The intent's id was used before, with another content or too long ago to tell.",
        "intent abc123-alpha-7 was used before with another content",
        "A bug in whatever numbers the intents: it must never use a number twice.",
    ),
    Code(
        "PACING",
        "gateway",
        "No message slot was free before the intent's deadline.",
        "no message slot before the deadline",
        "Send fewer messages, or give intents a longer deadline (`intent_deadline_s`).",
    ),
    Code(
        "JOURNAL",
        "gateway",
        "The journal could not keep the promise, so no byte left.",
        "the disk did not answer before the deadline",
        "Look at the disk; the daemon halts until its journal can be written.",
    ),
    Code(
        "WITHHELD",
        "gateway",
        "The last check before the socket refused: no byte left.",
        "position is 0 by now, exits 10: the order would not only reduce",
        "Nothing: what it was meant for had changed.",
    ),
    Code(
        "UNCERTAIN",
        "gateway",
        "Bytes may have left and nobody knows.",
        "the socket broke while writing",
        "Nothing: the order counts at its full size until reconciliation has asked the broker.",
    ),
    Code(
        "ORDER_UNKNOWN",
        "gateway",
        "There is no order of that id.",
        "there is no order 99",
        "Name the order by its order id, as the orders page and `trader status` show it.",
    ),
    Code(
        "ORDER_NOT_OWN",
        "gateway",
        "The order that is to be changed belongs to another strategy.",
        "order 17 is an order of momentum",
        "A strategy changes its own orders only; a person uses the API or cancels.",
    ),
    Code(
        "ORDER_NOT_WORKING",
        "gateway",
        "The order that is to be changed is not one that the broker is known to work.",
        "order 17 is CANCELLING",
        "Wait until it is answered; once it is over, make a new intent.",
    ),
    Code(
        "ORDER_DOUBLED",
        "gateway",
        "The broker has given the order a second permanent id: two orders may live under its id.",
        "order 17 has two permanent ids at the broker",
        "Cancel it; reconciliation cancels until neither lives. Then make a new intent.",
    ),
    Code(
        "CHANGE_OPEN",
        "gateway",
        "An earlier change of the order is not settled yet.",
        "change 2 of order 17 is UNCERTAIN",
        "Wait for the broker's answer, or cancel the order.",
    ),
    Code(
        "CHANGE_INVALID",
        "gateway",
        "The change names nothing that the order has, or nothing that can be.",
        "quantity 5, of which 7 has filled",
        "Name a term that the order has, with a value that it does not have yet.",
    ),
    Code(
        "UNWRITABLE",
        "gateway",
        "The intent holds values that cannot be written down, so it is not recorded.",
        "QUANTITY_NOT_A_NUMBER: Decimal('NaN'), allowed is a number above 0",
        "Mend whatever made the intent.",
    ),
    Code(
        "UNREAL",
        "gateway",
        "It is of a replay or shadow and came to a real gateway, or back.",
        "intent replay-momentum-3 is refused: it is replay, and allowed here is what is real",
        "Nothing was sent. Find out who hands intents across; nothing of ours does.",
    ),
)
