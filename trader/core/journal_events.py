"""What happened to the journal itself."""

from dataclasses import dataclass

from trader.core.ids import Lineage, OrderId


@dataclass(frozen=True, slots=True)
class JournalRestored:
    """A copy took the journal's place: what was recorded behind the event before this is lost.

    The lost part has named intents and used order ids that nobody can list. So new intents get
    another ``lineage``, and order ids go on above ``order_id_floor``; ``former`` are the lineages
    that are ours as well. ``copied_at`` says where the copy ended: ``SEQ:DIGEST``.
    """

    lineage: Lineage
    former: tuple[Lineage, ...]
    order_id_floor: OrderId
    copied_at: str
    source: str
    set_aside: str
    reason: str
    by: str
