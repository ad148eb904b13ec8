"""Which moves of the machines, and which kinds of difference, the seeds have made.

A pair of state and event counts when the daemon has asked its table for it, also when a start folds
its journal again. What no seed reaches, no seed proves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from trader.core import orders
from trader.core.changes import CHANGES, ChangeEvent, ChangeState, next_change_state
from trader.core.drifts import Drift, DriftKind
from trader.core.orders import TABLE, OrderEvent, OrderState


def count_moves(into: Counter[str]) -> None:
    """Count every move of an order and of a change from now on, in this process."""
    order_after = orders.next_state

    def counted_order(state: OrderState, event: OrderEvent) -> OrderState | None:
        after = order_after(state, event)
        into[_order(state, event) if after is not None else "refused by the order machine"] += 1
        return after

    def counted_change(state: ChangeState, event: ChangeEvent) -> ChangeState | None:
        after = next_change_state(state, event)
        if after is not None:
            into[_change(state, event)] += 1
        return after

    # Where the book takes them from.
    vars(orders).update(next_state=counted_order, next_change_state=counted_change)


def count_drifts(into: Counter[str], drifts: tuple[Drift, ...]) -> None:
    """Count the kinds of what a reconciliation has found."""
    into.update(f"drift {drift.kind}" for drift in drifts)


def possible() -> list[str]:
    """Return everything that there is to reach."""
    return [
        *(_order(*pair) for pair in TABLE),
        *(_change(*pair) for pair in CHANGES),
        *(f"drift {kind}" for kind in DriftKind),
    ]


def table(reached: Mapping[str, int]) -> str:
    """Return how much of each was reached, and what was not, for the document."""
    lines = []
    for name, text in (
        ("order", "pairs of order state and event"),
        ("change", "pairs of change state and event"),
        ("drift", "kinds of difference between book and broker"),
    ):
        there = [one for one in possible() if one.startswith(f"{name} ")]
        never = [one.removeprefix(f"{name} ") for one in there if not reached.get(one)]
        line = f"- {text}: {len(there) - len(never)} of {len(there)}"
        lines.append(f"{line}; never {', '.join(f'*{one}*' for one in never)}" if never else line)
    return "\n".join(lines)


def _order(state: OrderState, event: OrderEvent) -> str:
    return f"order {state}, {event}"


def _change(state: ChangeState, event: ChangeEvent) -> str:
    return f"change {state}, {event}"
