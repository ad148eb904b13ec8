"""What is written of a round can be evaluated again; a full file makes room."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trader.core.breakers.artefact import evaluated, is_reproduced
from trader.core.breakers.machine import CLOSED, Reading
from trader.core.breakers.rules import BreakerName, Rules
from trader.engine.risk.breakers import Round
from trader.ops.breaker_log import BreakerLog, evaluations_in

KEPT = tuple(
    evaluated(name, Rules().of(name), CLOSED, Reading(Decimal(1), 5.0), 5.5, "2026-03-02")
    for name in BreakerName
)
MADE = Round(datetime(2026, 3, 2, 15, tzinfo=UTC), "hash", True, KEPT)


def test_a_round_comes_back_and_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "breakers.jsonl"
    log = BreakerLog(path)
    log.write(MADE)
    log.write(replace(MADE, is_full=False, evaluations=KEPT[:1]))
    first, second = path.read_text().splitlines()
    assert evaluations_in(first) == KEPT
    assert evaluations_in(second) == KEPT[:1]
    assert all(is_reproduced(kept) for kept in evaluations_in(first))
    head = json.loads(first)
    assert (head["at_utc"], head["policy_hash"]) == ("2026-03-02T15:00:00.000Z", "hash")
    assert head["is_full"] is True


def test_a_full_file_is_kept_once_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "breakers.jsonl"
    log = BreakerLog(path, bytes_max=1)
    for _ in range(3):
        log.write(MADE)
    assert not path.exists()
    assert len((tmp_path / "breakers.1.jsonl").read_text().splitlines()) == 1


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    BreakerLog(tmp_path / "file" / "breakers.jsonl").write(MADE)
