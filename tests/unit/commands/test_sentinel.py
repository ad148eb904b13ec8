"""The sentinel's root: its rules are the configured ones, and its last life is remembered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.config.support import loaded, write_files
from tests.unit.core.factories import an_intent, planned, reviewed
from tests.unit.engine.world import ACCOUNT
from tests.unit.ops.test_standing_order import LEFT
from tests.unit.store.support import START, running
from tests.unit.store.test_story import a_journal
from trader.commands.sentinel import (
    COULD_NOT_START,
    NOT_ALIVE,
    Board,
    RiskReader,
    asleep_s,
    order_words,
    rules_of,
    show,
    watch,
)
from trader.core import events as ev
from trader.core.halts import Mode
from trader.core.ids import Lineage, OrderId, Seq
from trader.core.journal_events import JournalRestored
from trader.emergency.deadman import Deadman, Risk, State
from trader.emergency.look import Looker
from trader.emergency.sentinel import Shown
from trader.emergency.vital import Condition, Finding
from trader.ops.anchors import AnchorLog
from trader.ops.clock import SystemClock
from trader.ops.heartbeat import Heartbeat
from trader.ops.instance_lock import InstanceLock
from trader.ops.notify import Notifier
from trader.ops.standing_order import leave
from trader.ports import ChainHead

SILENT = Finding(Condition.DEAD, False, "gone")


def test_the_rules_are_the_configured_ones(tmp_path: Path) -> None:
    section = {"silence_s": 77, "check_s": 3, "open_risk_grace_s": 88, "start_s": 9}
    rules = rules_of(loaded(tmp_path, sentinel=section))
    assert (rules.silence_s, rules.check_s, rules.open_risk_grace_s) == (77, 3, 88)
    assert (rules.start_s, rules.retry_s_min, rules.retry_s_max) == (9, 5, 300)
    assert rules.may_act
    assert not rules_of(loaded(tmp_path, mode="dry_run")).may_act


def test_its_client_id_is_nobody_elses(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings.sentinel_client_id == 1008
    high = {"client_id": 2**31 - 1}
    found = loaded(tmp_path, broker=high).settings
    taken = {found.broker.client_id, found.broker.second_client_id}
    assert found.sentinel_client_id not in taken
    next_to = {"client_id": 8, "emergency_client_id": 7}
    assert loaded(tmp_path, broker=next_to).settings.sentinel_client_id == 9
    own = {"client_id": 4}
    assert loaded(tmp_path, sentinel=own).settings.sentinel_client_id == 4


def test_a_machine_that_has_not_slept_counts_none() -> None:
    assert asleep_s() == pytest.approx(asleep_s(), abs=0.1)
    assert asleep_s() >= 0


def test_what_is_open_is_read_again_only_when_something_changed(tmp_path: Path) -> None:
    reader = RiskReader(tmp_path, tmp_path / "journal.db")
    assert reader.read() == (Risk.NONE, "nothing")
    a_journal(tmp_path, (reviewed(an_intent(1)), planned(an_intent(1), 1)))
    risk, text = reader.read()
    assert (risk, text.startswith("1 orders (")) == (Risk.OPEN, True)
    (tmp_path / "journal.db").write_bytes(b"damaged" * 1000)
    assert reader.read()[0] is Risk.UNKNOWN
    (tmp_path / "standing_order.json").write_text("{")
    assert reader.read() == (Risk.OPEN, "a standing order")


def test_a_journal_that_is_gone_is_not_one_that_never_was(tmp_path: Path) -> None:
    # On a disk that is not mounted, say: what the daemon held is not known then.
    reader = RiskReader(tmp_path, tmp_path / "elsewhere" / "journal.db")
    assert reader.read()[0] is Risk.NONE
    (tmp_path / "reach.json").write_text("{}")
    risk, text = reader.read()
    assert (risk, text) == (Risk.UNKNOWN, f"{tmp_path / 'elsewhere' / 'journal.db'} is missing")


def anchored(state: Path, lineage: str, seq: int, digest: str) -> None:
    AnchorLog(state, SystemClock(), lambda: lineage).write(ChainHead(Seq(seq), digest))


async def _history(path: Path, *events: ev.Event) -> str:
    """Write a journal whose chain is sound; returns its last digest."""
    async with running(path) as journal:
        for seq, event in enumerate(events, start=1):
            journal.append(ev.Recorded(Seq(seq), START, event))
        await journal.durable(Seq(len(events)))
        return journal.head.digest


async def test_a_flat_journal_that_is_older_than_its_anchors_is_no_proof_of_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    opened = ev.JournalOpened(Lineage("abc123"))
    more = ev.DaemonStarted("1", Mode.PAPER, ACCOUNT, ())
    digest = await _history(path, opened, more)
    anchored(tmp_path, "abc123", 2, digest)
    assert RiskReader(tmp_path, path).read() == (Risk.NONE, "nothing")
    # Cut off, rewritten, another one's, and one that nobody can look up.
    for lineage, seq, other, words in (
        ("abc123", 9, "ab" * 32, "the journal ends with event 2, and"),
        ("abc123", 2, "ab" * 32, "event 2 is not what"),
        ("zzz999", 2, digest, "knows the journal zzz999, and this one is abc123"),
    ):
        anchored(tmp_path, lineage, seq, other)
        risk, text = RiskReader(tmp_path, path).read()
        assert risk is Risk.UNKNOWN
        assert words in text
        assert "trader" not in text
    folder = tmp_path / "audit_logs" / "chain.jsonl"
    folder.unlink()
    folder.mkdir()
    risk, text = RiskReader(tmp_path, path).read()
    assert (risk, text.startswith("its anchors cannot be read: ")) == (Risk.UNKNOWN, True)


async def test_a_restored_journal_is_no_proof_until_it_has_anchors_of_its_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    restored = JournalRestored(
        Lineage("def456"), (Lineage("abc123"),), OrderId(10**7), "1:ab", "copy.db", "", "r", "ann"
    )
    anchored(tmp_path, "abc123", 9, "ab" * 32)
    digest = await _history(path, ev.JournalOpened(Lineage("abc123")), restored)
    assert RiskReader(tmp_path, path).read()[0] is Risk.UNKNOWN
    anchored(tmp_path, "def456", 2, digest)
    assert RiskReader(tmp_path, path).read() == (Risk.NONE, "nothing")


def test_a_state_that_may_not_be_looked_at_is_not_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = RiskReader(tmp_path, tmp_path / "journal.db")
    looker = Looker(tmp_path, SystemClock())

    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", denied)
    assert reader.read() == (
        Risk.UNKNOWN, f"{tmp_path / 'standing_order.json'}: Permission denied"
    )  # fmt: skip
    assert looker.look().holder_problem == f"{tmp_path / 'lock'}: Permission denied"


def test_a_standing_order_that_was_left_since_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "standing_order.json"
    assert order_words(path) == ""
    path.write_text("{")
    assert order_words(path) == ""
    leave(path, LEFT)
    assert order_words(path) == LEFT.words
    assert order_words(path, until=LEFT.at) == LEFT.words
    assert order_words(path, until="2025-03-14T14:30:04.999Z") == ""


def a_board(state: Path) -> tuple[Board, Looker]:
    looker = Looker(state, SystemClock())
    looker.look()
    return Board(state / "sentinel.json", looker, Notifier({}), SystemClock()), looker


def test_its_last_life_counts_while_the_daemon_gave_no_sign_since(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "heartbeat", os.getpid())
    heart.beat()
    board, _ = a_board(tmp_path)
    assert board.resumed() == Deadman()
    board.show(Shown(Deadman(State.ACTING, 9.0), SILENT, Risk.OPEN, "x", ""))
    assert a_board(tmp_path)[0].resumed() == Deadman(State.SUSPECT, 9.0)
    board.show(Shown(Deadman(State.DONE, 9.0), SILENT, Risk.OPEN, "x", "all"))
    assert a_board(tmp_path)[0].resumed() == Deadman(State.DONE, 9.0)
    heart.beat()
    assert a_board(tmp_path)[0].resumed() == Deadman()
    heart.close()


def test_it_does_not_start_on_bad_settings_or_beside_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write_files(tmp_path, {"sentinel": {"silence_s": 1}})
    assert watch(bad, {}) == COULD_NOT_START
    assert "cannot start: " in capsys.readouterr().err
    good = write_files(tmp_path)
    (tmp_path / "state").mkdir()
    lock = InstanceLock(tmp_path / "state" / "sentinel.lock")
    lock.take(4711)
    assert watch(good, {}) == COULD_NOT_START
    assert "process 4711" in capsys.readouterr().err
    lock.release()


def test_without_a_sentinel_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(write_files(tmp_path), {}) == NOT_ALIVE
    assert capsys.readouterr().out == "no sentinel is running\n"
