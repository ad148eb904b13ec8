"""What the broker's message codes mean to us: a table, and nothing decided by it.

A code on an order's id is evidence, never a state (INC-001). The table is an allow-list: a code
that is not in it is UNCLEAR, which makes the engine ask the broker instead of guessing. Codes
whose outcome depends on facts that the code does not carry are left UNCLEAR on purpose.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from trader.core.events import Evidence
from trader.core.history_pacing import HistoryTrouble

CLIENT_ID_IN_USE = 326
PORT_RESET = 1300

# The order was refused before it could work. Left out on purpose: 103 and 10149 (the id is known
# to the broker, so an order may live under it, INC-076), 106 (kept untransmitted), 164 and 10311
# (a precaution somebody may confirm in the terminal), 105, 134 and 329 (a change, or an id used
# twice), 322 and 323 (failed while being processed).
_REJECTS_NEW = frozenset(
    {
        *(107, 109, 110, 111, *range(113, 130), 132, 133, *range(140, 143), *range(145, 149)),
        *(*range(151, 161), 163, 167, 168, 200, 201, 203, 303, *range(311, 316), 320, 321),
        *(325, 328, *range(333, 344), *range(345, 354), 355, 356, *range(358, 365)),
        *(*range(367, 381), 382, 383, *range(387, 399), *range(400, 404), *range(405, 414)),
        *(*range(417, 420), 421, *range(423, 430), *range(432, 438), 439, *range(441, 444)),
        *(*range(445, 451), 460, 463, 478),
        *(*range(10000, 10004), *range(10005, 10016), 10017, *range(10020, 10028)),
        *(10052, 10058, *range(10234, 10238), *range(10239, 10258), *range(10268, 10271)),
        *(10289, 10293, 10318),
    }
)
_CONFIRMS_CANCEL = frozenset({202})
# They say that a cancel did nothing, not what became of the order (INC-036).
_REFUSES_CANCEL = frozenset({135, 136, 137, 161, 10147, 10148})
# The order is as it was: 399 and 404 are held orders, 10349 a preset TIF (INC-001, INC-082).
_INFORMS = frozenset({131, 399, 404, 10233, 10349})
_WARNINGS = range(2100, 2200)
# A change that came too early; nothing of ours changes an order, so it stays unexplained.
_UNCLEAR_WARNINGS = frozenset({2102})

# Ticks follow all the same; whether they are live is told by message 58 (INC-126).
_DATA_ADVISORIES = frozenset({317, 10089, 10090, 10091, 10167})

_FARM_UP = frozenset({2104, 2106, 2158})
_FARM_IDLE = frozenset({2107, 2108})  # inactive until demanded: nothing is wrong
_FARM_DOWN = frozenset({2103, 2105, 2119, 2157})
_FARM_CONNECTING = 2119
_UPSTREAM_DOWN = frozenset({1100, 2110})
_UPSTREAM_UP = frozenset({1101, 1102})

# Of a question for history. 162 alone says five things, told apart by its text (INC-128).
_HISTORY_ERROR = 162
_HISTORY_TEXTS = (
    ("pacing violation", HistoryTrouble.PACING),
    ("simultaneous", HistoryTrouble.PACING),
    ("returned no data", HistoryTrouble.NO_DATA),
    ("cancelled", HistoryTrouble.CANCELLED),
    ("different ip address", HistoryTrouble.ELSEWHERE),
    ("permission", HistoryTrouble.NO_PERMISSION),
    ("not subscribed", HistoryTrouble.NO_PERMISSION),
    ("exceed max", HistoryTrouble.INVALID),
    ("no historical market data for", HistoryTrouble.NO_PERMISSION),
)
_HISTORY_CODES = {
    166: HistoryTrouble.NO_DATA,  # an expired contract
    200: HistoryTrouble.NO_CONTRACT,
    203: HistoryTrouble.NO_PERMISSION,
    320: HistoryTrouble.INVALID,
    321: HistoryTrouble.INVALID,
    322: HistoryTrouble.PACING,  # too many at once; nothing else draws it here
    354: HistoryTrouble.NO_PERMISSION,
    366: HistoryTrouble.CANCELLED,
    420: HistoryTrouble.PACING,
    430: HistoryTrouble.NO_PERMISSION,
    10168: HistoryTrouble.NO_PERMISSION,
    10187: HistoryTrouble.NO_PERMISSION,
    10197: HistoryTrouble.ELSEWHERE,
    10299: HistoryTrouble.INVALID,
}
_FARM_NAME = re.compile(r":\s*([A-Za-z][\w.-]*)\s*$")


class Axis(StrEnum):
    """The links that a code can speak of; three different facts."""

    SOCKET = "socket"
    UPSTREAM = "upstream"
    FARM = "farm"


@dataclass(frozen=True, slots=True)
class Connectivity:
    """What a connectivity code says; ``proves_upstream`` where a farm answers through it."""

    axis: Axis
    is_up: bool
    text: str
    proves_upstream: bool = False


def evidence_of(code: int) -> Evidence:
    """Return what a code on an order's id proves; UNCLEAR for every code not in the table."""
    if code in _REJECTS_NEW:
        return Evidence.REJECTS_NEW
    if code in _CONFIRMS_CANCEL:
        return Evidence.CONFIRMS_CANCEL
    if code in _REFUSES_CANCEL:
        return Evidence.REFUSES_CANCEL
    if code in _INFORMS or (code in _WARNINGS and code not in _UNCLEAR_WARNINGS):
        return Evidence.INFORMS
    return Evidence.UNCLEAR


def connectivity_of(code: int, text: str) -> Connectivity | None:
    """Return what a code says of a link, whatever id it came with, or None if nothing."""
    if code in _UPSTREAM_DOWN:
        return Connectivity(Axis.UPSTREAM, is_up=False, text=text)
    if code in _UPSTREAM_UP:
        return Connectivity(Axis.UPSTREAM, is_up=True, text=text)
    if code == PORT_RESET:
        return Connectivity(Axis.SOCKET, is_up=False, text=text)
    if code in _FARM_UP:
        return Connectivity(Axis.FARM, is_up=True, text=farm_name(text), proves_upstream=True)
    if code in _FARM_IDLE:
        return Connectivity(Axis.FARM, is_up=True, text=farm_name(text))
    if code in _FARM_DOWN:
        return Connectivity(Axis.FARM, is_up=False, text=farm_name(text))
    return None


def farm_state(code: int) -> str:
    """Return how a farm is, by the code that told it last."""
    if code in _FARM_UP:
        return "ok"
    if code in _FARM_IDLE:
        return "inactive"
    return "connecting" if code == _FARM_CONNECTING else "broken"


def farm_name(text: str) -> str:
    """Return the farm named at the end of a text (``...is OK:usfarm``), or the whole text."""
    match = _FARM_NAME.search(text)
    return match[1] if match else text


def ends_request(code: int) -> bool:
    """Tell whether an error on a request's id is its answer, or only a remark beside it."""
    return code not in _DATA_ADVISORIES and code not in _WARNINGS


def history_trouble(code: int, text: str) -> HistoryTrouble:
    """Return what an error says of a question for history; what is not known may pass by itself."""
    if code == _HISTORY_ERROR:
        said = text.lower()
        found = (trouble for part, trouble in _HISTORY_TEXTS if part in said)
        return next(found, HistoryTrouble.UNAVAILABLE)
    return _HISTORY_CODES.get(code, HistoryTrouble.UNAVAILABLE)


def is_read_only(code: int, text: str) -> bool:
    """Tell whether the API refuses because it is read-only (321, told by its text only)."""
    return code == 321 and "read-only" in text.lower()
