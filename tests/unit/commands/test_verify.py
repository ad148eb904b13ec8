"""``trader verify``: what it says, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.support import START, running, shell, strategy_note, tampered
from tests.unit.store.test_upgrade import old_journal, upgraded
from trader import cli
from trader.core import events as ev
from trader.core.ids import Lineage, Seq
from trader.ops.anchors import AnchorLog
from trader.ops.clock import SystemClock
from trader.ports import ChainHead

LAST = 20


async def written(path: Path) -> ChainHead:
    async with running(path) as journal:
        journal.append(ev.Recorded(Seq(1), START, ev.JournalOpened(Lineage("abc123"))))
        for seq in range(2, LAST + 1):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(LAST))
        return journal.head


@pytest.fixture
def head(tmp_path: Path) -> ChainHead:
    """Return the head of a journal whose anchor is in the audit log."""
    head = asyncio.run(written(tmp_path / "journal.db"))
    AnchorLog(tmp_path, SystemClock(), lambda: "abc123").write(head)
    return head


def verify(state: Path, *words: str) -> int:
    return cli.main(["verify", "--state", str(state), *words])


def test_a_whole_journal_is_called_whole(
    tmp_path: Path, head: ChainHead, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(tmp_path) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines() == [
        f"{tmp_path / 'journal.db'}: whole",
        f"  events      {LAST}, the last is {LAST}",
        f"  digest      {LAST}:{head.digest}",
        "  checkpoints none",
        f"  anchors     1, up to event {LAST}",
    ]


def test_a_broken_journal_is_named_line_by_line(
    tmp_path: Path, head: ChainHead, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "journal.db"
    tampered(path, "UPDATE events SET at_us = at_us + 1 WHERE seq = 7")
    tampered(path, "DELETE FROM events WHERE seq IN (10, 11, 20)")
    assert verify(tmp_path) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[:4] == [
        f"{path}: NOT as it was written",
        "  altered     event 7 is not the one that was written there: its digest does not follow "
        "from event 6 (altered, moved, or put in)",
        "  missing     events 10 to 11 are missing",
        "  truncated   the journal ends with event 19, and audit_logs/chain.jsonl line 1 knows "
        "event 20: 1 events are gone from its end",
    ]


def test_everything_is_there_as_json(
    tmp_path: Path, head: ChainHead, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(tmp_path, "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert (whole["is_whole"], whole["findings"], whole["digest"]) == (True, [], head.digest)
    tampered(tmp_path / "journal.db", "DELETE FROM events WHERE seq = 10")
    assert verify(tmp_path, "--json") == 1
    broken = json.loads(capsys.readouterr().out)
    assert broken["is_whole"] is False
    assert broken["findings"] == [{"kind": "missing", "seq": 10, "text": "event 10 is missing"}]


def test_more_than_is_shown_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(written(tmp_path / "journal.db"))
    insert = "INSERT INTO events SELECT seq + {}, 1, 'x', 1, '{{}}', x'00' FROM events"
    for step in (20, 40, 80):
        tampered(tmp_path / "journal.db", insert.format(step))
    assert verify(tmp_path) == 1
    assert "  and 40 more\n" in capsys.readouterr().err


def test_a_copy_is_not_held_against_what_the_state_knows(
    tmp_path: Path, head: ChainHead, capsys: pytest.CaptureFixture[str]
) -> None:
    path, copy = tmp_path / "journal.db", tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    tampered(copy, "DELETE FROM events WHERE seq = 20")
    assert verify(tmp_path, "--journal", str(copy)) == 0
    assert "no anchor" in capsys.readouterr().out
    noted = f"20:{head.digest[:16].upper()}"
    assert verify(tmp_path, "--journal", str(copy), "--anchor", noted) == 1
    assert f"--anchor {noted} knows event 20" in capsys.readouterr().err
    assert verify(tmp_path, "--anchor", noted) == 0


def test_an_upgraded_journal_says_what_was_reconstructed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(upgraded(old_journal(tmp_path / "journal.db")))
    capsys.readouterr()
    assert verify(tmp_path) == 0
    assert "  rebuilt     up to event 300 computed at an upgrade" in capsys.readouterr().out


@pytest.mark.parametrize("noted", ["20", "20:", "20:xyz", "x:" + "ab" * 16, "20:" + "ab" * 7])
def test_an_anchor_that_is_none_is_wrong_usage(tmp_path: Path, noted: str) -> None:
    with pytest.raises(SystemExit) as ended:
        verify(tmp_path, "--anchor", noted)
    assert ended.value.code == 2


def test_nothing_to_look_at_is_not_called_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(tmp_path) == 2
    path = tmp_path / "journal.db"
    assert capsys.readouterr().err == f"trader: not verified: {path}: there is no journal\n"
    old_journal(path)
    assert verify(tmp_path) == 2
    assert "version 1: its events have no digests yet" in capsys.readouterr().err
    shell(path, "PRAGMA user_version = 99")
    assert verify(tmp_path) == 2
    (tmp_path / "audit_logs" / "chain.jsonl").mkdir(parents=True)
    assert verify(tmp_path) == 2
    assert "chain.jsonl: Is a directory" in capsys.readouterr().err


def test_a_look_leaves_the_state_as_it_was(tmp_path: Path, head: ChainHead) -> None:
    def bytes_of() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = bytes_of()
    assert verify(tmp_path) == 0
    assert bytes_of() == before
