"""What the journal holds of the broker's own figures: the fold of its events."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.core.factories import T0
from trader.core.account_events import ResultAgreed, ResultDisputed
from trader.core.account_record import AccountRecord, after

D = Decimal
DISPUTE = ResultDisputed("2026-03-01 23:55", D(100), D(0), D(25), T0)


def test_a_dispute_stands_until_it_is_over() -> None:
    """CAP-31: over a restart as well, because it is in the journal."""
    disputed = after(AccountRecord(), DISPUTE)
    assert disputed.dispute == DISPUTE
    assert after(disputed, ResultAgreed(DISPUTE.day, "together again")) == AccountRecord()


def test_the_newest_dispute_stands() -> None:
    later = ResultDisputed("2026-03-02 23:55", D(1), D(2), D(0), T0)
    assert after(after(AccountRecord(), DISPUTE), later).dispute == later
