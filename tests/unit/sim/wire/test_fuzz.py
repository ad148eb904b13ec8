"""Whatever a client sends ends in a value, a WireError or a FieldError, and in nothing else.

Method: every parser of every request module is found by name and fed with random fields, with
requests of the real client of which some fields are replaced, dropped or doubled, and the frame
reader with random bytes in random pieces.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Contract, Order
from ib_async.contract import ComboLeg

from tests.unit.sim.wire.client import written
from tests.unit.sim.wire.samples import LATER, VERSIONS
from trader.sim import wire
from trader.sim.wire.frames import FieldError, FrameReader, WireError

Parser = Callable[[list[str], int], object]


def parsers() -> dict[str, Parser]:
    """Return every parser by its name, all called with fields and a version."""
    found: dict[str, Parser] = {}
    for module in pkgutil.iter_modules(wire.__path__):
        if not module.name.startswith("requests_"):
            continue
        code = importlib.import_module(f"{wire.__name__}.{module.name}")
        for name, parse in inspect.getmembers(code, inspect.isfunction):
            if name.startswith("parse_") and parse.__module__ == code.__name__:
                found[name] = _uniform(parse)
    return found


def _uniform(parse: Callable[..., object]) -> Parser:
    takes_version = "server_version" in inspect.signature(parse).parameters
    return parse if takes_version else lambda fields, _version: parse(fields)


PARSERS = parsers()
versions = st.sampled_from(VERSIONS + LATER)
texts = st.one_of(
    st.sampled_from([
        "", "0", "1", "-1", "2", "3", "BAG", "STK", "BUY", "PEG BENCH", "PEG BEST", "inf", "1.5",
        "2147483647", "1.7976931348623157E308", "9223372036854775807", "1e999", "999999999999",
        "nan", "Infinity", "true", "\N{ARABIC-INDIC DIGIT FOUR}", "\\u0041", "C", "x" * 300,
    ]),
    st.text(max_size=12),
)  # fmt: skip


def loaded() -> list[str]:
    """Return a placeOrder of a combination, with which changes reach every optional block."""
    item = Contract(secType="BAG", symbol="A", exchange="IBKRATS", currency="USD")
    item.comboLegs = [ComboLeg(conId=1, ratio=1, action="BUY"), ComboLeg(conId=2, ratio=1)]
    order = Order(action="BUY", totalQuantity=1, orderType="PEG BEST", tif="DAY")
    order.deltaNeutralOrderType, order.scalePriceIncrement, order.hedgeType = "MKT", 0.5, "D"
    order.competeAgainstBestOffset = float("inf")
    return written(178, "placeOrder", 7, item, order)


LOADED = loaded()


def test_there_is_a_parser_for_every_request_with_a_content() -> None:
    assert len(PARSERS) >= 30
    assert {"parse_place_order", "parse_market_data", "parse_history", "parse_exercise"} <= set(
        PARSERS
    )


@pytest.mark.parametrize("name", sorted(PARSERS))
@settings(max_examples=30, deadline=None)
@given(fields=st.lists(texts, max_size=40), version=versions)
def test_random_fields(name: str, fields: list[str], version: int) -> None:
    with contextlib.suppress(FieldError):
        PARSERS[name](["1", *fields], version)


@settings(max_examples=400, deadline=None)
@given(st.data(), versions)
def test_an_order_with_some_fields_changed(data: Any, version: int) -> None:
    fields = list(LOADED)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(1, len(fields) - 1))
        change = data.draw(st.sampled_from(["replace", "drop", "double"]))
        if change == "replace":
            fields[place] = data.draw(texts)
        elif change == "drop":
            del fields[place]
        else:
            fields.insert(place, fields[place])
    with contextlib.suppress(FieldError):
        PARSERS["parse_place_order"](fields, version)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans())
def test_random_bytes_in_random_pieces(pieces: list[bytes], is_greeted: bool) -> None:
    reader = FrameReader()
    if is_greeted:
        reader.feed(b"API\0\0\0\0\x09v157..178")
    with contextlib.suppress(WireError):
        for piece in pieces:
            for fields in reader.feed(piece):
                assert fields
