"""The tables and views that are known by the names of the requirement catalogue, as SQL.

The streams (``market_events``, ``order_intents``, ``exec_reports``), the outbox with what was
handed on of them and when, the cursors, and orders, their events and fills under the names that
other programs ask for. They add nothing to what the published views say: they are those, renamed,
and their columns stay like theirs. docs/journal.md tells them.
"""
# ruff: noqa: S608 - SQL put together from pieces that stand in this file

from trader.store.views import at, field

# As they were when this was written: a kind that comes to a stream later is another migration.
# A test holds them against trader.core.streams.
MARKET_EVENTS = ("AccountTold", "EquityMarked", "StrategyMarked", "OutlookChanged")
ORDER_INTENTS = (
    "IntentReviewed", "OrderPlanned", "OrderSent", "OrderWithheld", "CancelSent", "ModifyPlanned",
    "ModifyRefused", "ModifySent", "ModifyWithheld", "RequestReceived", "OrderRequestReceived",
    "RequestDecided", "EmergencyOrderKnown", "EmergencyCancelKnown",
)  # fmt: skip
EXEC_REPORTS = (
    "OrderStatusSeen", "OpenOrderSeen", "OrderErrorSeen", "ExecutionSeen", "CommissionSeen",
    "OrderUnanswered", "ModifyUnanswered", "ModifyRefuted", "OrderAbsentSeen", "OrderProvenAbsent",
    "OrderSettled", "ForeignOrderSeen", "ForeignOrderGone", "AccountBaselined", "CashAdjusted",
    "PositionAdjusted", "TradeBooked", "CashBooked",
)  # fmt: skip
# Whose cursor says what of the outbox is processed.
FILES_CONSUMER = "files"


def _in(kinds: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{kind}'" for kind in kinds) + ")"


# One row for each time that events were handed on: all from the first to the last are safe there.
# Rows follow each other without a gap, and the newest is the consumer's cursor.
_DELIVERIES = """
CREATE TABLE outbox_deliveries (
    consumer TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    lineage TEXT NOT NULL,
    PRIMARY KEY (consumer, last_seq)
)
"""

_CONSUMER_CURSORS = f"""
CREATE VIEW consumer_cursors AS
WITH newest AS (
  SELECT consumer, max(last_seq) AS seq, at_us, lineage FROM outbox_deliveries GROUP BY consumer
)
SELECT consumer, seq, {at("at_us")} AS at, at_us, lineage || '-' || seq AS event_id,
       (SELECT max(seq) FROM events) - seq AS behind
  FROM newest
"""

# The journal is called by another name from a restore on.
_LINEAGES = f"""lineages AS MATERIALIZED (
  SELECT seq AS first_seq, {field("lineage")} AS lineage,
         lead(seq) OVER (ORDER BY seq) AS next_seq
    FROM events WHERE kind IN ('JournalOpened', 'JournalRestored')
)"""

# Where older events are archived, the record of that names the journal at the link.
_LINEAGES_FROM_LINK = f"""lineages AS MATERIALIZED (
  SELECT seq AS first_seq, lineage, lead(seq) OVER (ORDER BY seq) AS next_seq
    FROM (SELECT seq, {field("lineage")} AS lineage
            FROM events WHERE kind IN ('JournalOpened', 'JournalRestored')
           UNION ALL
          SELECT {field("last")}, {field("lineage")}
            FROM events
           WHERE kind = 'JournalArchived' AND {field("last")} = (SELECT min(seq) FROM events))
)"""


def _stream(name: str, kinds: tuple[str, ...], lineages: str = _LINEAGES) -> str:
    return f"""
CREATE VIEW {name} AS
WITH {lineages}
SELECT lineage || '-' || seq AS id, seq, {at("at_us")} AS at, at_us, kind, version, payload
  FROM lineages CROSS JOIN events
 WHERE seq >= first_seq AND seq < coalesce(next_seq, seq + 1) AND kind IN {_in(kinds)}
"""


_ROW = f"""seq AS id,
       CASE WHEN kind IN {_in(MARKET_EVENTS)} THEN 'market_events'
            WHEN kind IN {_in(ORDER_INTENTS)} THEN 'order_intents'
            ELSE 'exec_reports' END AS stream,
       kind, payload, {at("events.at_us")} AS created_at"""
_ANY = _in(MARKET_EVENTS + ORDER_INTENTS + EXEC_REPORTS)
# In two parts, so that what waits is counted without reading what does not: the time of the first
# part is that of a delivery, which is looked at before any of its events.
_OUTBOX = f"""
CREATE VIEW portfolio_events_outbox AS
SELECT {_ROW}, {at("deliveries.at_us")} AS processed_at
  FROM outbox_deliveries AS deliveries
 CROSS JOIN events ON events.seq BETWEEN deliveries.first_seq AND deliveries.last_seq
 WHERE deliveries.consumer = '{FILES_CONSUMER}' AND kind IN {_ANY}
 UNION ALL
SELECT {_ROW}, NULL
  FROM events
 WHERE kind IN {_ANY} AND seq > coalesce(
       (SELECT max(last_seq) FROM outbox_deliveries WHERE consumer = '{FILES_CONSUMER}'), 0)
"""

_ORDERS = """
CREATE VIEW orders AS
SELECT order_id AS id, state AS status, at AS created_at, intent_id AS client_order_id, strategy,
       account, symbol, con_id, side, quantity, order_type, limit_price, stop_price
  FROM v_orders
"""

_BROKERS_WORD = "('OrderStatusSeen', 'OpenOrderSeen', 'OrderErrorSeen', 'ExecutionSeen')"
# Each event that may move an order, once, with the state before and behind it.
_ORDER_EVENTS = f"""
CREATE VIEW order_events AS
WITH steps AS MATERIALIZED (
  SELECT order_id, seq,
         row_number() OVER (PARTITION BY order_id ORDER BY seq, part) AS place
    FROM _order_parts
), folded AS MATERIALIZED (
  SELECT order_id, place, state FROM _order_fold
), told AS MATERIALIZED (
  SELECT order_id, seq, min(place) AS first_place, max(place) AS last_place
    FROM steps GROUP BY order_id, seq
), moves AS (
  SELECT seq, {field("order_id")} AS order_id, NULL AS old_state, 'PLANNED' AS new_state
    FROM events WHERE kind = 'OrderPlanned'
   UNION ALL
  SELECT told.seq, told.order_id, before.state, behind.state
    FROM told
    JOIN folded AS before
      ON before.order_id = told.order_id AND before.place = told.first_place - 1
    JOIN folded AS behind
      ON behind.order_id = told.order_id AND behind.place = told.last_place
)
SELECT moves.seq AS id, moves.order_id, {at("at_us")} AS at, at_us, kind, old_state, new_state,
       coalesce({field("reason")}, {field("text")}, {field("status")}, '') AS cause,
       CASE WHEN kind IN {_BROKERS_WORD} THEN 'broker' ELSE 'daemon' END AS actor
  FROM moves JOIN events ON events.seq = moves.seq
"""

# One row for each execution, in its last revision: the id of the exchange is in it once.
_FILLS = """
CREATE VIEW fills AS
WITH paid AS MATERIALIZED (SELECT family, amount, currency FROM v_commissions)
SELECT latest.seq AS id, exec_id AS exchange_fill_id, our_order_id AS order_id,
       account, symbol, con_id, side, quantity, price, multiplier, latest.currency,
       paid.amount AS commission, paid.currency AS commission_currency,
       time_utc AS filled_at, at AS created_at
  FROM v_executions_latest AS latest LEFT JOIN paid ON paid.family = latest.family
"""

# In this order: each uses only those before it.
STREAM_VIEWS = (
    _DELIVERIES,
    _CONSUMER_CURSORS,
    _stream("market_events", MARKET_EVENTS),
    _stream("order_intents", ORDER_INTENTS),
    _stream("exec_reports", EXEC_REPORTS),
    _OUTBOX,
    _ORDERS,
    _ORDER_EVENTS,
    _FILLS,
)

# Where a journal begins with a link, its events are in the streams as well.
LINKED_STREAM_VIEWS = (
    "DROP VIEW market_events",
    "DROP VIEW order_intents",
    "DROP VIEW exec_reports",
    _stream("market_events", MARKET_EVENTS, _LINEAGES_FROM_LINK),
    _stream("order_intents", ORDER_INTENTS, _LINEAGES_FROM_LINK),
    _stream("exec_reports", EXEC_REPORTS, _LINEAGES_FROM_LINK),
)
