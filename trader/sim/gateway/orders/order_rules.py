"""How this gateway treats orders where real ones differ, by setting, build or mood.

All are off or at the usual value at the start. Actions and settings change them; the gateway and
its checks obey.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(slots=True)
class OrderRules:
    """The switches of the order side."""

    # Sees the orders and executions of every client.
    master_client_id: int | None = None
    # Whether a client may cancel another's order by its id, as one gateway was recorded to allow.
    allows_foreign_cancel: bool = False
    # Whether another client's orders are listed with order id 0 instead of their own.
    hides_foreign_ids: bool = False
    # Whether a change of a child whose parent is gone is refused (135) though the child works.
    refuses_gone_parent: bool = False
    # Whether an id that has ended can be used again, as a new order.
    revives_ended_ids: bool = False
    # Whether combinations are kept and shown with their legs in another order than they came in,
    # so that a change in the client's own order is of another contract (105).
    rewrites_combos: bool = False
    # Whether orders that are no volatility orders are shown with a volatility all the same, which
    # a change must not send back (321).
    fills_in_volatility: bool = False
    # How many of the next orders are shown without a permanent id, for how many messages each.
    perm_ids_withheld: int = 0
    messages_withheld: int = 2
    # Precautions set in the terminal: largest order, furthest price from the market in percent.
    size_max: Decimal | None = None
    percent_max: Decimal | None = None

    @property
    def has_presets(self) -> bool:
        """Return whether any precaution is set."""
        return self.size_max is not None or self.percent_max is not None
