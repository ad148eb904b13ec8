"""The real client understands the details of a bond at each layout."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.sim.wire.client import one_heard
from tests.unit.sim.wire.samples import instrument, only
from trader.sim.wire.messages_bonds import BondTerms, bond_details

BOND = instrument(
    4711, "T", "BOND", expiry=date(2036, 2, 15), isin="US1", order_types="LMT", route="SMART"
)
# The real client reads a coupon as a whole number, and trips over any other.
TERMS = BondTerms("912828", "4", issued="20260215", is_callable=True, notes="note")


@pytest.mark.parametrize(
    ("version", "count"), [(157, 37), (163, 37), (164, 38), (178, 38), (187, 38), (188, 41)]
)
def test_a_bond_has_the_fields_of_its_version(version: int, count: int) -> None:
    assert len(only(bond_details(version, 9, BOND, TERMS, ("t", "l")))) == count


@pytest.mark.parametrize("version", [157, 163, 164, 178])
def test_the_real_client_reads_what_was_said(version: int) -> None:
    name, (ident, details) = one_heard(version, bond_details(version, 9, BOND, TERMS, ("t", "l")))
    assert (name, ident, details.contract.conId) == ("bondContractDetails", 9, 4711)
    assert (details.cusip, details.coupon, details.maturity) == ("912828", 4, "20360215")
    assert (details.callable, details.putable, details.notes) == (True, False, "note")
    assert (details.secIdList[0].value, details.marketRuleIds) == ("US1", "26")
