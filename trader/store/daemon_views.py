"""The views that tell what the daemon's strategies may do, and what left without the daemon.

A strategy is RUNNING while it may add risk or take it off, HALTED while a halt or its own breaker
keeps it from adding, and FAILED when its task has ended by a fault. A process that has only begun
has not said yet what it may do, and one that has ended does nothing: both count as HALTED. A
process that was killed cannot say so: its journal tells what held last.
"""
# ruff: noqa: S608 - SQL put together from pieces that stand in this file

from trader.store.views import at, columns, field

V_STRATEGIES = f"""
CREATE VIEW v_strategies AS
WITH started AS MATERIALIZED (
  SELECT seq, payload FROM events WHERE kind = 'DaemonStarted' ORDER BY seq DESC LIMIT 1
), ended AS MATERIALIZED (
  SELECT max(seq) AS seq FROM events WHERE kind = 'DaemonStopped'
), postures AS MATERIALIZED (
  SELECT seq, at_us, {field("posture")} AS posture, {field("causes")} AS causes
    FROM events WHERE kind = 'PostureChanged' AND seq > (SELECT seq FROM started)
   ORDER BY seq DESC LIMIT 1
), names AS MATERIALIZED (
  SELECT item.value AS name FROM started, json_each(started.payload, '$.strategies') AS item
), halts AS MATERIALIZED (
  SELECT {field("strategy")} AS name, max(seq) AS seq, kind, at_us,
         {field("name")} || ' ' || {field("inputs")} AS reason
    FROM events WHERE kind IN ('StrategyHalted', 'StrategyReleased') GROUP BY 1
), faults AS MATERIALIZED (
  SELECT {field("strategy")} AS name, max(seq) AS seq, at_us, {field("problem")} AS reason
    FROM events WHERE kind = 'StrategyFailed' AND seq > (SELECT seq FROM started) GROUP BY 1
), judged AS (
  SELECT names.name,
         CASE WHEN ended.seq > started.seq THEN 'HALTED'
              WHEN faults.seq IS NOT NULL THEN 'FAILED'
              WHEN halts.kind = 'StrategyHalted' THEN 'HALTED'
              WHEN postures.posture IS NULL OR postures.posture = 'halted' THEN 'HALTED'
              ELSE 'RUNNING' END AS status,
         CASE WHEN ended.seq > started.seq THEN 'the daemon has stopped'
              WHEN faults.seq IS NOT NULL THEN faults.reason
              WHEN halts.kind = 'StrategyHalted' THEN halts.reason
              WHEN postures.posture IS NULL THEN 'starting'
              WHEN postures.posture = 'halted' THEN postures.causes
              ELSE '' END AS reason,
         CASE WHEN ended.seq > started.seq THEN ended.seq
              WHEN faults.seq IS NOT NULL THEN faults.seq
              WHEN halts.kind = 'StrategyHalted' THEN halts.seq
              ELSE coalesce(postures.seq, started.seq) END AS seq
    FROM names
    JOIN started
    LEFT JOIN ended
    LEFT JOIN postures
    LEFT JOIN halts ON halts.name = names.name
    LEFT JOIN faults ON faults.name = names.name
)
SELECT judged.name, judged.status, judged.reason, judged.seq, {at("events.at_us")} AS at,
       events.at_us AS at_us
  FROM judged JOIN events ON events.seq = judged.seq
"""

V_EMERGENCY_ORDERS = f"""
CREATE VIEW v_emergency_orders AS
SELECT seq, {at("at_us")} AS at, at_us,
       {columns("order_ref", "client_id", "order_id", "account", "con_id", "symbol", "side",
                "quantity", "sent_utc")},
       {field("by")} AS by
  FROM events WHERE kind = 'EmergencyOrderKnown'
"""  # fmt: skip

V_EMERGENCY_CANCELS = f"""
CREATE VIEW v_emergency_cancels AS
SELECT seq, {at("at_us")} AS at, at_us,
       {columns("order_ref", "client_id", "order_id", "perm_id", "symbol", "is_everything",
                "sent_utc")},
       {field("by")} AS by
  FROM events WHERE kind = 'EmergencyCancelKnown'
"""  # fmt: skip

DAEMON_VIEWS = (V_STRATEGIES, V_EMERGENCY_ORDERS, V_EMERGENCY_CANCELS)
