"""Orders, positions and fills as a person reads them, without a daemon."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core.factories import (
    T0,
    a_status,
    an_intent,
    at,
    baselined,
    commissioned,
    executed,
    planned,
    reviewed,
)
from tests.unit.store.support import put
from trader import cli
from trader.core import events as ev
from trader.core.ids import OrderId, Seq
from trader.store.schema import upgrade_from


def journal(path: Path, *events: ev.Event) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in upgrade_from(0):
            db.execute(statement)
        for number, event in enumerate(events, 1):
            put(db, ev.Recorded(Seq(number), at(number), event))
        db.commit()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state with one order that is filled and one that works."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    first, second = an_intent(1), an_intent(2)
    journal(
        tmp_path / "journal.db",
        baselined(),
        reviewed(first),
        planned(first, 1),
        ev.OrderSent(OrderId(1)),
        executed(1, "e1.01.01", 10),
        commissioned("e1.01.01", 2),
        reviewed(second),
        planned(second, 2),
        ev.OrderSent(OrderId(2)),
        a_status(2),
    )
    return tmp_path


Said = pytest.CaptureFixture[str]


def lines(state: Path, said: Said, *words: str) -> list[str]:
    assert cli.main([*words, "--state", str(state)]) == 0
    return said.readouterr().out.splitlines()


def body(state: Path, said: Said, *words: str) -> Any:
    return json.loads("\n".join(lines(state, said, *words, "--json")))


def test_only_what_may_still_fill_is_shown_unless_all_is_asked_for(
    state: Path, capsys: Said
) -> None:
    shown = lines(state, capsys, "orders")
    assert [line.split()[0] for line in shown] == ["ID", "2", "as"]
    assert "WORKING" in shown[1]
    assert [line.split()[0] for line in lines(state, capsys, "orders", "--all")] == [
        "ID", "2", "1", "as",
    ]  # fmt: skip
    few = lines(state, capsys, "orders", "--all", "--limit", "1")
    assert few[-1].startswith("1 of 2 orders, as of event 10, ")


def test_an_order_without_a_note_has_its_dash_below_the_head(state: Path, capsys: Said) -> None:
    head, row, _ = lines(state, capsys, "orders")
    assert head.endswith("NOTE")
    assert row[head.index("NOTE") :] == "-"


def test_each_order_is_told_whole_as_json(state: Path, capsys: Said) -> None:
    told = body(state, capsys, "orders", "--all")
    assert (told["seq"], told["count"]) == (10, 2)
    newest, oldest = told["orders"]
    assert (newest["order_id"], newest["state"], newest["filled"]) == (2, "WORKING", "0")
    assert (oldest["state"], oldest["filled"]) == ("FILLED", "10")
    assert oldest["intent_id"] == an_intent(1).intent_id
    assert oldest["time_in_force"] == an_intent(1).time_in_force


def test_positions_are_those_of_the_book_with_their_strategies(state: Path, capsys: Said) -> None:
    (row,) = body(state, capsys, "positions")["positions"]
    execution = executed(1, "e1.01.01", 10).execution
    assert (row["symbol"], row["quantity"]) == (execution.symbol, "10")
    assert row["average_price"] == f"{execution.price:f}"
    assert row["strategies"] == f"{an_intent(1).strategy} 10"
    assert lines(state, capsys, "positions", "--symbol", "NONE")[0] == "no positions"


def test_fills_have_commission_and_strategy(state: Path, capsys: Said) -> None:
    (row,) = body(state, capsys, "fills")["fills"]
    assert (row["order_id"], row["quantity"], row["commission"]) == (1, "10", "2")
    assert row["strategy"] == an_intent(1).strategy
    assert "e1.01.01" in lines(state, capsys, "fills")[1]


@pytest.mark.parametrize("words", [("orders", "--all"), ("fills",)])
def test_rows_are_chosen_by_symbol_and_strategy(
    state: Path, capsys: Said, words: tuple[str, ...]
) -> None:
    whole = body(state, capsys, *words)["count"]
    assert whole > 0
    symbol = executed(1, "e1.01.01", 10).execution.symbol
    strategy = str(an_intent(1).strategy)
    assert body(state, capsys, *words, "--symbol", symbol)["count"] == whole
    assert body(state, capsys, *words, "--strategy", strategy)["count"] == whole
    assert body(state, capsys, *words, "--symbol", "NONE")["count"] == 0
    assert body(state, capsys, *words, "--strategy", "none")["count"] == 0


@pytest.mark.parametrize("name", ["orders", "positions", "fills"])
def test_a_journal_with_nothing_in_it_says_so(tmp_path: Path, capsys: Said, name: str) -> None:
    journal(tmp_path / "journal.db")
    shown = lines(tmp_path, capsys, name, "--journal", str(tmp_path / "journal.db"))
    assert shown[0].startswith("no ")
    assert shown[1] == "the journal is empty"


@pytest.mark.parametrize("name", ["orders", "positions", "fills"])
def test_without_a_journal_it_says_so(tmp_path: Path, capsys: Said, name: str) -> None:
    missing = str(tmp_path / "none.db")
    assert cli.main([name, "--journal", missing]) == 1
    assert capsys.readouterr() == ("", f"trader: {missing}: there is no journal\n")


@pytest.mark.parametrize("count", ["0", "-1", "x", "10001"])
def test_a_limit_out_of_range_is_refused(capsys: Said, count: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["orders", "--limit", count])
    assert ended.value.code == 2
    assert f"is {count}, allowed is 1 to 10000" in capsys.readouterr().err


def test_times_are_those_of_the_events(state: Path, capsys: Said) -> None:
    assert body(state, capsys, "orders")["at_utc"] == "2026-03-02T15:00:10.000Z"
    assert T0.isoformat() == "2026-03-02T15:00:00+00:00"
