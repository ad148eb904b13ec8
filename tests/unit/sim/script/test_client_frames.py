"""What a scripted client writes is read to its last field, at every version it may speak."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.sim.script.client_frames import PlainOrder, cancel_order, hello, place_order
from trader.sim.wire.frames import FieldError, FrameReader
from trader.sim.wire.requests_orders import parse_cancel_order, parse_place_order

ORDER = PlainOrder(
    5, "SELL", "30", "STP LMT", "AAPL", con_id=265598, limit="99.50", stop="99.60", tif="GTC",
    oca_group="g", oca_type=2, account="DU1", order_ref="mine", transmit=False, parent_id=4,
    outside_rth=True,
)  # fmt: skip


def fields_of(frame: bytes) -> list[str]:
    return frame[4:].decode().split("\0")[:-1]


@pytest.mark.parametrize("version", [157, 160, 163, 166, 169, 170, 173, 176, 177, 178])
def test_an_order_is_read_as_it_was_meant(version: int) -> None:
    fields = fields_of(place_order(ORDER, version))
    read = parse_place_order(fields, version)
    terms = read.terms
    assert (read.order_id, read.account, read.order_ref) == (5, "DU1", "mine")
    assert (read.transmit, read.parent_id, terms.outside_rth) == (False, 4, True)
    assert (terms.action, terms.quantity, terms.order_type) == ("SELL", Decimal(30), "STP LMT")
    assert (terms.limit_price, terms.aux_price) == (Decimal("99.50"), Decimal("99.60"))
    assert (terms.tif, terms.oca_group, terms.oca_type) == ("GTC", "g", 2)
    with pytest.raises(FieldError):
        parse_place_order(fields[:-1], version)


@pytest.mark.parametrize("version", [157, 168, 169, 178])
def test_a_cancel_is_read_as_it_was_meant(version: int) -> None:
    assert parse_cancel_order(fields_of(cancel_order(8, version)), version).order_id == 8


def test_the_handshake_offers_a_range() -> None:
    reader = FrameReader()
    reader.feed(hello(170))
    assert reader.hello is not None
    assert (reader.hello.version_min, reader.hello.version_max) == (157, 170)
