"""What kind of market data a request is given: a table of permission and wish, decided purely."""

from dataclasses import dataclass

from trader.sim.gateway.feeds.lines import Mode
from trader.sim.gateway.feeds.market_faults import Permission
from trader.sim.model.instruments import Instrument

COMPETING = (10197, "No market data during competing session")
_NOT_SUBSCRIBED = "Requested market data is not subscribed."
_ADDITIONAL = (
    "Requested market data requires additional subscription for API. "
    "See link in 'Market Data Connections' dialog for more details."
)

# Whoever has one of these sees what is live.
SEEN = (Permission.LIVE, Permission.PARTIAL)
# What is said of depth, bars and single ticks that the account does not see; recorded of bars.
UNSEEN = (10089, _ADDITIONAL.rstrip())


@dataclass(frozen=True, slots=True)
class Grant:
    """The kind of data given, None when refused, and the code and text that go with it."""

    mode: Mode | None
    code: int = 0
    text: str = ""


def decide(wish: Mode, permission: Permission, item: Instrument, *, is_open: bool) -> Grant:
    """Return what a request for market data is given."""
    if permission in SEEN:
        # Frozen data is what a closed market last showed; an open one shows live data.
        frozen = wish.is_frozen and not is_open
        mode = Mode.FROZEN if frozen else Mode.LIVE
        if permission is Permission.LIVE:
            return Grant(mode)
        return Grant(
            mode, 10090, f"Part of requested market data is not subscribed.{_source(item)}"
        )
    if wish.is_delayed:
        if permission is Permission.NONE:
            return Grant(None, 10168, f"{_NOT_SUBSCRIBED} Delayed market data is not enabled.")
        mode = Mode.DELAYED_FROZEN if wish.is_frozen and not is_open else Mode.DELAYED
        return Grant(
            mode, 10167, f"{_NOT_SUBSCRIBED} Displaying delayed market data.{_source(item)}"
        )
    if permission is Permission.NO_API:
        return Grant(None, 10089, f"{_ADDITIONAL}Delayed market data is available.{_source(item)}")
    hint = "" if permission is Permission.NONE else "Delayed market data is available."
    return Grant(None, 354, f"{_NOT_SUBSCRIBED}{hint}{_source(item)}")


def no_history(item: Instrument) -> str:
    """Return what is said of history that the account does not see (162)."""
    return (
        "Historical Market Data Service error message:No market data permissions for "
        f"{item.primary_exchange} {item.sec_type}"
    )


def _source(item: Instrument) -> str:
    return f"{item.symbol} {item.primary_exchange}/TOP/ALL"
