"""The comparison of a client's journal with the broker's truth: pure, and exact to the last digit.

Both sides should be at rest: what is on its way between them is a difference like any other. The
order of rows on either side changes nothing.
"""

from dataclasses import dataclass

from trader.sim.oracle.findings import Finding, Kind, Note, in_order
from trader.sim.oracle.money_check import money_findings
from trader.sim.oracle.order_check import order_findings
from trader.sim.oracle.records import InputError, Journal, Truth


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was compared and what came of it, in a fixed order."""

    findings: tuple[Finding, ...]
    counts: tuple[tuple[str, int], ...]

    @property
    def differences(self) -> tuple[Finding, ...]:
        """Return where the two sides disagree."""
        return tuple(one for one in self.findings if one.is_difference)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """Return what is worth knowing and no difference."""
        return tuple(one for one in self.findings if not one.is_difference)


def compare(truth: Truth, journal: Journal) -> Verdict:
    """Compare; raises InputError when the two sides are of different accounts."""
    if journal.account and journal.account != truth.account:
        raise InputError(
            f"account: the journal's is {journal.account}; allowed: {truth.account}, the broker's"
        )
    found = order_findings(truth, journal) + money_findings(truth, journal)
    if journal.event_count != journal.last_seq:
        text = f"the last event is {journal.last_seq}, and {journal.event_count} are there"
        found.append(Finding(Kind.JOURNAL_GAP, "events", text))
    found += [Finding(Note.TICKET_OPEN, one.ticket_id, one.text) for one in journal.tickets]
    counts = (
        ("orders", len(journal.orders)),
        ("frames", len(truth.frames)),
        ("executions", len(truth.executions)),
        ("commissions", len(journal.commissions)),
        ("positions", sum(1 for one in truth.positions if one.quantity)),
        ("currencies", len(truth.cash)),
        ("events", journal.event_count),
    )
    return Verdict(in_order(found), counts)
