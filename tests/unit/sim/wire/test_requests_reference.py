"""Reference data requests are read field by field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import contract
from trader.sim.wire import requests_reference as requests
from trader.sim.wire.frames import FieldError


@pytest.mark.parametrize("issuer", [[], [""], ["e123"]])
def test_a_contract_details_request_is_read(issuer: list[str]) -> None:
    given = (9, 8, 6, *contract("VIX"), 1, "ISIN", "X1", *issuer)
    ident, query = requests.parse_contract_details([str(value) for value in given])
    assert (ident, query.sec_type, query.exchange) == (6, "IND", "CBOE")
    assert (query.include_expired, query.sec_id_type, query.sec_id) == (True, "ISIN", "X1")
    assert query.issuer_id == "".join(issuer)


def test_the_terms_of_a_derivative_are_read() -> None:
    words = "9,8,6,0,AAPL,OPT,202612,37.5,C,100,SMART,,USD,,,0,,,"
    _, query = requests.parse_contract_details(words.split(","))
    assert (query.expiry, query.strike, query.right) == ("202612", Decimal("37.5"), "C")
    assert query.multiplier == "100"


def test_a_chain_request_is_read() -> None:
    found = requests.parse_option_chain(["78", "5", "AAPL", "", "STK", "265598"])
    assert found == requests.ChainRequest(5, "AAPL", "", "STK", 265598)


def test_short_requests_are_read_and_shorter_ones_refused() -> None:
    assert requests.parse_request_text(["81", "5", "AA"]) == (5, "AA")
    assert requests.parse_number(["91", "26"]) == 26
    assert requests.parse_replace_fa(["19", "1", "1", "<x/>", "7"]) == 7
    with pytest.raises(FieldError):
        requests.parse_request_text(["81", "5"])
    with pytest.raises(FieldError):
        requests.parse_replace_fa(["19", "1", "1", "<x/>"])
