"""Rows: every event and checkpoint comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.store.support import START, order_planned, state_at, strategy_note
from tests.unit.store.values import values_of
from trader.core import events as ev
from trader.core.checkpoint import BookState
from trader.core.ids import OrderId, Seq
from trader.core.strategy_events import StrategyCheckpointed
from trader.store.rows import (
    PART_CHARACTERS,
    RowUnreadable,
    recorded_of,
    row_of,
    state_of_parts,
    state_parts,
)

KINDS: tuple[type[Any], ...] = get_args(ev.Event)
PLANNED = ev.Recorded(seq=Seq(12), at_utc=START, event=order_planned())
TIMES = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_an_event_of_each_kind_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values_of(kind))
    recorded = ev.Recorded(seq=Seq(data.draw(st.integers(1))), at_utc=data.draw(TIMES), event=event)
    row = row_of(recorded)
    assert row[2] == kind.__name__
    assert recorded_of(row) == recorded
    assert row_of(recorded_of(row)) == row


@given(state=values_of(BookState))
def test_a_checkpoint_comes_back_as_it_was(state: BookState) -> None:
    text = "".join(state_parts(state)).encode()
    assert state_of_parts(state.seq, [text], crc32(text)) == state


def changed(row: tuple[Any, ...], **fields: object) -> Any:
    data = json.loads(row[4]) | fields
    return (*row[:4], json.dumps(data))


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ((1, 0, "OrderShipped", 1, "{}"), "", 1),
        ((1, 0, "OrderSent", 2, '{"order_id":1}'), "", 2),
        ((1, 0, "OrderSent", 1, '{"order_id":"1"}'), "order_id", "1"),
        ((1, 0, "OrderSent", 1, '{"order_id":true}'), "order_id", True),
        ((1, 0, "OrderSent", 1, '{"order_id":1,"by":"me"}'), "by", "me"),
        ((1, 0, "OrderSent", 1, "{}"), "order_id", None),
        ((1, 0, "OrderSent", 1, '{"order_id":1'), "", '{"order_id":1'),
        ((1, 0, "OrderSent", 1, ""), "", ""),
        ((1, 0, "OrderSent", 1, b"\xff"), "", b"\xff"),
        ((1, 0, "OrderSent", 1, 5), "", 5),
        ((1, 0, "OrderSent", 1, "[" * 100_000), "", "[" * 100_000),
        ((1, 2**62, "OrderSent", 1, '{"order_id":1}'), "at_us", 2**62),
        ((1, "noon", "OrderSent", 1, '{"order_id":1}'), "at_us", "noon"),
    ],
)
def test_a_row_that_is_not_ours_is_refused_by_name(row: Any, field: str, value: object) -> None:
    with pytest.raises(RowUnreadable) as caught:
        recorded_of(row)
    error = caught.value
    assert (error.seq, error.kind, error.field, error.value) == (1, row[2], field, value)
    assert f"row 1 {row[2]}" in str(error)
    assert len(str(error)) < 1_000


def test_the_message_names_place_field_and_value() -> None:
    terms = json.loads(row_of(PLANNED)[4])["terms"] | {"quantity": "many"}
    with pytest.raises(RowUnreadable, match=r"row 12 OrderPlanned: field terms\.quantity.*'many'"):
        recorded_of(changed(row_of(PLANNED), terms=terms))


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), "100", None])
def test_an_event_that_could_not_be_read_back_is_our_bug(value: Any) -> None:
    event = order_planned()
    poisoned = replace(event, terms=replace(event.terms, quantity=value))
    with pytest.raises(AssertionError, match=r"OrderPlanned\.terms\.quantity"):
        row_of(replace(PLANNED, event=poisoned))


def test_a_time_without_a_zone_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="without a zone"):
        row_of(replace(PLANNED, at_utc=datetime(2024, 1, 1)))  # noqa: DTZ001 - on purpose


def test_money_is_text_in_the_payload_so_that_no_reader_rounds_it() -> None:
    terms = json.loads(row_of(PLANNED)[4])["terms"]
    assert (terms["quantity"], terms["limit_price"], terms["stop_price"]) == (
        "100.50",
        "187.2500",
        None,
    )


def test_a_large_checkpoint_comes_in_parts_of_bounded_size() -> None:
    note = strategy_note(1, "x" * 1_000).event
    assert isinstance(note, StrategyCheckpointed)
    state = state_at(9, [note] * 1_000)
    parts = list(state_parts(state))
    assert len(parts) > 10
    assert max(map(len, parts)) < PART_CHARACTERS + 2_000
    whole = "".join(parts).encode()
    assert state_of_parts(9, [part.encode() for part in parts], crc32(whole)) == state


def test_a_checkpoint_with_one_changed_digit_is_refused() -> None:
    state = replace(state_at(9), order_id_high=OrderId(41))
    text = "".join(state_parts(state)).encode()
    swapped = text.replace(b'"order_id_high":41', b'"order_id_high":47')
    assert swapped != text
    with pytest.raises(RowUnreadable, match="checksum"):
        state_of_parts(9, [swapped], crc32(text))


def test_a_checkpoint_of_another_place_is_refused() -> None:
    text = "".join(state_parts(state_at(9))).encode()
    with pytest.raises(RowUnreadable, match="another place"):
        state_of_parts(8, [text], crc32(text))
