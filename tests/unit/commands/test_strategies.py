"""Strategies as a person reads them: from the journal, and with a daemon's word beside it."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands.test_listing import journal
from tests.unit.core.factories import (
    CON,
    STRATEGY,
    T0,
    an_intent,
    at,
    baselined,
    commissioned,
    executed,
    planned,
    reviewed,
)
from trader import cli
from trader.commands.strategies import lines_of, live_of, parameters_of
from trader.config.model import StrategiesSection
from trader.core import events as ev
from trader.core.ids import OrderId, StrategyName
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.store.latest import book_in, newest

ROOT = Path(__file__).resolve().parents[3]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state in which one strategy bought 10 at its price and another one failed."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    intent = an_intent(1)
    journal(
        tmp_path / "journal.db",
        baselined(),
        StrategyCheckpointed(STRATEGY, 1, "{}"),
        reviewed(intent),
        planned(intent, 1),
        ev.OrderSent(OrderId(1)),
        executed(1, "e1.01.01", 10),
        commissioned("e1.01.01", 2),
        StrategyCheckpointed(StrategyName("other"), 4, "{}"),
        StrategyFailed(StrategyName("other"), "ValueError: no"),
    )
    return tmp_path


def told(state: Path, said: Said, *words: str) -> Any:
    assert cli.main(["strategies", "--state", str(state), "--json", *words]) == 0
    return json.loads(said.readouterr().out)


def test_the_journal_alone_tells_what_is_known(state: Path, capsys: Said) -> None:
    body = told(state, capsys)
    assert (body["count"], body["is_daemon_running"]) == (2, False)
    rows = {row["name"]: row for row in body["strategies"]}
    own = rows[STRATEGY]
    assert (own["state"], own["intent_count"], own["checkpoint_age_s"] > 0) == (
        "NOT RUNNING", 1, True,
    )  # fmt: skip
    paid = Decimal(own["cash"]["USD"])
    assert paid < -2
    assert [(row["symbol"], row["quantity"], row["mark"]) for row in own["held"]] == [
        ("AAA", "10", None)
    ]
    assert own["pnl"] is None, "what is held has no result without a mark"
    assert (rows["other"]["state"], rows["other"]["problem"]) == ("FAILED", "ValueError: no")
    assert rows["other"]["pnl"] == {}


def test_a_daemons_marks_make_a_result(state: Path) -> None:
    known = book_in(state / "journal.db")
    cash = next(known.book.results.earned_by(STRATEGY)).amount
    live = live_of(
        {
            "positions": [{"con_id": int(CON), "mark": "101.5"}, {"con_id": 9, "mark": None}],
            "strategies": [{"name": STRATEGY, "state": "RUNNING", "problem": ""}],
        }
    )
    rows = {row.name: row for row in lines_of(known.book, (), live, {}, T0)}
    assert rows[STRATEGY].state == "RUNNING"
    assert rows[STRATEGY].pnl == {"USD": cash + Decimal("1015.0")}


def test_a_checkpoint_after_a_failure_ends_it(state: Path) -> None:
    events = newest(state / "journal.db", 100, ("StrategyCheckpointed", "StrategyFailed"))
    again = ev.Recorded(
        events[-1].seq, at(100), StrategyCheckpointed(StrategyName("other"), 5, "{}")
    )
    book = book_in(state / "journal.db").book
    (row,) = (
        row
        for row in lines_of(book, (*events, again), None, {}, at(100) + timedelta(seconds=7))
        if row.name == "other"
    )
    assert (row.state, row.problem, row.checkpoint_age_s) == ("NOT RUNNING", "", 7.0)


def test_the_settings_tell_the_parameters(state: Path, capsys: Said) -> None:
    section = StrategiesSection.model_validate(
        {
            "momentum": {"symbols": ["AAPL"], "quantity": 3},
            "own": [{"name": "mine", "use": "x.y:Z", "symbols": ["IBM"], "parameters": {"n": 5}}],
        }
    )
    found = parameters_of(section)
    assert found["momentum"]["quantity"] == 3
    assert (found["mine"]["use"], found["mine"]["n"], found["mine"]["symbols"]) == (
        "x.y:Z", 5, ("IBM",),
    )  # fmt: skip
    assert "parameters" not in found["mine"]


def test_a_table_names_who_is_not_in_the_journal_too(state: Path, capsys: Said) -> None:
    config = ROOT / "config" / "paper.yaml"
    words = ["strategies", "--state", str(state), "--config", str(config)]
    assert cli.main(words) == 1
    assert "account" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADER_ACCOUNT", "DU1234567")
        assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "STRATEGY", "STATE", "INTENTS", "SAVED", "HELD", "CASH", "P&L", "PROBLEM",
    ]  # fmt: skip
    (momentum,) = (line for line in lines if line.startswith("momentum: "))
    assert "symbols AAPL IBM MSFT, quantity 10, " in momentum
    assert lines[-1].endswith("no daemon runs: nothing that is held is marked")


def test_without_a_journal_it_says_so(tmp_path: Path, capsys: Said) -> None:
    assert cli.main(["strategies", "--state", str(tmp_path)]) == 1
    assert "journal.db" in capsys.readouterr().err
