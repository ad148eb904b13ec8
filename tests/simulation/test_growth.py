"""A long day is judged: what grows is found, and what is bounded is not taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.day import Sample
from tests.simulation.growth import (
    DOCUMENT,
    WARM_UP_H,
    Row,
    days,
    document,
    grown,
    keep,
    problems,
    slope,
    unbounded,
    verdicts,
)

ORDERS_H = 3_600


def samples(hours: int, *, memory_h: float = 0.0, journal_h: float = 0.0) -> list[Sample]:
    """Return one an hour; before the warm-up ends everything grows."""
    found = []
    for hour in range(hours + 1):
        warm = max(hour - WARM_UP_H, 0)
        base = 100.0 - 30 * max(WARM_UP_H - hour, 0)
        found.append(
            Sample(
                hour=float(hour),
                resident_mb=base + memory_h * warm,
                daemon_mb=20.0,
                simulator_mb=5.0 + hour,
                daemon_objects=1,
                objects=2,
                files_mb={"journal": journal_h * hour, "streams": 1.0},
                events=hour * 10 * ORDERS_H,
                book={"orders": ORDERS_H},
                sent=hour * ORDERS_H,
                posture="armed",
            )
        )
    return found


def row(found: list[Sample], **more: object) -> Row:
    made = Row("abc", "def 2026-01-01", samples=found)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_line_goes_through_its_points() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 1), (1, 2), (2, 1), (3, 2)]) == pytest.approx(0.2)
    assert slope([(1, 5)]) == slope([(1, 5), (1, 9)]) == 0


def test_memory_that_grows_by_a_megabyte_an_hour_is_too_much() -> None:
    assert problems(row(samples(12, memory_h=0.9))) == []
    (text,) = problems(row(samples(12, memory_h=1.1)))
    assert text == "resident, whole process: 1.100 MB/h, allowed 1.000"


def test_what_grows_before_it_is_warm_is_not_judged() -> None:
    assert verdicts(samples(int(WARM_UP_H))) == []
    assert {one.slope for one in verdicts(samples(9))} == {0.0, 1.0}


def test_the_journal_may_grow_with_the_orders_and_other_files_may_not() -> None:
    assert problems(row(samples(9, journal_h=35.0))) == []
    (text,) = problems(row(samples(9, journal_h=80.0)))
    assert text.startswith("files: journal: 80")
    found = samples(9)
    for sample in found:
        sample.files_mb["streams"] = sample.hour
    (text,) = problems(row(found))
    assert text.startswith("files: streams: 1.000 MB/h")


def test_a_container_that_gains_with_the_orders_is_told_unless_it_is_known_to_be_bounded() -> None:
    before, after = samples(1)
    before.elements = {"Daemon.leak": 10, "Daemon.ledger.book.acts._all": 0, "Daemon.live": 5}
    after.elements = {"Daemon.leak": 910, "Daemon.ledger.book.acts._all": 3_600, "Daemon.live": 25}
    gains = grown(before, after)
    assert gains == {"Daemon.ledger.book.acts._all": 3_600.0, "Daemon.leak": 900.0}
    assert unbounded(gains) == {"Daemon.leak": 900.0}
    (text,) = problems(row([], grown=gains))
    assert text.startswith("Daemon.leak gains 900 elements an hour")


def test_a_day_that_broke_off_is_a_problem(tmp_path: Path) -> None:
    ledger = tmp_path / "days.jsonl"
    assert days(ledger) == []
    kept = [row(samples(4), problem="the daemon ended: x"), row(samples(3))]
    kept[0].samples[-1].elements = {"a": 1}
    keep(ledger, kept)
    found = days(ledger)
    assert found[0].samples[-1].elements == {}
    assert problems(found[0]) == ["the daemon ended: x"]
    assert found[1] == kept[1]
    assert "Ended by: the daemon ended: x." in document(ledger)


def test_the_document_is_the_ledgers() -> None:
    assert DOCUMENT.read_text() == document(), "run scripts/simulate --document"
