"""What a status and a truth say, read without asking anybody: pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from trader.drill_stage import Json

# What the strategy of the drills trades.
SYMBOLS = ("AAPL", "IBM", "MSFT", "GOOG")
_LIVE = frozenset({"PendingSubmit", "PreSubmitted", "Submitted"})
_FINAL = frozenset({"FILLED", "CANCELLED", "REJECTED", "WITHHELD"})
_NOTHING = Decimal(0)


def is_well(status: Json) -> bool:
    """Tell whether the daemon is READY, has compared, and sees what it trades."""
    compared = status.get("reconcile") or {"problem": "nothing was compared"}
    return (
        status.get("agent_state") == "READY"
        and not status.get("inputs_missing")
        and not compared["problem"]
        and not faulty_quotes(status)
    )


def faulty_quotes(status: Json) -> list[str]:
    """Return which of the traded instruments have no quote to trade on, and why."""
    rows = {row["symbol"]: row["fault"] for row in status.get("quotes", ())}
    return [f"{one}: {rows.get(one, 'missing')}" for one in SYMBOLS if rows.get(one, "missing")]


def run_of(status: Json) -> str:
    """Return the name of the last reconciliation; empty before the first."""
    compared = status.get("reconcile")
    return str(compared["run_id"]) if compared else ""


def orders_sent(status: Json) -> int:
    """Return how many orders it says that it has sent."""
    return int(status["tally"]["orders_sent"]) if status else 0


def complaint(status: Json) -> str:
    """Return in a line why the daemon is not READY."""
    if not status:
        return "no answer"
    found = [*status.get("reasons", ()), *status.get("inputs_missing", ()), *faulty_quotes(status)]
    return "; ".join(map(str, found)) or str(status.get("agent_state"))


def risk_added(
    truth: Json, held: Iterable[Json], since_s: float, until_s: float
) -> tuple[str, ...]:
    """Return the orders received in a span of CLOCK_MONOTONIC that add risk, in words.

    ``held`` are the positions at its beginning. What only shrinks one of them does not add risk.
    """
    left = {row["con_id"]: Decimal(row["quantity"]) for row in held}
    orders = {(row["client_id"], row["order_id"]): row for row in truth["orders"]}
    found = []
    for frame in truth["place_frames"]:
        if not since_s < frame["received_monotonic_s"] <= until_s:
            continue
        row = orders.get((frame["client_id"], frame["order_id"]))
        if row is None or not _shrinks(row, left):
            what = "unknown" if row is None else f"{row['side']} {row['quantity']} {row['symbol']}"
            found.append(f"order {frame['order_id']} ({what}, {frame['order_ref']})")
    return tuple(found)


def _shrinks(row: Json, left: dict[int, Decimal]) -> bool:
    """Tell whether an order only shrinks what is left, and take it off."""
    signed = Decimal(row["quantity"]) * (1 if row["side"] == "BUY" else -1)
    held = left.get(row["con_id"], _NOTHING)
    if held * signed >= 0 or abs(signed) > abs(held):
        return False
    left[row["con_id"]] = held + signed
    return True


def sent_twice(frames: Sequence[Json]) -> tuple[str, ...]:
    """Return the references and ids under which more than one new order reached the broker."""
    new = [frame for frame in frames if not frame["modify"]]
    refs = Counter(frame["order_ref"] for frame in new)
    ids = Counter((frame["client_id"], frame["order_id"]) for frame in new)
    twice = [f"reference {ref}, {count} times" for ref, count in refs.items() if count > 1]
    return (*twice, *(f"id {key[1]}, {count} times" for key, count in ids.items() if count > 1))


def unrest(status: Json, truth: Json) -> str:
    """Return what still moves, in words; empty when daemon and broker are at rest."""
    if not status:
        return "the daemon does not answer"
    if any(row["status"] in _LIVE for row in truth["orders"]):
        return "orders work at the broker"
    open_here = [row["order_id"] for row in status["orders"] if row["state"] not in _FINAL]
    if open_here:
        return f"orders {open_here} are not over in the book"
    if Decimal(status["money"]["commission_pending"]):
        return "commissions are pending"
    booked, happened = status["tally"]["executions"], len(truth["executions"])
    if booked != happened:
        return f"{booked} executions of {happened} are booked"
    journal = status["journal"]
    return "" if journal["durable_seq"] >= journal["seq"] else "the journal is behind the book"


def position_differences(status: Json, truth: Json) -> list[str]:
    """Return where the positions that the daemon shows are not the broker's."""
    shown, real = _held(status["positions"]), _held(truth["positions"])
    return [
        f"position {one}: the daemon shows {shown.get(one, 0)}, the broker has {real.get(one, 0)}"
        for one in sorted({*shown, *real})
        if shown.get(one) != real.get(one)
    ]


def _held(rows: Iterable[Json]) -> dict[int, Decimal]:
    found = {row["con_id"]: Decimal(row["quantity"]) for row in rows}
    return {key: quantity for key, quantity in found.items() if quantity}
