"""Identifiers, and how they travel to the broker and back.

The intent id is the key of idempotency. It travels as ``orderRef`` inside a short token with a
checksum, because the broker may append text to an ``orderRef`` or blank it (INC-096), and a
reference that is not provably ours must never be taken for ours.
"""

import re
from typing import NewType
from zlib import crc32

AccountId = NewType("AccountId", str)
ClientId = NewType("ClientId", int)
ConId = NewType("ConId", int)
ExecId = NewType("ExecId", str)
ExecFamily = NewType("ExecFamily", str)
IntentId = NewType("IntentId", str)
Lineage = NewType("Lineage", str)
OrderId = NewType("OrderId", int)
OrderRef = NewType("OrderRef", str)
PermId = NewType("PermId", int)
RunId = NewType("RunId", str)
Seq = NewType("Seq", int)
StrategyName = NewType("StrategyName", str)
TicketId = NewType("TicketId", str)

ORDER_REF_LENGTH_MAX = 40
LINEAGE_FORM = re.compile(r"[a-z0-9]{6}")
STRATEGY_FORM = re.compile(r"[a-z][a-z0-9_]{0,15}")
# What is drawn for a journal is six hexadecimal digits: it is never one of these.
SHADOW = Lineage("shadow")
REPLAY = Lineage("replay")
UNREAL = (SHADOW, REPLAY)
_KILL_REF = re.compile(r"kill-[a-z0-9]{6}-[0-9]{1,20}")
# What the id of a bracket's leg ends with, after its entry's: it protects or takes the profit.
STOP_MARK, PROFIT_MARK = "s", "p"
INTENT_FORM = re.compile(r"[a-z0-9]{6}-[a-z][a-z0-9_]{0,15}-[0-9]{1,12}[sp]?")
_REF_FORM = re.compile(rf"T1-({INTENT_FORM.pattern})-([0-9a-f]{{4}})")
# What a reference has around the id: ``T1-`` and ``-`` with four digits of a checksum.
_INTENT_LENGTH_MAX = ORDER_REF_LENGTH_MAX - 8


def intent_id(lineage: Lineage, strategy: StrategyName, number: int) -> IntentId:
    """Name the ``number``-th intent of a strategy.

    ``lineage`` is drawn once per journal, so a journal that is started afresh cannot name an
    intent that the broker already knows from the one before.
    """
    assert LINEAGE_FORM.fullmatch(lineage), f"lineage {lineage!r}"
    assert STRATEGY_FORM.fullmatch(strategy), f"strategy {strategy!r}"
    # Eight digits keep the longest reference at 40 characters.
    assert 0 < number < 10**8, f"intent number {number}"
    return IntentId(f"{lineage}-{strategy}-{number}")


def tag_of(intent: IntentId) -> Lineage | None:
    """Return the tag of an intent that must never reach a broker; None where it is a real one."""
    head, _, _ = intent.partition("-")
    return next((tag for tag in UNREAL if tag == head), None)


def leg_id(entry: IntentId, mark: str) -> IntentId:
    """Name a leg of a bracket after its entry: the same bracket again names the same legs."""
    assert mark in (STOP_MARK, PROFIT_MARK), f"mark {mark!r}"
    return IntentId(f"{entry}{mark}")


def numbered(intent: IntentId) -> tuple[str, int]:
    """Split an intent's id into what comes before its number, and the number."""
    head, _, number = intent.rpartition("-")
    if not is_traceable(intent):
        return intent, 0
    return head, int(number.rstrip(STOP_MARK + PROFIT_MARK))


def order_ref(intent: IntentId) -> OrderRef:
    """Wrap an intent id for the wire: at most 40 characters, self-checking."""
    return OrderRef(f"T1-{intent}-{_check(intent)}")


def is_traceable(intent: IntentId) -> bool:
    """Tell whether the reference made of an id leads back to it, and is not too long."""
    return INTENT_FORM.fullmatch(intent) is not None and len(intent) <= _INTENT_LENGTH_MAX


def kill_ref_in(text: str) -> OrderRef | None:
    """Return the reference of an emergency order at the head of a text, or None.

    ``kill-<lineage of the journal>-<number>``; the broker may have lengthened it (INC-096).
    """
    found = _KILL_REF.match(text)
    return None if found is None else OrderRef(found[0])


def intent_id_in(ref: str) -> IntentId | None:
    """Return the intent id at the start of an ``orderRef``, or None if it is not one of ours."""
    match = _REF_FORM.match(ref)
    if match is None or match[2] != _check(match[1]):
        return None
    return IntentId(match[1])


def entry_in(ref: str) -> IntentId | None:
    """Return the entry's intent id where an ``orderRef`` names a leg of a bracket; else None."""
    intent = intent_id_in(ref)
    if intent is None or not intent.endswith((STOP_MARK, PROFIT_MARK)):
        return None
    return IntentId(intent[:-1])


def exec_family(exec_id: ExecId) -> tuple[ExecFamily, int]:
    """Split an execution id into its family and its revision.

    ``0000e0d5.67fe667b.01.01`` and ``...01.02`` are one execution, reported and then corrected:
    only the digits after the last period differ, and the higher one replaces (INC-048).
    """
    family, dot, revision = exec_id.rpartition(".")
    # `isdigit` alone takes digits of every script, and `int` does not.
    if dot and revision.isascii() and revision.isdigit():
        return ExecFamily(family), int(revision)
    return ExecFamily(exec_id), 0


def _check(text: str) -> str:
    return f"{crc32(text.encode()) & 0xFFFF:04x}"
