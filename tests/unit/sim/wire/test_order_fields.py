"""The fields of an order are read into what was given, and shown again."""

from __future__ import annotations

import pytest

from trader.sim.wire.frames import UNSET_DOUBLE, UNSET_INTEGER, FieldError
from trader.sim.wire.order_fields import PARTS, Kind, layout

RUN = layout("tif hidden displaySize percentOffset competeAgainstBestOffset exemptCode cashQty")
PLAIN = f"\0000\0{UNSET_INTEGER}\0\0\0-1\0000"


def test_what_was_not_given_leaves_no_entry_and_is_shown_as_the_gateway_does() -> None:
    for unset in (
        ["", "", "", "", "", "", ""],
        ["", "0", "0", UNSET_DOUBLE, "1.7976931348623157e+308", "-1", "0.0"],
        ["", "False", UNSET_INTEGER, "", "", UNSET_INTEGER, ""],
    ):
        given: dict[str, str] = {}
        RUN.read(unset, given)
        assert given == {}
        assert RUN.show(given) == PLAIN


def test_what_was_given_is_shown_again_in_the_gateways_spelling() -> None:
    given: dict[str, str] = {}
    RUN.read(["GTC", "true", "5", "1", "inf", "0", "2.50"], given)
    assert RUN.show(given).split("\0") == ["GTC", "1", "5", "1.0", "Infinity", "0", "2.5"]


def test_an_unreadable_field_is_named() -> None:
    with pytest.raises(FieldError, match="displaySize: not an integer: 'x'"):
        RUN.read(["", "", "x", "", "", "", ""], {})


def test_each_field_stands_once() -> None:
    assert len(PARTS) == len({part.name for part in PARTS.values()}) > 100
    assert {part.kind for part in PARTS.values()} == set(Kind)
