"""Exchanges as clients ask for them: routes per instrument kind, depth, letters behind a quote."""

from dataclasses import dataclass

# The gateway's code of the consolidated US quote, sent in tick parameters (message 81).
BBO_EXCHANGE = "9c0001"

US_STOCKS = (
    "SMART", "AMEX", "NYSE", "CBOE", "PHLX", "ISE", "CHX", "ARCA", "NASDAQ", "DRCTEDGE", "BEX",
    "BATS", "EDGEA", "BYX", "IEX", "EDGX", "PEARL", "NYSENAT", "LTSE", "MEMX", "PSX",
)  # fmt: skip
US_OPTIONS = (
    "SMART", "AMEX", "CBOE", "PHLX", "PSE", "ISE", "BOX", "BATS", "NASDAQOM", "CBOE2", "NASDAQBX",
    "MIAX", "GEMINI", "EDGX", "MERCURY", "PEARL", "EMERALD",
)  # fmt: skip
# What older clients call the stock exchange NASDAQ.
ALIASES = (("ISLAND", "NASDAQ"),)
# The data service of a book whose rows name market makers (message 13, not 12).
_WITH_MAKERS = "Deep2"

_COMMON = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,BENCHPX,COND,CONDORDER,DAY,DEACT,DEACTDIS,"
    "DEACTEOD,GAT,GTC,GTD,GTT,HID,ICE,IOC,LIT,LMT,MIT,MKT,MTL,NGCOMB,NONALGO,OCA,PEGBENCH,SCALE,"
    "SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)
_BY_KIND = (
    ("FUT", _COMMON),
    ("OPT", _COMMON.replace("GAT", "FOK,GAT")),
    ("CASH", _COMMON.replace("COND,", "CASHQTY,COND,")),
    ("CRYPTO", "CASHQTY,DAY,IOC,LMT,MKT,Minutes,WHATIF"),
    ("IND", "ALERT,SNAPMID,SNAPMKT,SNAPREL,WHATIF"),
    ("BAG", _COMMON),
)


@dataclass(frozen=True, slots=True)
class DepthVenue:
    """One row of message 80."""

    exchange: str
    sec_type: str
    listing_exchange: str
    service: str
    agg_group: int | None


@dataclass(frozen=True, slots=True)
class Component:
    """One row of message 82: the bit in a quote's exchange map, the venue, its letter."""

    bit: int
    exchange: str
    letter: str


def order_types(sec_type: str) -> str:
    """Return the order type list of contract details; empty for a stock's, the default one."""
    return next((text for kind, text in _BY_KIND if kind == sec_type), "")


def official(exchange: str) -> str:
    """Return the exchange's present name."""
    return next((name for alias, name in ALIASES if alias == exchange), exchange)


def depth_venues() -> list[DepthVenue]:
    """Return where an order book can be had (message 80)."""
    stocks = [
        DepthVenue(
            exchange, "STK", "", _WITH_MAKERS if exchange in ("ARCA", "NASDAQ") else "Deep", 1
        )
        for exchange in ("ARCA", "BATS", "BYX", "EDGEA", "EDGX", "IEX", "NASDAQ", "NYSE")
    ]
    others = [
        ("CME", "FUT"), ("CFE", "FUT"), ("IDEALPRO", "CASH"), ("IBIS", "STK"), ("LSE", "STK"),
        ("PAXOS", "CRYPTO"),
    ]  # fmt: skip
    return stocks + [DepthVenue(name, kind, "", "Deep", None) for name, kind in others]


def depth_venue(exchange: str, sec_type: str) -> DepthVenue | None:
    """Return where the book of a kind of contract at one exchange comes from, None from nowhere."""
    wanted = official(exchange), sec_type
    return next((row for row in depth_venues() if (row.exchange, row.sec_type) == wanted), None)


def maker(venue: DepthVenue) -> str:
    """Return who stands in the book of a venue that names its market makers; else nothing.

    What a venue shows without a name of a member's stands under its own.
    """
    if venue.service != _WITH_MAKERS:
        return ""
    return "NSDQ" if venue.exchange == "NASDAQ" else venue.exchange


def components(bbo_exchange: str) -> list[Component] | None:
    """Return the venues behind a consolidated quote (message 82), None for an unknown code."""
    if bbo_exchange != BBO_EXCHANGE:
        return None
    letters = (
        ("AMEX", "A"), ("BEX", "B"), ("NYSENAT", "C"), ("EDGEA", "J"), ("EDGX", "K"),
        ("CHX", "M"), ("NYSE", "N"), ("ARCA", "P"), ("NASDAQ", "Q"), ("IEX", "V"),
        ("PSX", "X"), ("BYX", "Y"), ("BATS", "Z"),
    )  # fmt: skip
    return [Component(bit, name, letter) for bit, (name, letter) in enumerate(letters)]
