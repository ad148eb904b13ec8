"""Whether a journal can be the one that its newest anchor was written for.

One anchor is enough: its digest is over every event up to its own, so a journal that has this
event with this digest has the history that was there then. What came behind it is news, as after a
process that was killed between a commit and the next anchor. The checkpoint that it names is
compared as well, if it is still kept: the book is read from it, and not from the events before it.
"""

from dataclasses import dataclass

from trader.core.ids import Seq
from trader.ports import Anchor

_WHAT_TO_DO = (
    "stop and put the right journal back; if that is lost, set this one aside and begin anew with "
    "`trader baseline`; `trader resume` only if nothing was sent since (RUNBOOK.md, Another "
    "journal at the start)"
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a journal is at a start: its lineage, its last event, and its digests at an anchor's.

    ``digest`` is empty where it has no such event, ``seal`` where it has no such checkpoint, and
    ``lineage`` where it has nothing at all. ``former`` are lineages that a restore has given up.
    """

    lineage: str
    last: Seq
    digest: str
    seal: str = ""
    former: tuple[str, ...] = ()


def doubt_about(held: Held, newest: Anchor) -> str:
    """Say why a journal is not the one of its newest anchor; empty when it is."""
    head, source = newest.head, newest.source
    if not held.lineage:
        return (
            f"this journal is new, and {source} knows the journal {newest.journal} up to event "
            f"{head.seq}: if that was not set aside on purpose, stop and put it back; if it was, "
            "go on with `trader baseline` and `trader resume`"
        )
    if newest.journal in held.former:
        # `trader restore` said so in the journal itself, and halted it until a person resumes.
        return ""
    if newest.journal not in ("", held.lineage):
        found = (
            f"{source} knows the journal {newest.journal}, and this one is {held.lineage}: it was "
            "put in that one's place"
        )
    elif head.seq > held.last:
        found = (
            f"the journal ends with event {held.last}, and {source} knows event {head.seq}: "
            f"{head.seq - held.last} events are gone from its end, as in an old copy"
        )
    elif not held.digest.startswith(head.digest):
        found = f"event {head.seq} is not what {source} knows: the history up to it is another"
    elif head.checkpoint_digest and held.seal not in ("", head.checkpoint_digest):
        found = f"the checkpoint of event {head.checkpoint_seq} is not the one that {source} knows"
    else:
        return ""
    return f"{found}; {_WHAT_TO_DO}"


def doubt_without_anchors(problem: str) -> str:
    """Say why a journal is not believed whose anchors are there and cannot be read."""
    return (
        f"its anchors cannot be read ({problem}), so nobody can say whether it was put back or "
        "replaced: make them readable, look at it with `trader verify`, then `trader resume`"
    )
