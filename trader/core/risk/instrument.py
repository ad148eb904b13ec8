"""Whether the instrument is one that may be traded, and is what the assets file says it is."""

from trader.core.events import Check
from trader.core.risk.case import Case, check

_AGREES = Check("INSTRUMENT_MISMATCH", "", "as the assets file says", passed=True)


def known_check(case: Case) -> Check:
    """Refuse an instrument that the configuration does not name."""
    instrument, con_id = case.given.instrument, case.intent.con_id
    known = instrument is not None and instrument.con_id == con_id
    name = "unknown" if instrument is None else instrument.symbol
    return check("INSTRUMENT_UNKNOWN", f"{name} ({con_id})", "a configured one", known)


def tradeable_check(case: Case) -> Check:
    """Refuse an instrument that is there to be looked at only."""
    instrument = case.instrument
    return check(
        "INSTRUMENT_UNTRADEABLE", instrument.symbol, "a tradeable one", instrument.is_tradeable
    )


def mismatch_check(case: Case) -> Check:
    """Refuse an instrument that the broker describes otherwise than the assets file."""
    mismatch = case.instrument.mismatch
    if not mismatch:
        return _AGREES
    return check("INSTRUMENT_MISMATCH", mismatch, _AGREES.limit, passed=False)


CHECKS = (
    ("INSTRUMENT_UNKNOWN", known_check),
    ("INSTRUMENT_UNTRADEABLE", tradeable_check),
    ("INSTRUMENT_MISMATCH", mismatch_check),
)
