"""Events are values: complete, unchangeable, and each kind has its effect on the book."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any, get_args

import pytest

from tests.unit.core.factories import LINEAGE, T0, a_book, a_status, executed, record
from trader.core import account_events as ae
from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core import history_events as hi
from trader.core import journal_events as je
from trader.core import quarantine_events as qe
from trader.core import reduction_events as rd
from trader.core import request_events as rq
from trader.core import strategy_events as se
from trader.core import ticket_events as te
from trader.core.book import _HANDLERS
from trader.core.ids import Seq

KINDS: tuple[Any, ...] = get_args(ev.Event)
# Recorded for the journal's readers; they move nothing in the book.
WITHOUT_EFFECT = {ev.DaemonStopped, se.StrategyFailed, je.JournalArchived}
# Of which events are made; none is one.
PARTS: tuple[Any, ...] = (rd.Excess, rd.Reduction, se.BarsKnown)


def test_every_kind_is_in_the_union_once() -> None:
    defined = {
        value
        for module in (ev, ae, be, em, hi, je, qe, rd, rq, se, te)
        for value in vars(module).values()
        if isinstance(value, type)
        and is_dataclass(value)
        and value.__module__ == module.__name__
        and value not in (ev.Check, ev.Holding, ev.Recorded, *PARTS)
    }
    assert set(KINDS) == defined
    assert len(KINDS) == len(set(KINDS))


def test_every_kind_has_an_effect_or_is_known_to_have_none() -> None:
    assert set(KINDS) - set(_HANDLERS) == WITHOUT_EFFECT


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_cannot_be_changed(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)


def test_changing_an_event_raises() -> None:
    seen = a_status()
    with pytest.raises(FrozenInstanceError):
        seen.status = "Filled"  # type: ignore[misc]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_reconciliation_can_record_names_its_run(kind: Any) -> None:
    recovered = {ev.OrderStatusSeen, ev.OpenOrderSeen, ev.ExecutionSeen, ev.CommissionSeen}
    names = {field.name for field in fields(kind)}
    if kind in recovered:
        assert "run_id" in names
        defaults = {field.name: field.default for field in fields(kind)}
        assert defaults["run_id"] is None


def test_equal_facts_are_equal_events() -> None:
    """The diff drops duplicates by equality."""
    assert len({executed(), executed(), a_status(), a_status()}) == 2


def test_the_sequence_is_dense() -> None:
    book = a_book()
    for seq in (book.seq, book.seq + 2):
        with pytest.raises(AssertionError):
            book.apply(ev.Recorded(Seq(seq), T0, ev.JournalOpened(LINEAGE)))
    record(book, ev.DaemonStopped("test", 0))
    assert book.seq == 3
