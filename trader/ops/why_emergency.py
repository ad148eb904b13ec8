"""The story of an order that left without the daemon, for a terminal and as JSON."""

from trader.core.emergency_story import EmergencyStory
from trader.ops.halt_record import utc_text
from trader.ops.why_text import moment_json, moment_line


def emergency_lines(story: EmergencyStory) -> list[str]:
    """Return the story, one event a line."""
    order = story.order
    return [
        f"emergency  {order.order_ref}: {order.side} {order.quantity} {order.symbol} at the "
        "market, without the daemon",
        f"sent       by {order.by} at {utc_text(order.sent_utc)}, client {order.client_id} "
        f"order {order.order_id}",
        f"outcome    {story.outcome}",
        f"paid       {_paid(story)}",
        "",
        *(moment_line(moment) for moment in story.moments),
    ]


def emergency_json(story: EmergencyStory) -> dict[str, object]:
    """Return the story as values that JSON can hold; numbers with digits stay text."""
    order, price = story.order, story.average_price
    return {
        "emergency": {
            "order_ref": order.order_ref,
            "client_id": order.client_id,
            "order_id": order.order_id,
            "con_id": order.con_id,
            "symbol": order.symbol,
            "side": order.side,
            "quantity": str(order.quantity),
            "sent": utc_text(order.sent_utc),
            "by": order.by,
        },
        "outcome": story.outcome,
        "filled": str(story.filled),
        "average_price": None if price is None else str(price),
        "commission": None
        if story.commission is None
        else {currency: str(amount) for currency, amount in story.commission},
        "moments": [moment_json(moment) for moment in story.moments],
    }


def _paid(story: EmergencyStory) -> str:
    if not story.fills:
        return "nothing"
    if story.commission is None:
        return "commission not reported yet for every execution"
    amounts = " and ".join(f"{amount.normalize():f} {name}" for name, amount in story.commission)
    return f"{amounts} commission"
