"""A row belongs to something that is known, and one finding is enough for a failure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.core.factories import LINEAGE, a_book, an_id, send_order
from tests.unit.core.test_retiring import filled, let_go
from trader.core.ids import Lineage, StrategyName, intent_id, order_ref
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.integrity import (
    FLAW_KINDS,
    ORDER_KINDS,
    Coverage,
    Flaw,
    IntegrityReport,
    integrity_content,
    keys_of,
)

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
COVERED = Coverage(0, 9, 9, "ab", NOW, NOW, 9, 0.1)
KNOWN = an_id(1)
UNKNOWN = an_id(2)
OF_ANOTHER = intent_id(Lineage("zzz999"), StrategyName("alpha"), 1)


@pytest.mark.parametrize(
    ("kind", "values", "own"),
    [
        ("IntentReviewed", (KNOWN,), ""),
        ("OrderPlanned", (1, order_ref(KNOWN), KNOWN), "order 1"),
        ("OrderSent", (1,), ""),
        ("ExecutionSeen", ("e.01", order_ref(KNOWN)), "execution e.01"),
        # Somebody's own order, and one of another journal on the same account.
        ("ExecutionSeen", ("f.01", "by hand"), "execution f.01"),
        ("ExecutionSeen", ("g.01", order_ref(OF_ANOTHER)), "execution g.01"),
    ],
)
def test_what_belongs_to_something_known_has_no_problem(
    kind: str, values: tuple[object, ...], own: str
) -> None:
    book = a_book()
    send_order(book)
    found = keys_of(kind, values, book)
    assert (found.own, found.problem) == (own, "")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("IntentReviewed", (UNKNOWN,)),
        ("IntentReviewed", (None,)),
        ("IntentReviewed", ()),
        ("OrderPlanned", (7, order_ref(KNOWN), KNOWN)),
        ("OrderPlanned", (1, order_ref(UNKNOWN), KNOWN)),
        ("OrderPlanned", (1, order_ref(KNOWN), UNKNOWN)),
        ("OrderPlanned", (1, None, KNOWN)),
        ("ExecutionSeen", ("e.01", order_ref(UNKNOWN))),
        ("ExecutionSeen", ("", order_ref(KNOWN))),
        ("ExecutionSeen", (None, None)),
        *((kind, (7,)) for kind in ORDER_KINDS),
    ],
)
def test_what_belongs_to_nothing_known_says_so(kind: str, values: tuple[object, ...]) -> None:
    book = a_book()
    send_order(book)
    assert keys_of(kind, values, book).problem
    assert book.lineage == LINEAGE


def told(
    *flaws: Flaw, problem: str = "", coverage: Coverage | None = COVERED
) -> tuple[Content, IntegrityReport]:
    content = integrity_content(
        {flaw.seq: flaw for flaw in flaws},
        coverage,
        head=(9, "ab"),
        problem=problem,
        now_utc=NOW,
    )
    assert isinstance(content.body, IntegrityReport)
    return content, content.body


def test_rows_that_are_all_right_are_ok_and_have_a_copy_for_the_day() -> None:
    content, body = told()
    assert (content.status, content.alarms) == (ReportStatus.OK, ())
    assert (body.finding_count, body.missing_correlation) == (0, 0)
    assert content.copies == ("reports/event_store/integrity_20261122.json",)


@pytest.mark.parametrize("kind", FLAW_KINDS)
def test_one_finding_of_any_kind_fails_and_calls_somebody(kind: str) -> None:
    content, body = told(Flaw(kind, 3, "event 3"))
    assert content.status is ReportStatus.FAIL
    assert [alarm.title for alarm in content.alarms] == ["the journal is not what was written"]
    counts = (body.sequence_gaps, body.chain_breaks, body.duplicate_ids, body.missing_correlation)
    assert sum(counts) == body.finding_count == 1


def test_many_findings_are_counted_and_the_first_are_shown() -> None:
    content, body = told(*(Flaw("altered", seq, f"event {seq}") for seq in range(900, 0, -1)))
    assert (body.finding_count, body.chain_breaks, len(body.findings)) == (900, 900, 50)
    assert body.findings[0].seq == 1
    assert len(content.reasons) == 50


def test_rows_that_cannot_be_read_fail() -> None:
    content, _ = told(problem="damaged")
    assert (content.status, content.reasons) == (ReportStatus.FAIL, ("damaged",))
    assert [alarm.title for alarm in content.alarms] == ["the journal's rows cannot be read"]


def test_no_look_is_no_pass() -> None:
    assert told(coverage=None)[0].status is ReportStatus.INSUFFICIENT


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("IntentReviewed", (KNOWN,)),
        ("OrderPlanned", (1, order_ref(KNOWN), KNOWN)),
        ("OrderSent", (1,)),
        ("ExecutionSeen", ("1.01.01", order_ref(KNOWN))),
    ],
)
def test_what_the_book_has_let_go_is_known_all_the_same(
    kind: str, values: tuple[object, ...]
) -> None:
    book = a_book()
    filled(book, 1)
    assert let_go(book) is not None
    assert book.orders == {}
    assert keys_of(kind, values, book).problem == ""
    assert keys_of("OrderSent", (2,), book).problem
    assert keys_of("IntentReviewed", (UNKNOWN,), book).problem
