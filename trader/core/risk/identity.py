"""Whether the intent can be traced, and whether its instrument is in dispute."""

from trader.core.events import Check
from trader.core.ids import is_traceable
from trader.core.risk.case import Case, check

_ID_LIMIT = "an id made by ids.intent_id"
_NO_TICKET = Check("QUARANTINED", "no ticket", "no open ticket on the instrument", passed=True)


def intent_id_check(case: Case) -> Check:
    """Refuse a reference that does not lead back to its intent: it would pass for foreign."""
    intent_id = case.intent.intent_id
    return check("INTENT_ID_INVALID", str(intent_id), _ID_LIMIT, is_traceable(intent_id))


def quarantine_check(case: Case) -> Check:
    """Refuse an instrument of which book and broker say different things."""
    tickets, con_id = case.book.tickets, case.intent.con_id
    names = [row.ticket_id for row in tickets.values() if row.con_id == con_id] if tickets else []
    if not names:
        return _NO_TICKET
    return check("QUARANTINED", ", ".join(names), _NO_TICKET.limit, passed=False)


CHECKS = (("INTENT_ID_INVALID", intent_id_check), ("QUARANTINED", quarantine_check))
