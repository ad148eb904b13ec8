"""Orders that depend on one another: brackets and one-cancels-all groups.

A child waits until its parent has filled, and goes when its parent is cancelled. In a group, what
one order trades ends the others (type 1) or takes the same share from each (types 2 and 3). The
children of one parent are a group of their own, named by the parent's permanent id.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.broker.matching import scaled
from trader.sim.model.orders import Order, Status

CANCEL_ALL, REDUCE_WITH_BLOCK, REDUCE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class End:
    """An order of a group must end."""

    order: Order


@dataclass(frozen=True, slots=True)
class Reduce:
    """An order of a group keeps only this quantity."""

    order: Order
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Release:
    """A child need not wait any longer; with a quantity it is reduced to that first."""

    order: Order
    quantity: Decimal | None = None


Effect = End | Reduce | Release


class Groups:
    """Who depends on whom, among the live orders."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], dict[int, Order]] = {}
        self._children: dict[int, dict[int, Order]] = {}

    def join(self, order: Order, parent: Order | None) -> None:
        """Take a new order into its group and under its parent."""
        if parent is not None:
            order.awaits_parent = parent.status is not Status.FILLED
            self._children.setdefault(parent.perm_id, {})[order.perm_id] = order
            if not order.terms.oca_group:
                name = str(parent.perm_id)
                order.terms = replace(order.terms, oca_group=name, oca_type=REDUCE)
        if order.terms.oca_group:
            self._members.setdefault(_key(order), {})[order.perm_id] = order

    def leave(self, order: Order) -> None:
        """Take an order that has ended out of its group and from under its parent."""
        rows: tuple[tuple[dict[int, Order] | None, str], ...] = (
            (self._members.get(_key(order)), "group"),
            (self._children.get(order.parent_perm_id), "children"),
        )
        for row, kind in rows:
            if row is None:
                continue
            row.pop(order.perm_id, None)
            if not row and kind == "group":
                del self._members[_key(order)]
            elif not row:
                del self._children[order.parent_perm_id]

    def children(self, order: Order) -> list[Order]:
        """Return the live children of an order."""
        return list(self._children.get(order.perm_id, {}).values())

    def after_fill(self, order: Order, quantity: Decimal) -> list[Effect]:
        """Return what a fill does to the others; the order's own numbers are already counted."""
        found: list[Effect] = []
        if order.terms.oca_group:
            found += self._oca(order, quantity)
        if not order.remaining:
            found += [Release(child) for child in self.children(order)]
        return found

    def _oca(self, order: Order, quantity: Decimal) -> list[Effect]:
        others = [o for o in self._members.get(_key(order), {}).values() if o is not order]
        if order.terms.oca_type == CANCEL_ALL:
            return [End(other) for other in others]
        left = order.remaining / (order.remaining + quantity)
        found: list[Effect] = []
        for other in others:
            keeps = scaled(other.remaining, left, other.instrument.size_step)
            if keeps <= 0:
                found.append(End(other))
            elif keeps < other.remaining:
                found.append(Reduce(other, other.filled + keeps))
        return found

    def after_end(self, order: Order) -> list[Effect]:
        """Return what becomes of the children of an order that ended without filling whole.

        What it had bought still needs its exit: the children stay, for that much.
        """
        waiting = [child for child in self.children(order) if child.awaits_parent]
        if not order.filled:
            return [End(child) for child in waiting]
        share = order.filled / order.quantity
        return [
            Release(child, scaled(child.quantity, share, child.instrument.size_step))
            for child in waiting
        ]


def _key(order: Order) -> tuple[str, str]:
    return order.account, order.terms.oca_group
