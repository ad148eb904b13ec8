"""What happened to the journal itself."""

from dataclasses import dataclass

from trader.core.ids import Lineage, OrderId, Seq


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


@dataclass(frozen=True, slots=True)
class JournalArchived:
    """The events ``first`` to ``last`` are in an archive; of them only ``last`` is here as well.

    It is the link: the last event of the archive is the first one of this journal. ``before`` is
    the digest that it follows and ``digest`` its own, ``sha256`` that of the archive's file.
    ``lineage`` and ``former`` are the names of the journal at that event.
    """

    file: str
    first: Seq
    last: Seq
    before: str
    digest: str
    sha256: str
    lineage: Lineage
    former: tuple[Lineage, ...]
    by: str
