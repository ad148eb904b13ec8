"""What a report is evidence about is read from the account, whatever the mode says."""

from __future__ import annotations

import pytest

from trader.core.halts import Mode
from trader.core.reports.content import BAD, GOOD, ReportStatus, evidence_of


@pytest.mark.parametrize(
    ("mode", "account", "evidence"),
    [
        (Mode.DEMO, "DUSIM0123456789abcdef", "simulator"),
        (Mode.PAPER, "DUSIM0123456789abcdef", "simulator"),
        (Mode.PAPER, "DU1234567", "paper"),
        (Mode.SHADOW, "U1234567", "live"),
        (Mode.LIVE, "U1234567", "live"),
        (Mode.PAPER, "", "unknown"),
    ],
)
def test_the_account_says_what_it_is_evidence_about(
    mode: Mode, account: str, evidence: str
) -> None:
    assert evidence_of(mode, account) == evidence


def test_a_lack_of_data_is_neither_good_nor_bad() -> None:
    assert ReportStatus.INSUFFICIENT not in (*GOOD, *BAD)
    assert set(GOOD) & set(BAD) == set()
