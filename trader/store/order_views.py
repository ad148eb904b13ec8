"""The views that tell orders and their changes, as SQL: what the broker holds, and what may come.

``v_orders`` tells the terms that the broker has shown to hold; while a change is open, its terms
stand beside them. The fold is that of ``trader.core.orders`` and ``trader.core.changes``, one
event after another; a test holds one against the other. Quantities are compared here as floating
point, and never told so: what is told is the text that was recorded.
"""
# ruff: noqa: S608 - SQL put together from pieces that stand in this file

from trader.store.views import (
    ORDER_MOVES,
    ORDER_TERMS,
    at,
    columns,
    field,
)

_OWN_STEPS = """CASE kind
    WHEN 'OrderSent' THEN 'sent' WHEN 'OrderWithheld' THEN 'withheld'
    WHEN 'CancelSent' THEN 'cancel sent' WHEN 'OrderUnanswered' THEN 'unanswered'
    WHEN 'OrderProvenAbsent' THEN 'proven absent'
    WHEN 'ModifyPlanned' THEN 'change planned' WHEN 'ModifySent' THEN 'change sent'
    WHEN 'ModifyWithheld' THEN 'change withheld' WHEN 'ModifyUnanswered' THEN 'change unanswered'
    WHEN 'ModifyRefuted' THEN 'change refuted' END"""
_OWN_KINDS = """('OrderSent', 'OrderWithheld', 'CancelSent', 'OrderUnanswered',
    'OrderProvenAbsent', 'ModifyPlanned', 'ModifySent', 'ModifyWithheld', 'ModifyUnanswered',
    'ModifyRefuted')"""

# Every event that can move an order or its change, as up to three rows: what it says of the
# order (1), what it says of the change (2), and whether the order is filled by now (3). The last
# two are for orders that were changed, and for executions.
ORDER_PARTS = f"""
CREATE VIEW _order_parts AS
WITH booked AS MATERIALIZED (
  SELECT seq, our_order_id, replaces_seq, quantity FROM v_executions_booked
   WHERE our_order_id IS NOT NULL
), filled AS MATERIALIZED (
  SELECT new.seq, new.our_order_id AS order_id,
         sum(new.quantity - coalesce(old.quantity, 0))
           OVER (PARTITION BY new.our_order_id ORDER BY new.seq) AS quantity
    FROM booked AS new LEFT JOIN booked AS old ON old.seq = new.replaces_seq
), changed AS MATERIALIZED (
  SELECT DISTINCT {field("order_id")} AS order_id FROM events WHERE kind = 'ModifyPlanned'
), words AS MATERIALIZED (
  SELECT seq, kind, order_id, status FROM _orders_named
   WHERE kind <> 'ExecutionSeen' AND order_id IS NOT NULL
), own AS MATERIALIZED (
  SELECT seq, {field("order_id")} AS order_id, {_OWN_STEPS} AS step, payload
    FROM events WHERE kind IN {_OWN_KINDS}
), errors AS MATERIALIZED (
  SELECT seq, {field("order_id")} AS order_id,
         CASE {field("evidence")} WHEN 'rejects_new' THEN 'rejects'
              WHEN 'confirms_cancel' THEN 'cancel confirmed'
              WHEN 'refuses_cancel' THEN 'cancel refused'
              WHEN 'unclear' THEN 'unclear' END AS step
    FROM events WHERE kind = 'OrderErrorSeen'
)
SELECT seq, 1 AS part, order_id, step, '' AS status, 0 AS said,
       {field("number")} AS number, {field("terms.quantity")} AS quantity,
       {field("terms.limit_price")} AS limit_price,
       {field("terms.stop_price")} AS stop_price
  FROM own
 UNION ALL
SELECT seq, 1, order_id, step, '', 0, NULL, NULL, NULL, NULL FROM errors
 UNION ALL
SELECT seq, 1, order_id,
       CASE WHEN status IN ('PreSubmitted', 'Submitted', 'PendingCancel', 'Inactive', 'Filled')
            THEN 'acknowledged'
            WHEN status IN ('Cancelled', 'ApiCancelled') THEN 'cancel confirmed' END,
       status, 0, NULL, NULL, NULL, NULL
  FROM words
 UNION ALL
SELECT words.seq, 2, order_id, CASE words.kind WHEN 'OpenOrderSeen' THEN 'echo' ELSE 'word' END,
       '', CASE words.kind WHEN 'OrderStatusSeen' THEN {field("filled")} ELSE 0 END, NULL,
       {field("quantity")}, {field("limit_price")}, {field("stop_price")}
  FROM words JOIN events ON events.seq = words.seq WHERE order_id IN changed
 UNION ALL
SELECT seq, 1, order_id, 'filled', '', 0, NULL, quantity, NULL, NULL FROM filled
 UNION ALL
SELECT seq, 2, order_id, 'proof', '', 0, NULL, NULL, NULL, NULL FROM filled
 WHERE order_id IN changed
 UNION ALL
SELECT seq, 3, order_id, 'whole fill', '', 0, NULL, NULL, NULL, NULL FROM filled
 UNION ALL
SELECT seq, 3, order_id, 'whole', '', 0, NULL, NULL, NULL, NULL
  FROM (SELECT seq, order_id FROM own WHERE step LIKE 'change %'
         UNION ALL SELECT seq, order_id FROM errors UNION ALL SELECT seq, order_id FROM words)
 WHERE order_id IN changed
"""

# The moves of trader.core.changes.CHANGES; without an "after" where the pair is refused.
_CHANGE_MOVES = """
  ('PLANNED', 'change sent', 'SENT'), ('PLANNED', 'change withheld', 'DROPPED'),
  ('PLANNED', 'change unanswered', 'UNCERTAIN'), ('PLANNED', 'shown', NULL),
  ('SENT', 'change unanswered', 'UNCERTAIN'), ('SENT', 'shown', 'APPLIED'),
  ('SENT', 'refused', 'DROPPED'),
  ('UNCERTAIN', 'shown', 'APPLIED'), ('UNCERTAIN', 'refused', 'DROPPED'),
  ('UNCERTAIN', 'change refuted', 'DROPPED'),
  ('APPLIED', 'reverted', 'UNCERTAIN'), ('APPLIED', 'shown', NULL),
  ('DROPPED', 'shown', 'APPLIED')
"""
_MAY_HOLD = "fold.change_state IN ('SENT', 'UNCERTAIN')"


def _same(left: str, right: str) -> str:
    """Compare two decimals that are text, or two that are missing."""
    return f"round({left}, 9) IS round({right}, 9)"


def _shows(prefix: str) -> str:
    """Tell whether an echo shows exactly the terms whose columns begin so."""
    names = ("quantity", "limit_price", "stop_price")
    return " AND ".join(_same(f"parts.{name}", f"fold.{prefix}_{name}") for name in names)


# The largest quantity that the broker may hold the order at.
_QUANTITY_MAX = """CASE WHEN fold.change_state IN ('PLANNED', 'SENT', 'UNCERTAIN')
         THEN max(round(fold.quantity, 9), round(fold.new_quantity, 9))
         ELSE round(fold.quantity, 9) END"""
# A broker that says Filled, and of just what we have, has not made it larger.
_IS_WHOLE = f"""(fold.filled > 0 AND round(fold.filled, 9) >=
         CASE WHEN fold.status = 'Filled' AND round(fold.said, 9) = round(fold.filled, 9)
              THEN round(fold.quantity, 9) ELSE {_QUANTITY_MAX} END)"""

# What a row says of the order; an error may be the answer to a change, and says nothing of it.
_OF_THE_ORDER = f"""CASE parts.step
    -- On a working order the same code refuses a change and leaves it alive (INC-015).
    WHEN 'rejects' THEN CASE
         WHEN NOT coalesce({_MAY_HOLD}, 0)
              AND (fold.state NOT IN ('WORKING', 'CANCELLING') OR fold.status = 'Inactive')
         THEN 'reject confirmed' END
    WHEN 'unclear' THEN CASE WHEN NOT coalesce({_MAY_HOLD}, 0) THEN 'unclear' END
    WHEN 'cancel refused' THEN CASE
         WHEN NOT coalesce({_MAY_HOLD} AND fold.state = 'WORKING', 0) THEN 'cancel refused' END
    WHEN 'whole' THEN CASE WHEN fold.is_due AND {_IS_WHOLE} THEN 'fill completed' END
    WHEN 'whole fill' THEN CASE WHEN {_IS_WHOLE} THEN 'fill completed'
         WHEN round(fold.filled, 9) < {_QUANTITY_MAX} THEN 'acknowledged' END
    ELSE parts.step END"""
_OF_THE_CHANGE = f"""CASE
    WHEN parts.step IN ('change sent', 'change withheld', 'change unanswered', 'change refuted')
    THEN CASE WHEN parts.number = fold.number THEN parts.step END
    WHEN {_MAY_HOLD} AND parts.step = 'rejects' THEN 'refused'
    -- "Not found" of an order that nobody cancels is said of its change (135: INC-134).
    WHEN {_MAY_HOLD} AND (parts.step = 'unclear'
         OR parts.step = 'cancel refused' AND fold.state = 'WORKING') THEN 'change unanswered'
    -- More than the confirmed terms allow: the broker holds the new ones.
    WHEN {_MAY_HOLD} AND parts.step = 'proof'
         AND round(fold.quantity, 9) < round(fold.filled, 9)
         AND round(fold.filled, 9) <= {_QUANTITY_MAX} THEN 'shown'
    WHEN parts.step = 'echo' AND {_shows("new")} THEN 'shown'
    -- An exchange can refuse what the broker has already shown.
    WHEN parts.step = 'echo' AND fold.change_state = 'APPLIED' AND {_shows("old")} THEN 'reverted'
    END"""


def _held(name: str) -> str:
    """Return a term that the broker has shown to hold."""
    return f"""CASE WHEN turned.after = 'APPLIED' THEN fold.new_{name}
              WHEN turned.step = 'reverted' THEN fold.old_{name} ELSE fold.{name} END"""


def _at_plan(new: str, otherwise: str) -> str:
    return f"CASE parts.step WHEN 'change planned' THEN {new} ELSE {otherwise} END"


def _order_fold(of_the_order: str, of_the_change: str) -> str:
    """Return the view that folds an order's rows by what each says of it and of its change."""
    return f"""
CREATE VIEW _order_fold AS
WITH RECURSIVE
parts AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY seq, part) AS place
    FROM _order_parts
), moves (state, step, after) AS MATERIALIZED (VALUES {ORDER_MOVES}
), turns (state, step, after) AS MATERIALIZED (VALUES {_CHANGE_MOVES}
), fold (order_id, place, state, status, said, filled, quantity, limit_price, stop_price,
         number, change_state, new_quantity, new_limit_price, new_stop_price,
         old_quantity, old_limit_price, old_stop_price, is_due) AS (
  SELECT {field("order_id")}, 0, 'PLANNED', '', 0, 0,
         {field("terms.quantity")}, {field("terms.limit_price")},
         {field("terms.stop_price")},
         NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
    FROM events WHERE kind = 'OrderPlanned'
   UNION ALL
  SELECT fold.order_id, parts.place, coalesce(moves.after, fold.state),
         CASE WHEN parts.status <> '' THEN parts.status ELSE fold.status END,
         max(fold.said, round(parts.said, 9)),
         CASE parts.step WHEN 'filled' THEN parts.quantity ELSE fold.filled END,
         {_held("quantity")}, {_held("limit_price")}, {_held("stop_price")},
         {_at_plan("parts.number", "fold.number")},
         {_at_plan("'PLANNED'", "coalesce(turned.after, fold.change_state)")},
         {_at_plan("parts.quantity", "fold.new_quantity")},
         {_at_plan("parts.limit_price", "fold.new_limit_price")},
         {_at_plan("parts.stop_price", "fold.new_stop_price")},
         {_at_plan("fold.quantity", "fold.old_quantity")},
         {_at_plan("fold.limit_price", "fold.old_limit_price")},
         {_at_plan("fold.stop_price", "fold.old_stop_price")},
         -- A word that turns nothing is a reason to count all the same; a refused turn is none.
         turned.after IS NOT NULL OR (parts.step IN ('echo', 'word')
           AND fold.number IS NOT NULL AND turned.step IS NULL)
    FROM fold
    JOIN parts ON parts.order_id = fold.order_id AND parts.place = fold.place + 1
    LEFT JOIN moves ON moves.state = fold.state AND moves.step = {of_the_order}
    LEFT JOIN turns AS turned
      ON turned.state = fold.change_state AND turned.step = {of_the_change}
)
SELECT * FROM fold
"""


_ORDER_FOLD = _order_fold(_OF_THE_ORDER, _OF_THE_CHANGE)


V_ORDERS = f"""
CREATE VIEW v_orders AS
WITH planned AS MATERIALIZED (
  SELECT seq, at_us, {columns("order_id", "client_id", "order_ref")},
         {ORDER_TERMS}
    FROM events WHERE kind = 'OrderPlanned'
), ended AS MATERIALIZED (
  SELECT order_id, max(place), state, status, quantity, limit_price, stop_price, number,
         change_state, change_state IN ('PLANNED', 'SENT', 'UNCERTAIN') AS is_open,
         new_quantity, new_limit_price, new_stop_price
    FROM _order_fold GROUP BY order_id
), left_us AS MATERIALIZED (
  SELECT kind, {field("order_id")} AS order_id, min(seq) AS seq
    FROM events WHERE kind IN ('OrderSent', 'OrderWithheld') GROUP BY 1, 2
)
SELECT planned.seq, {at("planned.at_us")} AS at, planned.at_us,
       intent_id, strategy, planned.order_id, client_id, order_ref, account, con_id, symbol, side,
       ended.quantity, order_type, time_in_force, ended.limit_price, ended.stop_price,
       is_reduce_only, sent.seq AS sent_seq, withheld.seq AS withheld_seq,
       ended.state, ended.status AS broker_status,
       ended.number AS change_number, ended.change_state,
       CASE WHEN is_open THEN new_quantity END AS desired_quantity,
       CASE WHEN is_open THEN new_limit_price END AS desired_limit_price,
       CASE WHEN is_open THEN new_stop_price END AS desired_stop_price
  FROM planned
  JOIN ended ON ended.order_id = planned.order_id
  LEFT JOIN left_us AS sent
    ON sent.order_id = planned.order_id AND sent.kind = 'OrderSent'
  LEFT JOIN left_us AS withheld
    ON withheld.order_id = planned.order_id AND withheld.kind = 'OrderWithheld'
"""

V_CHANGES = f"""
CREATE VIEW v_changes AS
WITH ended AS MATERIALIZED (
  SELECT order_id, number, max(place), change_state FROM _order_fold
   WHERE number IS NOT NULL GROUP BY order_id, number
), promised AS MATERIALIZED (
  SELECT seq, at_us, {columns("order_id", "number", "reason")},
         {columns("quantity", "limit_price", "stop_price", under="terms.")}
    FROM events WHERE kind = 'ModifyPlanned'
)
SELECT seq, {at("at_us")} AS at, at_us, promised.order_id, promised.number,
       quantity, limit_price, stop_price, reason, change_state AS state
  FROM promised
  JOIN ended ON ended.order_id = promised.order_id AND ended.number = promised.number
"""

# In this order: each uses only those before it.
CHANGED_ORDER_VIEWS = (
    "DROP VIEW v_orders",
    "DROP VIEW _order_steps",
    ORDER_PARTS,
    _ORDER_FOLD,
    V_ORDERS,
    V_CHANGES,
)

# A broker that says Filled, of just what we have and of less than the order, has made it smaller
# where that is what a change asked for.
IS_SAID = """fold.status = 'Filled' AND fold.filled > 0
         AND round(fold.said, 9) = round(fold.filled, 9)"""
_IS_LESS = f"""({IS_SAID}
         AND round(fold.filled, 9) < round(fold.quantity, 9)
         AND {_same("fold.new_quantity", "fold.filled")}
         AND fold.change_state IN ('SENT', 'UNCERTAIN', 'DROPPED'))"""
IS_COUNTED = "(parts.step = 'whole fill' OR parts.step = 'whole' AND fold.is_due)"
_OF_THE_ORDER_OR_LESS = f"""CASE
    WHEN {IS_COUNTED} AND coalesce({_IS_LESS}, 0) THEN 'fill completed'
    ELSE {_OF_THE_ORDER} END"""
_OF_THE_CHANGE_OR_LESS = f"""CASE
    WHEN {IS_COUNTED} AND coalesce({_IS_LESS}, 0) THEN 'shown'
    ELSE {_OF_THE_CHANGE} END"""

ORDER_FOLD = _order_fold(_OF_THE_ORDER_OR_LESS, _OF_THE_CHANGE_OR_LESS)
# The views over it find it by its name.
LESSENED_ORDER_VIEWS = ("DROP VIEW _order_fold", ORDER_FOLD)

# Until when the broker may execute an order, where it was told so: its time in force is GTD there.
EXPIRY_VIEWS = (
    f"""
CREATE VIEW v_expiries AS
SELECT seq, {at("at_us")} AS at, at_us, {field("order_id")} AS order_id,
       {field("terms.good_till_utc")} AS good_till_utc
  FROM events WHERE kind = 'OrderPlanned' AND {field("terms.good_till_utc")} IS NOT NULL
""",
)
