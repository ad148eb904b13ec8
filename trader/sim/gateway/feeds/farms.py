"""Data farms: which farm serves an instrument, and what is said when one comes or goes.

The names are those seen on real connections; a broken farm silences what it serves.
"""

from dataclasses import dataclass

from trader.sim.model.instruments import Instrument

MARKET_DATA, HISTORY, DEFINITIONS = "market data", "history", "definitions"
HISTORY_FARM, DEFINITIONS_FARM = "ushmds", "secdefil"


@dataclass(frozen=True, slots=True)
class Notice:
    """One code about a farm: its text up to the farm's name, and whether data flows."""

    kind: str
    text: str
    is_up: bool


NOTICES = {
    2103: Notice(MARKET_DATA, "Market data farm connection is broken:", is_up=False),
    2104: Notice(MARKET_DATA, "Market data farm connection is OK:", is_up=True),
    2105: Notice(HISTORY, "HMDS data farm connection is broken:", is_up=False),
    2106: Notice(HISTORY, "HMDS data farm connection is OK:", is_up=True),
    2107: Notice(
        HISTORY, "HMDS data farm connection is inactive but should be available upon demand.",
        is_up=True,
    ),
    2108: Notice(
        MARKET_DATA,
        "Market data farm connection is inactive but should be available upon demand.",
        is_up=True,
    ),
    2119: Notice(MARKET_DATA, "Market data farm is connecting:", is_up=False),
    2157: Notice(DEFINITIONS, "Sec-def data farm connection is broken:", is_up=False),
    2158: Notice(DEFINITIONS, "Sec-def data farm connection is OK:", is_up=True),
}  # fmt: skip
_BY_TYPE = {"FUT": "usfuture", "CASH": "cashfarm", "CRYPTO": "cryptofarm", "OPT": "usopt"}
_BY_EXCHANGE = {"IBIS": "eufarm", "LSE": "eufarm"}
_DEFAULT_FARM = "usfarm"
DEFAULT_FARMS = {
    MARKET_DATA: _DEFAULT_FARM, HISTORY: HISTORY_FARM, DEFINITIONS: DEFINITIONS_FARM,
}  # fmt: skip


def farm_of(item: Instrument) -> str:
    """Return the market data farm that serves an instrument."""
    by_type = _BY_TYPE.get(item.sec_type)
    return by_type or _BY_EXCHANGE.get(item.primary_exchange, _DEFAULT_FARM)


def text(code: int, farm: str) -> str:
    """Return the whole text of a farm notice."""
    return NOTICES[code].text + farm
