"""Reference data requests are read field by field."""

from __future__ import annotations

from tests.unit.sim.support import contract
from trader.sim.wire.requests_reference import parse_contract_details


def test_a_contract_details_request_is_read() -> None:
    fields = [str(value) for value in (9, 8, 6, *contract("VIX"), 0, "", "", "")]
    ident, query = parse_contract_details(fields)
    assert (ident, query.sec_type, query.exchange) == (6, "IND", "CBOE")
