"""Fields are read in order, and a message that ends too early is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.sim.model.instruments import ContractQuery, Leg
from trader.sim.wire.frames import FieldError
from trader.sim.wire.order_fields import layout
from trader.sim.wire.reader import Fields, right_of

CONTRACT = ("7", "IBM", "OPT", "20261218", "150.5", "PUT", "100", "SMART", "CBOE", "USD", "L", "T")


def test_reading_past_the_end_names_the_message() -> None:
    read = Fields(["9", "8"], 1)
    assert read.integer() == 8
    with pytest.raises(FieldError, match="message '9' ends after 2 fields"):
        read.text()


@pytest.mark.parametrize("count", ["-1", "1001"])
def test_a_group_has_a_bound(count: str) -> None:
    with pytest.raises(FieldError, match="allowed 0 to 1000"):
        Fields(["1", count]).count()


def test_a_contract_is_twelve_fields() -> None:
    read = Fields(["9", *CONTRACT, "1", "more"])
    assert read.contract_and_expired() == ContractQuery(
        7, "IBM", "OPT", "SMART", "CBOE", "USD", "L", "T", expiry="20261218",
        strike=Decimal("150.5"), right="P", multiplier="100", include_expired=True,
    )  # fmt: skip
    assert (read.left, read.text(), read.left) == (1, "more", 0)


def test_a_strike_of_zero_is_no_strike() -> None:
    plain = ["9", "", "EUR", "CASH", "", "0.0", "0", "", "IDEALPRO", "", "USD", "", ""]
    query = Fields(plain).contract()
    assert (query.con_id, query.strike, query.right) == (0, None, "")


@pytest.mark.parametrize(
    ("text", "right"),
    [("C", "C"), ("CALL", "C"), ("put", "P"), ("", ""), ("0", ""), ("?", "")],
)
def test_a_right_is_a_letter_a_word_or_nothing(text: str, right: str) -> None:
    assert right_of(text) == right


def test_an_unknown_right_is_refused() -> None:
    with pytest.raises(FieldError, match="right 'X', allowed: C, CALL, P, PUT"):
        right_of("X")


def test_legs_of_a_data_request_have_four_fields() -> None:
    read = Fields(["1", "2", "11", "1", "buy", "SMART", "12", "3", "SELL", "CME"])
    assert read.legs() == (Leg(11, 1, "BUY", "SMART"), Leg(12, 3, "SELL", "CME"))


def test_a_run_takes_as_many_fields_as_it_names() -> None:
    read, given = Fields(["3", "GTC", "1", "rest"]), dict[str, str]()
    read.run(layout("tif hidden"), given)
    assert (given, read.back(1), read.text()) == ({"tif": "GTC", "hidden": "1"}, "1", "rest")
    with pytest.raises(FieldError, match="ends before hidden"):
        Fields(["3", "GTC"]).run(layout("tif hidden"), given)


def test_texts_are_taken_as_they_are() -> None:
    read = Fields(["3", "a", "b"])
    assert (read.texts(0), read.texts(2)) == ((), ("a", "b"))
    with pytest.raises(FieldError):
        read.texts(1)
