"""The views that tell tickets, and positions and cash with what a person has booked, as SQL.

They stand in the place of those that were published before a person could book anything; their
columns are the same, with more to the right.
"""
# ruff: noqa: S608 - SQL put together from pieces that stand in this file

from trader.store.views import (
    V_CASH_PARTS,
    V_POSITION_PARTS,
    at,
    field,
)

_POSITIONS_BOOKED = f"""   UNION ALL
  SELECT seq, at_us, 'booked', {field("con_id")}, {field("symbol")}, {field("quantity")}, ''
    FROM events WHERE kind = 'TradeBooked'
), starts AS MATERIALIZED ("""
_QUANTITY, _COST = field("quantity"), field("commission")
_CASH_BOOKED = f"""   UNION ALL
  SELECT seq, at_us, 'booked', {field("currency")}, {field("price")},
         CASE WHEN {_QUANTITY} LIKE '-%' THEN substr({_QUANTITY}, 2) ELSE '-' || {_QUANTITY} END,
         {field("multiplier")}, ''
    FROM events WHERE kind = 'TradeBooked'
   UNION ALL
  SELECT seq, at_us, 'booked', {field("currency")}, {_COST}, '-1', '1', ''
    FROM events WHERE kind = 'TradeBooked'
   UNION ALL
  SELECT seq, at_us, 'booked', {field("currency")}, {field("amount")}, '1', '1', ''
    FROM events WHERE kind = 'CashBooked'
), starts AS MATERIALIZED ("""


def _with(view: str, more: str) -> str:
    """Return a view with more parts of the sum, before it says from which on they count."""
    before, place, after = view.partition("), starts AS MATERIALIZED (")
    assert place, "the view says from which part on it counts"
    return before + more + after


# One walk through the journal for all of them. How long a ticket may wait is the last word about
# that; closed or counted, it does not any more.
_V_TICKETS = f"""
CREATE VIEW v_tickets AS
WITH words AS MATERIALIZED (
  SELECT seq, at_us, kind, payload, {field("ticket_id")} AS ticket_id FROM events
   WHERE kind IN ('TicketOpened', 'TicketClosed', 'TicketIgnored', 'TicketCounted',
                  'TradeBooked', 'CashBooked')
)
SELECT opened.seq, {at("opened.at_us")} AS at, opened.at_us, opened.ticket_id,
       {field("kind", "opened.payload")} AS kind,
       {field("con_id", "opened.payload")} AS con_id,
       {field("text", "opened.payload")} AS text,
       {field("run_id", "opened.payload")} AS run_id,
       closed.seq AS closed_seq,
       {field("reason", "closed.payload")} AS closed_reason,
       {field("by", "closed.payload")} AS closed_by,
       {at("closed.at_us")} AS closed_at,
       booked.kind AS booked_as,
       {field("until_utc", "word.payload")} AS ignored_until,
       {field("reason", "word.payload")} AS ignored_reason,
       {field("by", "word.payload")} AS ignored_by
  FROM words AS opened
  LEFT JOIN words AS closed ON closed.seq = (
       SELECT min(seq) FROM words WHERE kind = 'TicketClosed' AND seq > opened.seq
          AND ticket_id = opened.ticket_id)
  LEFT JOIN words AS booked ON booked.seq = (
       SELECT max(seq) FROM words WHERE kind IN ('TradeBooked', 'CashBooked')
          AND seq > opened.seq AND seq < coalesce(closed.seq, seq + 1)
          AND ticket_id = opened.ticket_id)
  LEFT JOIN words AS word ON closed.seq IS NULL AND word.kind = 'TicketIgnored'
   AND word.seq = (
       SELECT max(seq) FROM words WHERE kind IN ('TicketIgnored', 'TicketCounted')
          AND seq > opened.seq AND ticket_id = opened.ticket_id)
 WHERE opened.kind = 'TicketOpened'
"""

TICKET_VIEWS = (
    "DROP VIEW v_position_parts",
    _with(V_POSITION_PARTS, _POSITIONS_BOOKED),
    "DROP VIEW v_cash_parts",
    _with(V_CASH_PARTS, _CASH_BOOKED),
    "DROP VIEW v_tickets",
    _V_TICKETS,
)
