"""Orders that depend on one another: brackets and one-cancels-all groups.

A child waits for its parent's fills, and goes when its parent is cancelled untraded. What a parent
has filled in part lets the same share of its children into the market (INC-054); a child that has
traded all of its share ends what is left of the parent. In a group, what one order trades ends the
others (type 1) or takes the same share from each (types 2 and 3). The children of one parent are a
group of their own, named by the parent's permanent id.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.broker.floor.matching import scaled
from trader.sim.model.orders import Order, Status, Terms

CANCEL_ALL, REDUCE_WITH_BLOCK, REDUCE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class End:
    """An order must end, by what became of another; it may be shown with nothing left first."""

    order: Order
    is_emptied: bool = False


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


@dataclass(frozen=True, slots=True)
class Grow:
    """A child in the market may trade so much more of its size."""

    order: Order
    quantity: Decimal


Effect = End | Reduce | Release | Grow


class Groups:
    """Who depends on whom, among the live orders."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], dict[int, Order]] = {}
        self._children: dict[int, dict[int, Order]] = {}
        self._parents: dict[int, Order] = {}
        # Whether a part that a parent has filled lets the same part of its children trade.
        self.follows_parts = True

    def join(self, order: Order, parent: Order | None) -> None:
        """Take a new order into its group and under its parent."""
        if parent is not None:
            order.awaits_parent = parent.status is not Status.FILLED and not order.armed
            self._parents[parent.perm_id] = parent
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
                del self._parents[order.parent_perm_id]

    def children(self, order: Order) -> list[Order]:
        """Return the live children of an order."""
        return list(self._children.get(order.perm_id, {}).values())

    def after_fill(self, order: Order) -> list[Effect]:
        """Return what a fill does in the family; the order's own numbers are already counted."""
        parent = self._live_parent(order)
        found: list[Effect] = []
        if parent is not None and not order.remaining:
            found.append(End(parent))
        return found + self.arm(order)

    def arm(self, parent: Order) -> list[Effect]:
        """Return what the fills of a parent so far let its children do."""
        found = [self._armed(parent, child) for child in self.children(parent)]
        return [effect for effect in found if effect is not None]

    def _armed(self, parent: Order, child: Order) -> Effect | None:
        full = child.terms.quantity
        if child.awaits_parent and not parent.remaining:
            return Release(child)
        if not parent.filled or not full or not self.follows_parts:
            return None
        wanted = _share(parent, full, child)
        if child.awaits_parent:
            return Release(child, wanted)
        return Grow(child, wanted - child.armed) if wanted > child.armed else None

    def sized(self, order: Order, terms: Terms) -> tuple[Terms, Decimal, Decimal]:
        """Return a change's terms, the size it gives an order in the market, and what is armed.

        Of a child whose parent has filled in part, its own size is meant, unless what is shown of
        it came back: then it keeps what it has.
        """
        assert terms.quantity is not None, "checked by the gateway"
        parent = self._live_parent(order)
        if parent is None or not order.armed:
            return terms, max(terms.quantity, order.filled), order.armed
        if terms.quantity == order.quantity:
            return replace(terms, quantity=order.terms.quantity), order.quantity, order.armed
        armed = _share(parent, terms.quantity, order)
        return terms, max(order.quantity + armed - order.armed, order.filled), armed

    def _live_parent(self, order: Order) -> Order | None:
        found = self._parents.get(order.parent_perm_id)
        return None if found is None or found.status.is_done else found

    def in_group(self, order: Order, left: Decimal) -> list[Effect]:
        """Return what a fill that leaves this share of an order does to the others of its group."""
        if not order.terms.oca_group:
            return []
        others = [o for o in self._members.get(_key(order), {}).values() if o is not order]
        if order.terms.oca_type == CANCEL_ALL:
            return [End(other) for other in others]
        found: list[Effect] = []
        for other in others:
            keeps = scaled(other.remaining, left, other.instrument.size_step)
            if keeps <= 0:
                # Seen of a bracket whose parent had filled in part only (INC-054).
                parent = self._parents.get(other.parent_perm_id)
                is_part = parent is not None and parent.status is not Status.FILLED
                found.append(End(other, is_emptied=is_part))
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


def _share(parent: Order, full: Decimal, child: Order) -> Decimal:
    # Multiplied first: a share such as three sevenths has no exact decimal.
    part = full * parent.filled / parent.quantity
    return min(scaled(part, Decimal(1), child.instrument.size_step), full)


def _key(order: Order) -> tuple[str, str]:
    return order.account, order.terms.oca_group
