"""Finding everything in the journal that belongs to one intent, by whatever name it is asked for.

Reads only, from a connection of its own, while the daemon writes: an operator's question costs
the daemon nothing but the disk's attention. The journal has no index for it on purpose, because
an index would cost every promise; a million events take a few seconds.
"""

import re
import sqlite3
from pathlib import Path

from trader.core.events import ExecutionSeen, Recorded
from trader.core.ids import (
    INTENT_FORM,
    ExecFamily,
    ExecId,
    IntentId,
    OrderRef,
    exec_family,
    intent_id_in,
    kill_ref_in,
    order_ref,
)
from trader.core.story import BACKGROUND
from trader.store.archives import history
from trader.store.onlooker import EVENT_ROWS
from trader.store.rows import Row, recorded_of

_NUMBER_FORM = re.compile(r"(?:(order|perm):)?([0-9]{1,18})", re.ASCII)
_IN_PLACE = " ORDER BY seq"
_OF_ORDERS = """kind IN ('OrderPlanned', 'OrderSent', 'OrderWithheld', 'CancelSent',
    'ModifyPlanned', 'ModifyRefused', 'ModifySent', 'ModifyWithheld', 'ModifyUnanswered',
    'ModifyRefuted', 'OrderErrorSeen', 'OrderUnanswered', 'OrderAbsentSeen', 'OrderProvenAbsent',
    'OrderSettled',
    'OrderStatusSeen', 'OpenOrderSeen') AND json_extract(payload, '$.order_id') = ?"""
# The broker may name an order by its reference or its permId where it gives no order id.
_WORDS_OF = """kind IN ('OrderStatusSeen', 'OpenOrderSeen')
    AND json_extract(payload, '$.order_id') <> ?
    AND (json_extract(payload, '$.perm_id') IN (SELECT value FROM json_each(?))
         OR json_extract(payload, '$.order_ref') LIKE ? || '%')"""
_EXECUTIONS_OF = """kind = 'ExecutionSeen' AND (json_extract(payload, '$.execution.order_id') = ?
    OR json_extract(payload, '$.execution.perm_id') IN (SELECT value FROM json_each(?))
    OR json_extract(payload, '$.execution.order_ref') LIKE ? || '%')"""


_EMERGENCY_ORDER = "kind = 'EmergencyOrderKnown' AND json_extract(payload, '$.order_ref') = ?"
# The broker may have lengthened a reference, and a longer number is another order's.
_EMERGENCY_EXECUTIONS = """kind = 'ExecutionSeen'
    AND json_extract(payload, '$.execution.order_ref') GLOB ?1 || '*'
    AND json_extract(payload, '$.execution.order_ref') NOT GLOB ?1 || '[0-9]*'"""
_EMERGENCY_CANCELS = """kind = 'EmergencyCancelKnown'
    AND (json_extract(payload, '$.order_ref') LIKE ? || '%'
         OR json_extract(payload, '$.perm_id') IN (SELECT value FROM json_each(?)))"""


class NameUnknown(ValueError):
    """Nothing in the journal has this name, or more than one thing; the message says which."""


def related(path: Path, name: str) -> tuple[IntentId, tuple[Recorded, ...]]:
    """Return the intent that ``name`` means, with its events and what held then, in order.

    ``name`` is an intent id, an orderRef, an order id, a permId or an execution id; ``order:N``
    and ``perm:N`` say which number is meant. Words about other orders that share a number with
    this one may be among the events. Raises NameUnknown and JournalUnusable.
    """
    with history(path) as db:
        intent = _intent_named(db, name.strip())
        return intent, tuple(recorded_of(row) for row in _rows_about(db, intent))


# ---- which intent


def _intent_named(db: sqlite3.Connection, name: str) -> IntentId:
    by_ref = intent_id_in(name)
    if by_ref is not None:
        return by_ref
    if INTENT_FORM.fullmatch(name):
        return IntentId(name)
    number = _NUMBER_FORM.fullmatch(name)
    found = _by_number(db, number[1], int(number[2])) if number else _by_execution(db, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise NameUnknown(
            f"{name} is an order id of {found[0]} and a permId of {found[1]}; "
            f"say order:{name} or perm:{name}"
        )
    raise NameUnknown(
        f"the journal knows no order {name!r}; allowed: an intent id, an orderRef, an order id, "
        "a permId (as trader status shows them) or an execution id of an order of ours"
    )


def _by_number(db: sqlite3.Connection, kind: str | None, number: int) -> list[IntentId]:
    found: list[IntentId] = []
    if kind != "perm":
        found += _planned(db, number)
    if kind != "order":
        sql = """SELECT DISTINCT json_extract(payload, '$.order_id'),
                        coalesce(json_extract(payload, '$.order_ref'), '')
                   FROM events WHERE kind IN ('OrderStatusSeen', 'OpenOrderSeen')
                    AND json_extract(payload, '$.perm_id') = ?
                  UNION
                 SELECT json_extract(payload, '$.execution.order_id'),
                        json_extract(payload, '$.execution.order_ref')
                   FROM events WHERE kind = 'ExecutionSeen'
                    AND json_extract(payload, '$.execution.perm_id') = ?"""
        found += _named_by(db, db.execute(sql, (number, number)).fetchall())
    return list(dict.fromkeys(found))


def _by_execution(db: sqlite3.Connection, name: str) -> list[IntentId]:
    family, _ = exec_family(ExecId(name))
    sql = """SELECT json_extract(payload, '$.execution.exec_id'),
                    json_extract(payload, '$.execution.order_id'),
                    json_extract(payload, '$.execution.order_ref')
               FROM events WHERE kind = 'ExecutionSeen' AND instr(payload, ?) > 0"""
    rows = db.execute(sql, (str(family),)).fetchall()
    same = [(order, ref) for exec_id, order, ref in rows if _is_of(exec_id, name, family)]
    return _named_by(db, same)


def _is_of(exec_id: str, name: str, family: ExecFamily) -> bool:
    return name in (exec_id, exec_family(ExecId(exec_id))[0]) or (
        exec_family(ExecId(exec_id))[0] == family
    )


def _named_by(db: sqlite3.Connection, rows: list[tuple[int, str]]) -> list[IntentId]:
    """Return the intents of orders that the broker named by reference, or else by id."""
    found: list[IntentId] = []
    for order_id, ref in rows:
        by_ref = intent_id_in(ref)
        found += [by_ref] if by_ref is not None else ([] if ref else _planned(db, order_id))
    return list(dict.fromkeys(found))


def _planned(db: sqlite3.Connection, order_id: int) -> list[IntentId]:
    sql = """SELECT json_extract(payload, '$.terms.intent_id') FROM events
              WHERE kind = 'OrderPlanned' AND json_extract(payload, '$.order_id') = ?"""
    return [IntentId(intent) for (intent,) in db.execute(sql, (order_id,))]


# ---- its events


def _rows_about(db: sqlite3.Connection, intent: IntentId) -> list[Row]:
    rows = _rows(
        db, "kind = 'IntentReviewed' AND json_extract(payload, '$.intent.intent_id') = ?", intent
    )
    for (order_id,) in db.execute(
        """SELECT json_extract(payload, '$.order_id') FROM events WHERE kind = 'OrderPlanned'
            AND json_extract(payload, '$.terms.intent_id') = ?""",
        (intent,),
    ).fetchall():
        rows += _rows_of_order(db, intent, order_id)
    if rows:
        # What held at each review: nothing of it later than the last.
        kinds = ", ".join(f"'{kind.__name__}'" for kind in BACKGROUND)
        last = max(row[0] for row in rows if row[2] == "IntentReviewed")
        rows += _rows(db, f"kind IN ({kinds}) AND seq < ?", last)
    return sorted(rows)


def _rows_of_order(db: sqlite3.Connection, intent: IntentId, order_id: int) -> list[Row]:
    ref = order_ref(intent)
    words = _rows(db, _OF_ORDERS, order_id)
    perm_ids = str(_perm_ids(db, order_id, ref))
    words += _rows(db, _WORDS_OF, order_id, perm_ids, ref)
    executions = _rows(db, _EXECUTIONS_OF, order_id, perm_ids, ref)
    families = {_family_of(row) for row in executions}
    commissions = [
        row
        for family in sorted(families)
        for row in _rows(db, "kind = 'CommissionSeen' AND instr(payload, ?) > 0", family)
    ]
    return [*words, *executions, *commissions, *_rows(db, _EMERGENCY_CANCELS, ref, perm_ids)]


# ---- what left without the daemon


def related_emergency(path: Path, name: str) -> tuple[OrderRef, tuple[Recorded, ...]]:
    """Return the emergency order that ``name`` means, with its events in order.

    ``name`` is its reference, order id, permId or an execution id; ``order:N`` and ``perm:N`` say
    which number is meant. Raises NameUnknown and JournalUnusable.
    """
    with history(path) as db:
        refs = _emergency_refs(db, name.strip())
        if len(refs) != 1:
            known = f"means several of them: {', '.join(refs)}" if refs else "means none of them"
            raise NameUnknown(f"{name} {known}: no one order that left without the daemon")
        (ref,) = refs
        rows = _rows(db, _EMERGENCY_ORDER, ref)
        rows += _rows(db, _EMERGENCY_EXECUTIONS, ref)
        for family in sorted({_family_of(row) for row in rows if row[2] == "ExecutionSeen"}):
            rows += _rows(db, "kind = 'CommissionSeen' AND instr(payload, ?) > 0", family)
        return ref, tuple(recorded_of(row) for row in sorted(rows))


def _emergency_refs(db: sqlite3.Connection, name: str) -> list[OrderRef]:
    by_ref = kill_ref_in(name)
    if by_ref is not None:
        return [by_ref]
    number = _NUMBER_FORM.fullmatch(name)
    found: list[str] = []
    if number and number[1] != "perm":
        sql = """SELECT json_extract(payload, '$.order_ref') FROM events
                  WHERE kind = 'EmergencyOrderKnown' AND json_extract(payload, '$.order_id') = ?"""
        found += [ref for (ref,) in db.execute(sql, (int(number[2]),))]
    if number and number[1] != "order":
        sql = """SELECT json_extract(payload, '$.execution.order_ref') FROM events
                  WHERE kind = 'ExecutionSeen'
                    AND json_extract(payload, '$.execution.perm_id') = ?"""
        found += [ref for (ref,) in db.execute(sql, (int(number[2]),))]
    if not number:
        family, _ = exec_family(ExecId(name))
        sql = """SELECT json_extract(payload, '$.execution.exec_id'),
                        json_extract(payload, '$.execution.order_ref') FROM events
                  WHERE kind = 'ExecutionSeen' AND instr(payload, ?) > 0"""
        rows = db.execute(sql, (str(family),)).fetchall()
        found += [ref for exec_id, ref in rows if _is_of(exec_id, name, family)]
    return list(dict.fromkeys(ref for text in found if (ref := kill_ref_in(text)) is not None))


def _perm_ids(db: sqlite3.Connection, order_id: int, ref: str) -> list[int]:
    sql = """SELECT DISTINCT json_extract(payload, '$.perm_id') FROM events
              WHERE kind IN ('OrderStatusSeen', 'OpenOrderSeen')
                AND (json_extract(payload, '$.order_id') = ?
                     OR json_extract(payload, '$.order_ref') LIKE ? || '%')"""
    return sorted(perm for (perm,) in db.execute(sql, (order_id, ref)) if perm)


def _family_of(row: Row) -> ExecFamily:
    event = recorded_of(row).event
    assert isinstance(event, ExecutionSeen), row
    return exec_family(event.execution.exec_id)[0]


def _rows(db: sqlite3.Connection, where: str, *values: object) -> list[Row]:
    return list(db.execute(f"{EVENT_ROWS}WHERE {where}{_IN_PLACE}", values))
