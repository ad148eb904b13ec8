"""``trader quarantine``: what it lists and shows from the journal, and what it asks for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.test_quarantine import ONE, TWO
from tests.unit.store.test_tickets import journal_of
from trader import cli
from trader.commands import quarantine
from trader.core.quarantine_events import (
    MessageDismissed,
    MessageNotKept,
    MessageRepeated,
    MessageRetried,
)

SEEN = MessageDismissed(TWO.key, "a test", "bo")
TRIED = MessageRetried(ONE.key, False, "this version cannot read it either", "hoped", "ann")


def told(state: Path, *words: str) -> int:
    return cli.main(["quarantine", *words, "--state", str(state)])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state whose journal has an open letter that was tried, and one that is over."""
    often = MessageRepeated(ONE.key, 8)
    journal_of(tmp_path / "journal.db", TWO, SEEN, ONE, often, TRIED, MessageNotKept(11, 512))
    return tmp_path


def test_the_list_has_open_letters_first(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state, "list") == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("OPEN      ")
    assert first.endswith(f"{ONE.key}  message 11 execDetails (8 times or more): side 'B'")
    assert second.startswith("dismissed ")
    assert "no message of the protocol" in second
    assert third.startswith("not kept  512 or more of message 11 execDetails")


def test_an_empty_quarantine_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal_of(tmp_path / "journal.db")
    assert told(tmp_path, "list") == 0
    assert capsys.readouterr().out == "nothing is in the quarantine\n"


def test_one_letter_is_shown_by_position_with_what_can_be_done(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state, "show", ONE.key) == 0
    shown = capsys.readouterr().out
    assert f"{ONE.key}: OPEN" in shown
    assert "server version 178" in shown
    assert "  0           '11'\n  1           '-1'\n  2           'x'\n" in shown
    assert "by ann: this version cannot read it either" in shown
    assert "retry         reads it again and books its execution" in shown
    assert f"trader quarantine VERB {ONE.key} --reason" in shown


def test_one_that_is_over_says_how_and_offers_nothing(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state, "show", TWO.key) == 0
    shown = capsys.readouterr().out
    assert "dismissed by bo: a test" in shown
    assert "cut off: it was too long" in shown
    assert "retry" not in shown


def test_everything_is_there_as_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state, "list", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in body["letters"]] == [ONE.key, TWO.key]
    assert body["not_kept"][0]["count"] == 512
    assert told(state, "show", ONE.key, "--json") == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["fields"], row["count"], row["state"]) == (list(ONE.fields), 8, "open")


def test_a_letter_or_a_journal_that_is_not_there_is_named(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state, "show", "nothing") == 1
    assert "no letter 'nothing'" in capsys.readouterr().err
    assert told(tmp_path / "other", "list") == 1
    assert "there is no journal" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["retry", "dismiss"])
def test_the_others_ask_the_daemon_and_say_why(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def ask(given: argparse.Namespace, name: str, body: dict[str, Any]) -> int:
        asked.append((name, body))
        return 0

    monkeypatch.setattr(quarantine, "ask", ask)
    monkeypatch.setattr(quarantine, "operator_name", lambda _: "ann")
    assert told(tmp_path, verb, "k1", "--reason", "upgraded") == 0
    assert asked == [(f"{verb}-letter", {"reason": "upgraded", "by": "ann", "letter": "k1"})]
    with pytest.raises(SystemExit):
        told(tmp_path, verb, "k1")
