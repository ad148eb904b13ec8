"""Rows of every version that was ever written are read, and none is written under an old one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args
from zlib import crc32

import pytest

from tests.unit.core.factories import (
    BUY,
    SELL,
    STRATEGY,
    a_book,
    an_intent,
    executed,
    record,
    work_order,
)
from tests.unit.store import golden
from trader.core import events as ev
from trader.core.checkpoint import BookState, state_of
from trader.core.ids import OrderRef, PermId, StrategyName
from trader.core.strategy_events import BarsKnown, StrategyCheckpointed
from trader.store import versions
from trader.store.rows import RowUnreadable, recorded_of, row_of, state_of_parts, state_parts
from trader.store.versions import NotOfThatVersion, brought_up, is_readable, version_of

STANDING = golden.standing()
KINDS = (*(kind.__name__ for kind in get_args(ev.Event)), BookState.__name__)
ANEW = "python -m tests.unit.store.golden"


def read(kind: str, version: int, payload: str) -> ev.Recorded | BookState:
    if kind == golden.STATE:
        text = payload.encode()
        return state_of_parts(golden.SEQ, [text], crc32(text))
    return recorded_of((golden.SEQ, 0, kind, version, payload))


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_that_was_ever_written_is_read(kind: str) -> None:
    """Red? Its fields have changed: give the kind a step, and add its new row with ANEW."""
    rows = [row for row in STANDING if row[0] == kind]
    found = {version for _, version, _ in rows}
    assert found == set(range(1, version_of(kind) + 1)), f"add its rows: {ANEW}"
    for row in rows:
        read(*row)


def test_a_row_of_this_version_is_written_again_as_it_stands() -> None:
    for kind, version, payload in STANDING:
        known = read(kind, version, payload)
        if version == version_of(kind) and isinstance(known, ev.Recorded):
            assert row_of(known)[2:] == (kind, version, payload)


def test_a_row_of_an_older_version_is_read_as_one_of_today() -> None:
    """Once read, it is written like any other, under the version of today."""
    for kind, version, payload in STANDING:
        known = read(kind, version, payload)
        if isinstance(known, ev.Recorded):
            row = row_of(known)
            assert (row[3], recorded_of(row)) == (version_of(kind), known)


def test_steps_are_for_kinds_that_there_are() -> None:
    assert set(versions.STEPS) <= set(KINDS)


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None, 99])
def test_a_version_that_was_never_written_is_refused(version: Any) -> None:
    assert not is_readable("OrderSent", version)
    with pytest.raises(RowUnreadable, match="unknown kind or version"):
        recorded_of((1, 0, "OrderSent", version, '{"order_id":1}'))


def test_a_checkpoint_of_a_newer_program_is_refused() -> None:
    newest = next(row for row in reversed(STANDING) if row[0] == golden.STATE)
    data = json.loads(newest[2]) | {"version": 99}
    with pytest.raises(RowUnreadable, match=r"BookState: field version: unknown version: 99"):
        read(golden.STATE, 1, json.dumps(data))


def test_steps_lead_from_any_version_to_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "by": "nobody"}

    def third(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "order_id": data["order_id"] + 1}

    monkeypatch.setattr(versions, "STEPS", {"OrderSent": (second, third)})
    assert version_of("OrderSent") == 3
    assert brought_up("OrderSent", 1, {"order_id": 1}) == {"order_id": 2, "by": "nobody"}
    assert brought_up("OrderSent", 2, {"order_id": 1}) == {"order_id": 2}
    assert brought_up("OrderSent", 3, {"order_id": 1}) == {"order_id": 1}
    broken: Any
    for broken in ({}, [], None, 5):
        with pytest.raises(NotOfThatVersion, match="not the fields of version 1"):
            brought_up("OrderSent", 1, broken)


def test_one_time_of_all_bars_stays_one_of_every_instrument() -> None:
    until = "2026-01-05T15:04:00+00:00"
    row = {"strategy": "s", "intent_count": 1, "state": "{}", "untold": []}
    for version, old, known in (
        (1, {name: row[name] for name in ("strategy", "intent_count", "state")}, ()),
        (2, {**row, "bars_until_utc": None}, ()),
        (
            2,
            {**row, "bars_until_utc": until},
            (BarsKnown(datetime.fromisoformat(until), None, None),),
        ),
    ):
        found = recorded_of((golden.SEQ, 0, "StrategyCheckpointed", version, json.dumps(old)))
        assert found.event == StrategyCheckpointed(StrategyName("s"), 1, "{}", (), known)


def test_what_strategies_hold_is_told_by_the_executions_of_an_older_checkpoint() -> None:
    """A checkpoint of before says it in its fills; one of today says it by itself."""
    book = a_book(held=3)
    for number, (side, quantity) in enumerate(((BUY, 10), (SELL, 4), (BUY, 5)), 1):
        intent = an_intent(number, side=side, quantity=Decimal(quantity))
        order = work_order(book, intent, number)
        record(book, executed(order, f"{number}.01.01", quantity, side=side))
    record(book, executed(77, "9.01.01", 6, side=SELL, order_ref=OrderRef(""), perm_id=PermId(9)))
    state = state_of(book)
    assert [(row.strategy, row.quantity) for row in state.strategies_own] == [
        (STRATEGY, Decimal(8))
    ]
    text = "".join(state_parts(state))
    data = json.loads(text)
    del data["strategies_own"], data["past"]
    for _, record_of_intent in data["intents"]:
        del record_of_intent["at_utc"]
    for order in data["orders"]:
        del order["unanswered_utc"], order["terms"]["good_till_utc"]
    data["version"] = 1
    old = json.dumps(data).encode()
    known = state_of_parts(state.seq, [old], crc32(old))
    untold = tuple((key, replace(record, at_utc=None)) for key, record in state.intents)
    assert known == replace(state, intents=untold)
