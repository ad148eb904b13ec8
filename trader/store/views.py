"""The views of the journal that outsiders rely on, as SQL: what was recorded, and what follows.

A view whose name begins with ``v_`` is published: its columns keep their names and meaning, and a
later migration may only add to the right of them. One that begins with an underscore serves those
and may change. RUNBOOK.md tells the columns. The daemon itself never reads any of them.

Numbers that are decimals stay the text that was recorded, because SQLite calculates in floating
point: a position is the sum of ``v_position_parts.quantity``, and cash the sum of the products
``amount * quantity * multiplier`` of ``v_cash_parts``, exactly as exact as the reader adds them.
The fold that the views do is that of ``trader.core.book``; a test holds one against the other.
"""


def at(at_us: str) -> str:
    """Return a moment in microseconds as text in UTC."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {at_us} / 1000000.0, 'unixepoch')"


def field(path: str, payload: str = "payload") -> str:
    """Return a field of a payload."""
    return f"json_extract({payload}, '$.{path}')"


def columns(*paths: str, under: str = "") -> str:
    """Name fields of a payload by the last step of their paths."""
    return ",\n       ".join(f"{field(under + path)} AS {path}" for path in paths)


def _negative(text: str) -> str:
    """Turn the sign of a decimal that is text."""
    return f"CASE WHEN {text} LIKE '-%' THEN substr({text}, 2) ELSE '-' || {text} END"


def _ref_key(ref: str) -> str:
    """Cut an order's reference after its checksum: the broker may append text (INC-096).

    ``T1-abc123-name-17-9f3e and more``: ten characters, a name, a number, four characters.
    """
    rest = f"substr({ref}, 11)"
    name = f"instr({rest}, '-')"
    number = f"instr(substr({rest}, {name} + 1), '-')"
    return f"substr({ref}, 1, 14 + {name} + {number})"


# What the daemon splits in ids.exec_family: the digits after the last period are the revision.
def _family(exec_id: str) -> str:
    stem = f"rtrim({exec_id}, '0123456789')"
    return f"""
       CASE WHEN {stem} LIKE '%.' AND {stem} <> {exec_id}
            THEN substr({stem}, 1, length({stem}) - 1) ELSE {exec_id} END AS family,
       CASE WHEN {stem} LIKE '%.' AND {stem} <> {exec_id}
            THEN CAST(substr({exec_id}, length({stem}) + 1) AS INTEGER) ELSE 0 END AS revision"""


_EXECUTION = columns(
    "exec_id", "account", "con_id", "symbol", "side", "quantity", "price", "multiplier",
    "currency", "order_id", "client_id", "perm_id", "order_ref", "time_utc",
    under="execution.",
)  # fmt: skip
ORDER_TERMS = columns(
    "intent_id", "strategy", "account", "con_id", "symbol", "side", "quantity", "order_type",
    "time_in_force", "limit_price", "stop_price", "is_reduce_only",
    under="terms.",
)  # fmt: skip

V_JOURNAL = f"""
CREATE VIEW v_journal AS
SELECT opened.seq,
       {at("opened.at_us")} AS at,
       opened.at_us,
       {field("lineage", "opened.payload")} AS lineage,
       'T1-' || {field("lineage", "opened.payload")} || '-' AS order_ref_prefix,
       (SELECT {field("account")} FROM events
         WHERE kind IN ('AccountBaselined', 'DaemonStarted') ORDER BY seq DESC LIMIT 1) AS account,
       baseline.seq AS baseline_seq,
       baseline.at_us AS baseline_at_us,
       (SELECT max(seq) FROM events) AS last_seq,
       (SELECT count(*) FROM events) AS event_count
  FROM events AS opened
  LEFT JOIN events AS baseline
    ON baseline.seq = (SELECT max(seq) FROM events WHERE kind = 'AccountBaselined')
 WHERE opened.kind = 'JournalOpened'
"""

V_BASELINE_EXECUTIONS = """
CREATE VIEW v_baseline_executions AS
SELECT events.seq, item.value AS family
  FROM events, json_each(events.payload, '$.exec_ids') AS item
 WHERE events.kind = 'AccountBaselined'
"""

_ORDER_KEYS = f"""
CREATE VIEW _order_keys AS
SELECT seq,
       {columns("order_id", "client_id")},
       {field("terms.con_id")} AS con_id,
       {field("terms.quantity")} AS quantity,
       {_ref_key(field("order_ref"))} AS ref_key
  FROM events WHERE kind = 'OrderPlanned'
"""

# What the broker said about an order, with the order that its reference or its id names.
_ORDER_WORDS = f"""
CREATE VIEW _order_words AS
WITH words AS MATERIALIZED (
  SELECT seq, kind,
         {columns("perm_id", "order_id", "client_id", "status")},
         coalesce({field("order_ref")}, '') AS order_ref
    FROM events WHERE kind IN ('OrderStatusSeen', 'OpenOrderSeen')
   UNION ALL
  SELECT seq, kind,
         {columns("perm_id", "order_id", "client_id", under="execution.")},
         NULL,
         {field("execution.order_ref")}
    FROM events WHERE kind = 'ExecutionSeen'
), keys AS MATERIALIZED (SELECT * FROM _order_keys)
SELECT words.seq, words.kind, words.perm_id, words.status, words.order_ref,
       by_ref.order_id AS ref_order_id,
       by_id.order_id AS id_order_id
  FROM words
  LEFT JOIN keys AS by_ref ON by_ref.ref_key = {_ref_key("words.order_ref")}
  LEFT JOIN keys AS by_id
    ON by_id.order_id = words.order_id AND by_id.client_id = words.client_id
   AND words.order_ref = ''
"""

# A permId names one order for good: the first that the broker gave it to. By its id alone an
# order takes no second one.
_PERM_IDS = """
CREATE VIEW _perm_ids AS
WITH named AS (
  SELECT seq, perm_id, ref_order_id, coalesce(ref_order_id, id_order_id) AS order_id
    FROM _order_words WHERE perm_id <> 0
), ranked AS (
  SELECT seq, perm_id, order_id, ref_order_id,
         first_value(perm_id) OVER (PARTITION BY order_id ORDER BY seq) AS first_perm_id
    FROM named WHERE order_id IS NOT NULL
), counted AS (
  SELECT seq, perm_id, order_id,
         row_number() OVER (PARTITION BY perm_id ORDER BY seq) AS place
    FROM ranked WHERE ref_order_id IS NOT NULL OR perm_id = first_perm_id
)
SELECT seq, perm_id, order_id FROM counted WHERE place = 1
"""

# By the strongest identity that was given: the reference, the permId, the id of the session.
_ORDERS_NAMED = """
CREATE VIEW _orders_named AS
WITH words AS MATERIALIZED (SELECT * FROM _order_words),
     perms AS MATERIALIZED (SELECT * FROM _perm_ids),
     firsts AS MATERIALIZED (SELECT order_id, min(seq) AS seq FROM perms GROUP BY order_id)
SELECT words.seq, words.kind, words.status,
       CASE WHEN words.ref_order_id IS NOT NULL THEN words.ref_order_id
            WHEN words.order_ref LIKE 'T1-%' THEN NULL
            WHEN perms.order_id IS NOT NULL THEN perms.order_id
            WHEN words.perm_id = 0 OR firsts.seq IS NULL THEN words.id_order_id
       END AS order_id
  FROM words
  LEFT JOIN perms ON perms.perm_id = words.perm_id AND perms.seq <= words.seq
  LEFT JOIN firsts ON firsts.order_id = words.id_order_id AND firsts.seq < words.seq
"""

# Each execution that moved the book, in order. A revision replaces the one before, it does not
# add (INC-048); one that the baseline contains, or that came again, moved nothing (INC-053).
V_EXECUTIONS_BOOKED = f"""
CREATE VIEW v_executions_booked AS
WITH said AS (
  SELECT seq, at_us, {field("run_id")} AS run_id,
         {_EXECUTION}
    FROM events WHERE kind = 'ExecutionSeen'
), split AS (
  SELECT *, {_family("exec_id")} FROM said
), held AS MATERIALIZED (
  SELECT family, min(seq) AS first_seq FROM v_baseline_executions GROUP BY family
), counted AS (
  SELECT split.*, max(revision) OVER (PARTITION BY split.family ORDER BY seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS revision_before
    FROM split LEFT JOIN held ON held.family = split.family
   WHERE held.first_seq IS NULL OR held.first_seq > split.seq
), named AS MATERIALIZED (SELECT seq, order_id FROM _orders_named WHERE kind = 'ExecutionSeen'),
keys AS MATERIALIZED (SELECT order_id, con_id FROM _order_keys),
booked AS (
  SELECT counted.*,
         lag(counted.seq) OVER (PARTITION BY family ORDER BY counted.seq) AS replaces_seq,
         CASE WHEN keys.con_id = counted.con_id THEN keys.order_id END AS named_order_id,
         named.order_id IS NULL AS is_nameless
    FROM counted
    LEFT JOIN named ON named.seq = counted.seq
    LEFT JOIN keys ON keys.order_id = named.order_id
   WHERE revision_before IS NULL OR revision > revision_before
)
SELECT seq, {at("at_us")} AS at, at_us, family, revision, exec_id, replaces_seq, run_id,
       account, con_id, symbol, side, quantity, price, multiplier, currency,
       order_id, client_id, perm_id, order_ref, time_utc,
       coalesce(named_order_id, CASE WHEN is_nameless THEN
         lag(named_order_id) OVER (PARTITION BY family ORDER BY seq) END) AS our_order_id
  FROM booked
"""

V_EXECUTIONS_LATEST = """
CREATE VIEW v_executions_latest AS
WITH booked AS MATERIALIZED (SELECT * FROM v_executions_booked)
SELECT seq, at, at_us, family, revision, exec_id, run_id,
       account, con_id, symbol, side, quantity, price, multiplier, currency,
       order_id, client_id, perm_id, order_ref, time_utc, our_order_id
  FROM booked
 WHERE seq NOT IN (SELECT replaces_seq FROM booked WHERE replaces_seq IS NOT NULL)
"""

# The commission of an older revision, replayed, does not undo the newer one's (INC-048).
_COMMISSIONS_TAKEN = f"""
CREATE VIEW _commissions_taken AS
WITH said AS (
  SELECT seq, at_us, {columns("exec_id", "amount", "currency", under="commission.")}
    FROM events WHERE kind = 'CommissionSeen'
), split AS (
  SELECT *, {_family("exec_id")} FROM said
), held AS MATERIALIZED (
  SELECT family, min(seq) AS first_seq FROM v_baseline_executions GROUP BY family
), counted AS (
  SELECT split.*, max(revision) OVER (PARTITION BY split.family ORDER BY seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS revision_before
    FROM split LEFT JOIN held ON held.family = split.family
   WHERE held.first_seq IS NULL OR held.first_seq > split.seq
)
SELECT seq, at_us, family, revision, exec_id, amount, currency,
       lag(amount) OVER in_order AS amount_before,
       lag(currency) OVER in_order AS currency_before,
       lead(seq) OVER in_order AS replaced_seq
  FROM counted WHERE revision_before IS NULL OR revision >= revision_before
WINDOW in_order AS (PARTITION BY family ORDER BY seq)
"""

# It moves cash together with its execution: one without may be another account's (INC-137).
V_COMMISSIONS = f"""
CREATE VIEW v_commissions AS
SELECT seq, {at("at_us")} AS at, at_us, family, revision, exec_id, amount, currency,
       family IN (SELECT family FROM v_executions_booked) AS is_booked
  FROM _commissions_taken WHERE replaced_seq IS NULL
"""

V_POSITION_PARTS = f"""
CREATE VIEW v_position_parts AS
WITH booked AS MATERIALIZED (
  SELECT seq, at_us, exec_id, con_id, symbol, replaces_seq,
         CASE side WHEN 'SELL' THEN {_negative("quantity")} ELSE quantity END AS quantity
    FROM v_executions_booked
), parts AS MATERIALIZED (
  SELECT events.seq, at_us, 'baseline' AS source,
         json_extract(item.value, '$.con_id') AS con_id,
         json_extract(item.value, '$.symbol') AS symbol,
         json_extract(item.value, '$.quantity') AS quantity, '' AS exec_id
    FROM events, json_each(events.payload, '$.holdings') AS item
   WHERE kind = 'AccountBaselined'
   UNION ALL
  SELECT seq, at_us, 'adjustment', {field("con_id")}, {field("symbol")}, {field("after")}, ''
    FROM events WHERE kind = 'PositionAdjusted'
   UNION ALL
  SELECT seq, at_us, 'execution', con_id, symbol, quantity, exec_id FROM booked
   UNION ALL
  SELECT new.seq, new.at_us, 'reversal', old.con_id, old.symbol,
         {_negative("old.quantity")}, old.exec_id
    FROM booked AS new JOIN booked AS old ON old.seq = new.replaces_seq
), starts AS MATERIALIZED (
  SELECT con_id, max(seq) AS seq FROM parts WHERE source = 'adjustment' GROUP BY con_id
)
SELECT parts.seq, {at("parts.at_us")} AS at, parts.at_us, source, parts.con_id, symbol, quantity,
       exec_id
  FROM parts LEFT JOIN starts ON starts.con_id = parts.con_id
 WHERE parts.seq >= coalesce(starts.seq, 0)
   AND parts.seq >= coalesce((SELECT max(seq) FROM events WHERE kind = 'AccountBaselined'), 0)
"""

V_CASH_PARTS = f"""
CREATE VIEW v_cash_parts AS
WITH booked AS MATERIALIZED (
  SELECT seq, at_us, family, exec_id, currency, price, multiplier, replaces_seq,
         CASE side WHEN 'SELL' THEN {_negative("quantity")} ELSE quantity END AS quantity
    FROM v_executions_booked
), firsts AS MATERIALIZED (
  SELECT family, min(seq) AS seq, at_us FROM booked GROUP BY family
), paid AS MATERIALIZED (
  SELECT max(taken.seq, firsts.seq) AS seq, max(taken.at_us, firsts.at_us) AS at_us,
         taken.exec_id, amount, currency, amount_before, currency_before
    FROM _commissions_taken AS taken JOIN firsts ON firsts.family = taken.family
), parts AS MATERIALIZED (
  SELECT events.seq, at_us, 'baseline' AS source,
         json_extract(item.value, '$[0]') AS currency,
         json_extract(item.value, '$[1]') AS amount,
         '1' AS quantity, '1' AS multiplier, '' AS exec_id
    FROM events, json_each(events.payload, '$.cash') AS item
   WHERE kind = 'AccountBaselined'
   UNION ALL
  SELECT seq, at_us, 'adjustment', {field("currency")}, {field("after")}, '1', '1', ''
    FROM events WHERE kind = 'CashAdjusted'
   UNION ALL
  SELECT seq, at_us, 'execution', currency, price, {_negative("quantity")}, multiplier, exec_id
    FROM booked
   UNION ALL
  SELECT new.seq, new.at_us, 'reversal', new.currency, old.price, old.quantity, old.multiplier,
         old.exec_id
    FROM booked AS new JOIN booked AS old ON old.seq = new.replaces_seq
   UNION ALL
  SELECT seq, at_us, 'commission', currency, amount, '-1', '1', exec_id FROM paid
   UNION ALL
  SELECT seq, at_us, 'reversal', currency_before, amount_before, '1', '1', exec_id
    FROM paid WHERE amount_before IS NOT NULL
), starts AS MATERIALIZED (
  SELECT currency, max(seq) AS seq FROM parts WHERE source = 'adjustment' GROUP BY currency
)
SELECT parts.seq, {at("parts.at_us")} AS at, parts.at_us, source, parts.currency,
       amount, quantity, multiplier, exec_id
  FROM parts LEFT JOIN starts ON starts.currency = parts.currency
 WHERE parts.seq >= coalesce(starts.seq, 0)
   AND parts.seq >= coalesce((SELECT max(seq) FROM events WHERE kind = 'AccountBaselined'), 0)
"""

# Every event that can move an order's state, in words of the machine; 'rejects' and 'unclear'
# depend on the state they meet. The filled quantity is only compared here, never told.
_ORDER_STEPS = f"""
CREATE VIEW _order_steps AS
WITH booked AS MATERIALIZED (
  SELECT seq, our_order_id, replaces_seq, quantity FROM v_executions_booked
   WHERE our_order_id IS NOT NULL
), filled AS (
  SELECT new.seq, new.our_order_id AS order_id,
         sum(new.quantity - coalesce(old.quantity, 0))
           OVER (PARTITION BY new.our_order_id ORDER BY new.seq) AS quantity
    FROM booked AS new LEFT JOIN booked AS old ON old.seq = new.replaces_seq
)
SELECT seq, {field("order_id")} AS order_id, '' AS status,
       CASE kind WHEN 'OrderSent' THEN 'sent' WHEN 'OrderWithheld' THEN 'withheld'
                 WHEN 'CancelSent' THEN 'cancel sent' WHEN 'OrderUnanswered' THEN 'unanswered'
                 ELSE 'proven absent' END AS step
  FROM events WHERE kind IN
    ('OrderSent', 'OrderWithheld', 'CancelSent', 'OrderUnanswered', 'OrderProvenAbsent')
 UNION ALL
SELECT seq, {field("order_id")}, '',
       CASE {field("evidence")} WHEN 'rejects_new' THEN 'rejects'
            WHEN 'confirms_cancel' THEN 'cancel confirmed'
            WHEN 'refuses_cancel' THEN 'cancel refused'
            WHEN 'unclear' THEN 'unclear' END
  FROM events WHERE kind = 'OrderErrorSeen'
 UNION ALL
SELECT seq, order_id, status,
       CASE WHEN status IN ('PreSubmitted', 'Submitted', 'PendingCancel', 'Inactive', 'Filled')
            THEN 'acknowledged'
            WHEN status IN ('Cancelled', 'ApiCancelled') THEN 'cancel confirmed' END
  FROM _orders_named WHERE kind <> 'ExecutionSeen' AND order_id IS NOT NULL
 UNION ALL
SELECT filled.seq, filled.order_id, '',
       CASE WHEN round(filled.quantity, 9) >= round(keys.quantity, 9)
            THEN 'fill completed' ELSE 'acknowledged' END
  FROM filled JOIN _order_keys AS keys ON keys.order_id = filled.order_id
"""

# The moves of trader.core.orders.TABLE that lead to another state; JOURNALED passes unseen,
# because the event that follows it in the journal is the one that tells.
ORDER_MOVES = """
  ('PLANNED', 'sent', 'SENT'), ('PLANNED', 'withheld', 'WITHHELD'),
  ('PLANNED', 'unanswered', 'UNKNOWN'),
  ('SENT', 'acknowledged', 'WORKING'), ('SENT', 'cancel sent', 'CANCELLING'),
  ('SENT', 'unanswered', 'UNKNOWN'), ('SENT', 'unclear', 'UNKNOWN'),
  ('SENT', 'fill completed', 'FILLED'), ('SENT', 'cancel confirmed', 'CANCELLED'),
  ('SENT', 'reject confirmed', 'REJECTED'),
  ('WORKING', 'cancel sent', 'CANCELLING'), ('WORKING', 'fill completed', 'FILLED'),
  ('WORKING', 'cancel confirmed', 'CANCELLED'), ('WORKING', 'reject confirmed', 'REJECTED'),
  ('WORKING', 'proven absent', 'CANCELLED'),
  ('CANCELLING', 'cancel refused', 'WORKING'), ('CANCELLING', 'unanswered', 'UNKNOWN'),
  ('CANCELLING', 'fill completed', 'FILLED'), ('CANCELLING', 'cancel confirmed', 'CANCELLED'),
  ('CANCELLING', 'reject confirmed', 'REJECTED'), ('CANCELLING', 'proven absent', 'CANCELLED'),
  ('UNKNOWN', 'acknowledged', 'WORKING'), ('UNKNOWN', 'fill completed', 'FILLED'),
  ('UNKNOWN', 'cancel confirmed', 'CANCELLED'), ('UNKNOWN', 'reject confirmed', 'REJECTED'),
  ('UNKNOWN', 'proven absent', 'CANCELLED'),
  ('CANCELLED', 'fill completed', 'FILLED'), ('REJECTED', 'fill completed', 'FILLED')
"""

V_ORDERS = f"""
CREATE VIEW v_orders AS
WITH RECURSIVE
planned AS MATERIALIZED (
  SELECT seq, at_us, {columns("order_id", "client_id", "order_ref")},
         {ORDER_TERMS}
    FROM events WHERE kind = 'OrderPlanned'
), steps AS MATERIALIZED (
  SELECT order_id, seq, step, status,
         row_number() OVER (PARTITION BY order_id ORDER BY seq) AS place
    FROM _order_steps
), moves (state, step, after) AS MATERIALIZED (VALUES {ORDER_MOVES}
), fold (order_id, place, state, status) AS (
  SELECT order_id, 0, 'PLANNED', '' FROM planned
   UNION ALL
  SELECT fold.order_id, steps.place, coalesce(moves.after, fold.state),
         CASE WHEN steps.status <> '' THEN steps.status ELSE fold.status END
    FROM fold
    JOIN steps ON steps.order_id = fold.order_id AND steps.place = fold.place + 1
    LEFT JOIN moves ON moves.state = fold.state AND moves.step =
         -- On a working order the same code refuses a change and leaves it alive (INC-015).
         CASE WHEN steps.step = 'rejects'
               AND (fold.state NOT IN ('WORKING', 'CANCELLING') OR fold.status = 'Inactive')
              THEN 'reject confirmed' ELSE steps.step END
), ended AS MATERIALIZED (
  SELECT order_id, max(place), state, status FROM fold GROUP BY order_id
), sent AS MATERIALIZED (
  SELECT order_id, min(seq) AS seq FROM steps WHERE step = 'sent' GROUP BY order_id
), withheld AS MATERIALIZED (
  SELECT order_id, min(seq) AS seq FROM steps WHERE step = 'withheld' GROUP BY order_id
)
SELECT planned.seq, {at("planned.at_us")} AS at, planned.at_us,
       intent_id, strategy, planned.order_id, client_id, order_ref, account, con_id, symbol, side,
       quantity, order_type, time_in_force, limit_price, stop_price, is_reduce_only,
       sent.seq AS sent_seq, withheld.seq AS withheld_seq,
       ended.state, ended.status AS broker_status
  FROM planned
  JOIN ended ON ended.order_id = planned.order_id
  LEFT JOIN sent ON sent.order_id = planned.order_id
  LEFT JOIN withheld ON withheld.order_id = planned.order_id
"""

# A journal is born halted, and no event says so.
V_HALTS = f"""
CREATE VIEW v_halts AS
SELECT seq, {at("at_us")} AS at, at_us, {columns("cause", "reason")}, {field("by")} AS by,
       kind = 'HaltRaised' AS is_raised
  FROM events WHERE kind IN ('HaltRaised', 'HaltCleared')
 UNION ALL
SELECT seq, {at("at_us")}, at_us, 'fresh_install', 'no halt record yet', '', 1
  FROM events WHERE kind = 'JournalOpened'
"""

V_TICKETS = f"""
CREATE VIEW v_tickets AS
SELECT opened.seq, {at("opened.at_us")} AS at, opened.at_us,
       {field("ticket_id", "opened.payload")} AS ticket_id,
       {field("kind", "opened.payload")} AS kind,
       {field("con_id", "opened.payload")} AS con_id,
       {field("text", "opened.payload")} AS text,
       {field("run_id", "opened.payload")} AS run_id,
       closed.seq AS closed_seq,
       {field("reason", "closed.payload")} AS closed_reason,
       {field("by", "closed.payload")} AS closed_by
  FROM events AS opened
  LEFT JOIN events AS closed ON closed.seq = (
       SELECT min(seq) FROM events WHERE kind = 'TicketClosed' AND seq > opened.seq
          AND {field("ticket_id")} = {field("ticket_id", "opened.payload")})
 WHERE opened.kind = 'TicketOpened'
"""

V_FOREIGN_ORDERS = f"""
CREATE VIEW v_foreign_orders AS
WITH said AS (
  SELECT max(seq) AS seq, {field("perm_id")} AS perm_id
    FROM events WHERE kind IN ('ForeignOrderSeen', 'ForeignOrderGone') GROUP BY 2
)
SELECT events.seq, {at("at_us")} AS at, at_us, said.perm_id,
       {columns("client_id", "con_id", "symbol", "side", "quantity", "order_type", "status")}
  FROM said JOIN events ON events.seq = said.seq WHERE kind = 'ForeignOrderSeen'
"""

V_RECONCILIATIONS = f"""
CREATE VIEW v_reconciliations AS
SELECT seq, {at("at_us")} AS at, at_us, {field("run_id")} AS run_id,
       {field("trigger")} AS triggered_by,
       {columns("problem", "drift_count", "repair_count", "ticket_count", "duration_s")}
  FROM events WHERE kind = 'ReconcileFinished'
"""

# In this order: each uses only those before it.
COMPARISON_VIEWS = (
    V_JOURNAL, V_BASELINE_EXECUTIONS, _ORDER_KEYS, _ORDER_WORDS, _PERM_IDS, _ORDERS_NAMED,
    V_EXECUTIONS_BOOKED, V_EXECUTIONS_LATEST, _COMMISSIONS_TAKEN, V_COMMISSIONS,
    V_POSITION_PARTS, V_CASH_PARTS, _ORDER_STEPS, V_ORDERS, V_HALTS, V_TICKETS,
    V_FOREIGN_ORDERS, V_RECONCILIATIONS,
)  # fmt: skip
