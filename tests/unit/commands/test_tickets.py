"""``trader tickets``: what it lists and shows from the journal, and what it asks for."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.test_tickets import ONE, TWO, UNTIL, journal_of
from trader import cli
from trader.commands import tickets
from trader.core import events as ev
from trader.core.ids import RunId, TicketId
from trader.core.ticket_events import CashBooked, TicketIgnored
from trader.ops.clock import SystemClock

WAITS = TicketIgnored(ONE.ticket_id, UNTIL, "asked", "ann")
CLOSED = ev.TicketClosed(TWO.ticket_id, "a fee", "me")


def told(state: Path, *words: str) -> int:
    return cli.main(["tickets", *words, "--state", str(state)])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state whose journal has an open ticket that waits, and one that was booked."""
    booked = CashBooked(TWO.ticket_id, "USD", Decimal(5), "a fee", "me")
    journal_of(tmp_path / "journal.db", ONE, TWO, booked, CLOSED, WAITS)
    early = UNTIL - timedelta(minutes=30)
    monkeypatch.setattr(SystemClock, "utc", lambda _: early)
    return tmp_path


def test_the_list_has_open_tickets_first(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state, "list") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("ignored  ")
    assert first.endswith(f"{ONE.ticket_id}  10 or 0")
    assert second.startswith("closed   ")


def test_a_time_that_is_over_is_not_told_as_ignored(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon may be dead: nobody has recorded the end."""
    monkeypatch.setattr(SystemClock, "utc", lambda _: UNTIL)
    assert told(state, "show", ONE.ticket_id) == 0
    shown = capsys.readouterr().out
    assert f"{ONE.ticket_id}: OPEN" in shown
    assert "(over) by ann: asked" in shown


def test_one_ticket_is_shown_with_the_verbs_that_fit(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state, "show", ONE.ticket_id) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["ticket"] == f"{ONE.ticket_id}: ignored"
    assert (rows["kind"], rows["instrument"], rows["found"]) == ("position", "5", "10 or 0")
    assert rows["opened"].endswith("by run r")
    assert rows["for"] == "29 min 58 s"
    assert rows["ignored"].endswith("by ann: asked")
    assert rows["replay"] == "trader reconcile replay r"
    assert {"adopt", "book", "ignore-until", "flatten", "how"} <= rows.keys()


def test_a_closed_ticket_says_how_by_whom_and_why(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state, "show", TWO.ticket_id) == 0
    shown = capsys.readouterr().out
    assert ", booked by me: a fee" in shown
    assert "adopt" not in shown
    assert "how " not in shown


def test_everything_is_there_as_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in listed] == ["ignored", "closed"]
    assert told(state, "show", TWO.ticket_id, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == listed[1]
    assert (shown["closed_as"], shown["closed_by"], shown["verbs"]) == ("booked", "me", {})


def test_a_ticket_of_the_days_result_has_no_run_to_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = TicketId("9-result-2026")
    event = ev.TicketOpened(name, "result", None, "differs", RunId("result 2026-03-01 23:55"))
    journal_of(tmp_path / "journal.db", event)
    assert told(tmp_path, "show", name) == 0
    assert "replay" not in capsys.readouterr().out


def test_no_tickets_an_unknown_one_and_no_journal_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, "list") == 1
    assert "there is no journal" in capsys.readouterr().err
    journal_of(tmp_path / "journal.db")
    assert told(tmp_path, "list") == 0
    assert capsys.readouterr().out == "no tickets\n"
    assert told(tmp_path, "show", "x") == 1
    assert capsys.readouterr().err == "trader: no ticket 'x' in the journal\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["adopt", "t"], {}),
        (["flatten", "t"], {}),
        (["ignore-until", "t", "2026-11-22T12:00Z"], {"until": "2026-11-22T12:00Z"}),
        (
            ["book", "t", "--quantity", "-5", "--price", "187.250"],
            {"quantity": "-5", "price": "187.250"},
        ),
        (
            ["book", "t", "--amount", "-1.5", "--currency", "USD"],
            {"amount": "-1.5", "currency": "USD"},
        ),
    ],
)
def test_a_verb_asks_for_what_was_said(
    words: list[str], asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def noted(given: argparse.Namespace, verb: str, body: dict[str, object]) -> int:
        seen.append((verb, body))
        return 0

    monkeypatch.setattr(tickets, "ask", noted)
    assert cli.main(["tickets", *words, "--reason", "why"]) == 0
    ((verb, body),) = seen
    assert verb == words[0]
    by = body.pop("by")
    assert by
    assert body == {"reason": "why", "ticket": "t", **asked}


@pytest.mark.parametrize(
    "words",
    [
        ["adopt", "t"],
        ["ignore-until", "t", "--reason", "x"],
        ["book", "t", "--quantity", "many", "--price", "1", "--reason", "x"],
        ["book", "t", "--quantity", "nan", "--price", "1", "--reason", "x"],
        [],
    ],
)
def test_what_is_missing_or_no_number_is_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["tickets", *words])
    assert ended.value.code == 2
