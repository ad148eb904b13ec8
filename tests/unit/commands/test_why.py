"""A story needs a journal and no daemon."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.core.factories import T0, an_intent
from tests.unit.store.support import put
from trader import cli
from trader.core import events as ev
from trader.core.ids import Seq
from trader.store.schema import upgrade_from


def test_why_needs_a_journal_and_no_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["why", "1", "--state", str(tmp_path)]) == 1
    missing = f"trader: {tmp_path / 'journal.db'}: there is no journal\n"
    assert capsys.readouterr() == ("", missing)
    elsewhere = tmp_path / "moved.db"
    with closing(sqlite3.connect(elsewhere)) as db:
        for statement in upgrade_from(0):
            db.execute(statement)
        halted = ev.IntentReviewed(an_intent(), "d", False, "HALTED", "lunch", ())
        put(db, ev.Recorded(Seq(1), T0, halted))
        db.commit()
    named = ["why", an_intent().intent_id, "--journal", str(elsewhere)]
    assert cli.main(named) == 0
    assert "outcome  refused, HALTED: lunch" in capsys.readouterr().out
    assert cli.main([*named, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "refused, HALTED: lunch"
