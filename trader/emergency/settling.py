"""What is left of orders that are over, until their executions can no longer be on the way.

A broker may report executions after it has said Cancelled or refused an order (INC-024). Closed
at once, what such an order had sold would be sold a second time, and the position would cross
zero. So what was left of it counts as if it worked until a complete look, begun ``settle_s`` after
it was over, has told all executions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.executions import Execution, newest
from trader.core.flatten import Resting
from trader.core.ids import ConId, ExecId

_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An order as it was last seen, with its whole size."""

    row: Resting
    size: Decimal


class Settling:
    """The orders of one run that were seen, and those of them that are over and not settled."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._alive: dict[_Key, _Seen] = {}
        self._over: dict[_Key, tuple[_Seen, float]] = {}

    def looked(
        self, rows: Iterable[tuple[Resting, Decimal]], *, began_s: float, now_s: float
    ) -> None:
        """Take in a complete look: what works, each with its whole size, and when it was asked."""
        alive = {_key(row): _Seen(row, size) for row, size in rows}
        for key, seen in self._alive.items():
            if key not in alive:
                self._over.setdefault(key, (seen, now_s))
        self._over = {
            key: over
            for key, over in self._over.items()
            if key not in alive and began_s < over[1] + self._settle_s
        }
        self._alive = alive

    def ended(self, row: Resting, size: Decimal, now_s: float) -> None:
        """Note an order that the broker has called over."""
        self._over.setdefault(_key(row), (_Seen(row, size), now_s))

    def left(self, con_id: ConId, executions: Mapping[ExecId, Execution]) -> list[Resting]:
        """Return what may still come of an instrument's orders that are over."""
        rows = []
        for seen, _ in self._over.values():
            if seen.row.con_id != con_id:
                continue
            remaining = min(seen.row.remaining, seen.size - _filled(seen.row, executions))
            if remaining > ZERO:
                rows.append(replace(seen.row, remaining=remaining))
        return rows

    def unsettled(self) -> frozenset[ConId]:
        """Return the instruments of which an order has just ended, whatever it has filled."""
        return frozenset(seen.row.con_id for seen, _ in self._over.values())

    def is_open(self, executions: Mapping[ExecId, Execution]) -> bool:
        """Tell whether anything may still come."""
        con_ids = {seen.row.con_id for seen, _ in self._over.values()}
        return any(self.left(con_id, executions) for con_id in con_ids)


def _key(row: Resting) -> _Key:
    # An order entered by hand has no id of its own but the permanent one.
    return (row.client_id, row.order_id) if row.order_id else (-1, row.perm_id)


def _filled(row: Resting, executions: Mapping[ExecId, Execution]) -> Decimal:
    own = newest(one for one in executions.values() if _is_of(one, row))
    return sum((one.quantity for one in own.values()), start=ZERO)


def _is_of(one: Execution, row: Resting) -> bool:
    if row.order_id:
        return (one.client_id, one.order_id) == (row.client_id, row.order_id)
    return one.perm_id == row.perm_id
