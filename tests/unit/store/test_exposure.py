"""Working orders and positions are found in the journal; what cannot be read is never nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.core.factories import a_status, an_intent, executed, planned, reviewed
from tests.unit.store.test_story import a_journal
from trader.core import events as ev
from trader.core.ids import OrderId
from trader.store.exposure import Exposure, exposure
from trader.store.rows import JournalUnusable

PROMISED: tuple[ev.Event, ...] = (reviewed(an_intent(1)), planned(an_intent(1), 1))
SENT = (*PROMISED, ev.OrderSent(OrderId(1)))


def test_without_a_journal_nothing_is_open(tmp_path: Path) -> None:
    found = exposure(tmp_path / "journal.db")
    assert found == Exposure((), ())
    assert not found.is_open


def test_a_promise_is_open_from_the_moment_it_is_written(tmp_path: Path) -> None:
    for number, events in enumerate((PROMISED, SENT, (*SENT, a_status(1)))):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = exposure(a_journal(folder, events))
        assert len(found.orders) == 1, found
        assert found.is_open


def test_an_order_with_an_open_change_is_told_with_both_quantities(tmp_path: Path) -> None:
    terms = planned(an_intent(1), 1).terms.changeable
    more = replace(terms, quantity=terms.quantity + 2)
    change = (*SENT, a_status(1), ev.ModifyPlanned(OrderId(1), 1, more, "r"))
    (told,) = exposure(a_journal(tmp_path, change)).orders
    assert f" {terms.quantity} or {more.quantity} " in told
    (tmp_path / "over").mkdir()
    dropped = (*change, ev.ModifyWithheld(OrderId(1), 1, "halted"))
    (told,) = exposure(a_journal(tmp_path / "over", dropped)).orders
    assert f" {terms.quantity} AAA" in told


def test_a_withheld_order_and_an_untouched_journal_are_not(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert not exposure(a_journal(tmp_path / "a", ())).is_open
    withheld = (*PROMISED, ev.OrderWithheld(OrderId(1), "dry run"))
    assert not exposure(a_journal(tmp_path / "b", withheld)).is_open


def test_a_position_is_open_and_a_closed_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = exposure(a_journal(tmp_path / "a", (*SENT, executed(1, "e1.01.01", 4))))
    assert len(found.positions) == 1
    assert found.positions[0].endswith(" 4")


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be one" * 40, b""])
def test_what_is_no_journal_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalUnusable, match=r"journal\.db"):
        exposure(path)
