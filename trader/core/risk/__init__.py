"""The risk review: one small file for each topic, one table of codes, one way to an approval."""

from trader.core.risk.review import review
from trader.core.risk.values import (
    Approved,
    ApprovedChange,
    ApprovedOrder,
    Downgraded,
    Refused,
    RiskInput,
    SessionView,
    Verdict,
)

__all__ = [
    "Approved",
    "ApprovedChange",
    "ApprovedOrder",
    "Downgraded",
    "Refused",
    "RiskInput",
    "SessionView",
    "Verdict",
    "review",
]
