"""What could be lost without a daemon, read from its journal while nobody writes, or while it does.

Reads only, from a connection of its own, and only the published views. What cannot be read is
said, never taken for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from trader.core.amounts import ZERO
from trader.core.ids import Seq
from trader.ports import Anchor
from trader.store.anchored import Held, doubt_about
from trader.store.onlooker import one_moment
from trader.store.rows import JournalUnusable

_WORKING = """SELECT side, quantity, desired_quantity, symbol, state FROM v_orders
    WHERE state NOT IN ('WITHHELD', 'FILLED', 'CANCELLED', 'REJECTED') ORDER BY seq"""
_HELD = "SELECT con_id, symbol, quantity FROM v_position_parts ORDER BY seq"
_LINEAGE = """SELECT json_extract(payload, '$.lineage') FROM events
    WHERE kind IN ('JournalOpened', 'JournalRestored') ORDER BY seq DESC LIMIT 1"""
_LAST = "SELECT coalesce(max(seq), 0) FROM events"
# Where an upgrade has computed it, the seam's.
_DIGEST = """SELECT lower(hex(coalesce(seam.digest, event.digest))) FROM events AS event
    LEFT JOIN journal_seams AS seam ON seam.seq = event.seq WHERE event.seq = ?"""
_BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """Orders that may still trade, and positions, each in words."""

    orders: tuple[str, ...]
    positions: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Tell whether anything could be lost."""
        return bool(self.orders or self.positions)


def exposure(path: Path) -> Exposure:
    """Return what the journal at ``path`` leaves open; raises JournalUnusable.

    No journal at all is no exposure: nothing leaves without a promise in it.
    """
    if not path.exists():
        return Exposure((), ())
    try:
        with one_moment(path, _BUSY_S) as db:
            orders = tuple(
                f"{side} {_either(quantity, desired)} {symbol} {state}"
                for side, quantity, desired, symbol, state in db.execute(_WORKING)
            )
            return Exposure(orders, _held(db.execute(_HELD)))
    except (InvalidOperation, TypeError, ValueError) as error:
        raise JournalUnusable(f"{path}: a quantity cannot be read: {error!r}") from error


def staleness(path: Path, newest: Anchor) -> str:
    """Say why a journal may not tell what is open now; empty when it has what its anchor knows.

    One that was restored says nothing of what came after its copy was made, until a daemon has
    compared it with the broker and a person has let it go on: its own anchors begin there. Raises
    JournalUnusable.
    """
    with one_moment(path, _BUSY_S) as db:
        lineages = [str(name) for (name,) in db.execute(_LINEAGE)]
        ((last,),) = db.execute(_LAST)
        digests = [str(digest) for (digest,) in db.execute(_DIGEST, (newest.head.seq,))]
    held = Held("".join(lineages), Seq(last), "".join(digests))
    # What a person at a start should do is nobody's business here.
    return doubt_about(held, newest).partition("; ")[0]


def _either(quantity: str, desired: str | None) -> str:
    """Tell both quantities while nobody knows which of them the broker holds."""
    return quantity if desired in (None, quantity) else f"{quantity} or {desired}"


def _held(rows: Iterable[tuple[int, str, str]]) -> tuple[str, ...]:
    """Add up exactly: SQLite would add in floating point."""
    held: dict[int, Decimal] = {}
    names: dict[int, str] = {}
    for con_id, symbol, quantity in rows:
        held[con_id] = held.get(con_id, ZERO) + Decimal(quantity)
        names[con_id] = symbol
    return tuple(f"{names[key]} {amount}" for key, amount in held.items() if amount != ZERO)
