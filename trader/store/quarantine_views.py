"""The view that tells what could not be read, and what became of it, as SQL.

It carries the name by which people look for such things. A key that comes again after its letter
was ended is another letter.
"""
# ruff: noqa: S608 - SQL put together from pieces that stand in this file

from trader.store.views import at, columns, field

_DEAD_LETTERS = f"""
CREATE VIEW dead_letters AS
WITH words AS MATERIALIZED (
  SELECT seq, at_us, kind, payload, {field("key")} AS key FROM events
   WHERE kind IN ('MessageQuarantined', 'MessageRepeated', 'MessageRetried', 'MessageDismissed')
)
SELECT opened.seq, {at("opened.at_us")} AS at, opened.at_us, opened.key,
       {field("message_id", "opened.payload")} AS message_id,
       {field("server_version", "opened.payload")} AS server_version,
       {field("fields", "opened.payload")} AS fields,
       {field("is_truncated", "opened.payload")} AS is_truncated,
       {field("error", "opened.payload")} AS error,
       coalesce({field("count", "last.payload")}, 1) AS count,
       {at("coalesce(last.at_us, opened.at_us)")} AS last_at,
       {field("outcome", "tried.payload")} AS tried_outcome,
       {field("by", "tried.payload")} AS tried_by,
       {at("tried.at_us")} AS tried_at,
       ended.seq AS ended_seq,
       CASE ended.kind WHEN 'MessageDismissed' THEN 'dismissed' WHEN 'MessageRetried' THEN 'retried'
       END AS ended_as,
       {field("reason", "ended.payload")} AS ended_reason,
       {field("by", "ended.payload")} AS ended_by,
       {at("ended.at_us")} AS ended_at
  FROM words AS opened
  LEFT JOIN words AS ended ON ended.seq = (
       SELECT min(seq) FROM words WHERE key = opened.key AND seq > opened.seq
          AND (kind = 'MessageDismissed'
               OR kind = 'MessageRetried' AND {field("is_settled")} = 1))
  LEFT JOIN words AS last ON last.seq = (
       SELECT max(seq) FROM words WHERE kind = 'MessageRepeated' AND key = opened.key
          AND seq > opened.seq AND seq < coalesce(ended.seq, seq + 1))
  LEFT JOIN words AS tried ON tried.seq = (
       SELECT max(seq) FROM words WHERE kind = 'MessageRetried' AND key = opened.key
          AND seq > opened.seq AND seq <= coalesce(ended.seq, seq))
 WHERE opened.kind = 'MessageQuarantined'
"""

# What there was no room for, by message id: each row is one doubling of a count.
_NOT_KEPT = f"""
CREATE VIEW dead_letters_not_kept AS
SELECT seq, {at("at_us")} AS at, at_us,
       {columns("message_id", "count")}
  FROM events WHERE kind = 'MessageNotKept'
"""

QUARANTINE_VIEWS = (_DEAD_LETTERS, _NOT_KEPT)
