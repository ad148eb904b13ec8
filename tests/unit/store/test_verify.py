"""Any change to what was written is found and named, and a look changes nothing itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.store.support import (
    START,
    order_planned,
    running,
    shell,
    state_at,
    strategy_note,
    tamper,
    tampered,
)
from trader.core import events as ev
from trader.core.ids import Lineage, OrderId, Seq, StrategyName
from trader.core.journal_events import JournalRestored
from trader.core.strategy_events import StrategyCheckpointed
from trader.ports import Anchor, ChainHead
from trader.store import verify
from trader.store.chain import chained
from trader.store.rows import JournalUnusable, row_of
from trader.store.schema import LATEST
from trader.store.verify import FINDINGS_MAX, Verdict, verified

LAST = 40
COLUMNS = ("seq", "at_us", "kind", "version", "payload", "digest")
# Values of every type that SQLite has: a column takes any of them.
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.binary(max_size=40),
)
HERE = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def event_at(seq: int) -> ev.Recorded:
    event: ev.Event = ev.JournalOpened(Lineage("abc123")) if seq == 1 else order_planned(seq)
    return ev.Recorded(Seq(seq), START, event) if seq % 2 else strategy_note(seq, f"state {seq}")


async def written(path: Path) -> ChainHead:
    async with running(path) as journal:
        for seq in range(1, LAST + 1):
            journal.append(event_at(seq))
        await journal.save_checkpoint(state_at(20))
        long = StrategyCheckpointed(StrategyName("s"), 1, "x" * 40_000)
        await journal.save_checkpoint(state_at(35, [long]))
        return journal.head


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ChainHead]:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    return path, asyncio.run(written(path))


@pytest.fixture
def path(template: tuple[Path, ChainHead], tmp_path: Path) -> Path:
    return Path(shutil.copy(template[0], tmp_path / "journal.db"))


@pytest.fixture
def head(template: tuple[Path, ChainHead]) -> ChainHead:
    return template[1]


def anchor(head: ChainHead, journal: str = "abc123") -> Anchor:
    return Anchor("page", journal, head)


def named(verdict: Verdict) -> set[tuple[str, int | None]]:
    assert not verdict.is_whole
    return {(finding.kind, finding.seq) for finding in verdict.findings}


def content(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        tables = ("events", "checkpoints", "checkpoint_parts", "journal_seams")
        rows = [db.execute(f"SELECT * FROM {name}").fetchall() for name in tables]
        # Who got round a trigger and put it back has moved it behind the others.
        return [*rows, db.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall()]


def rechained(path: Path, first: int) -> None:
    """Be somebody who knows the rules: compute every digest from ``first`` on anew."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        ((digest,),) = db.execute("SELECT digest FROM events WHERE seq = ?", (first - 1,))
        wanted = "SELECT seq, at_us, kind, version, payload FROM events WHERE seq >= ? ORDER BY seq"
        for row in db.execute(wanted, (first,)).fetchall():
            digest = chained(digest, row)[5]
            tamper(db, "UPDATE events SET digest = ? WHERE seq = ?", digest, row[0])


# ---- whole


def test_what_was_written_is_whole(path: Path, head: ChainHead) -> None:
    verdict = verified(path, [anchor(head)])
    assert verdict == Verdict(
        version=LATEST, journal="abc123", event_count=LAST, last_seq=LAST, digest=head.digest,
        reconstructed_to=0, checkpoints=(20, 35), anchor_count=1, anchored_to=LAST,
        findings=(), finding_count=0, notes=(),
    )  # fmt: skip


def test_without_an_anchor_that_is_said(path: Path) -> None:
    verdict = verified(path)
    assert verdict.is_whole
    assert verdict.notes == (
        "no anchor: a tail that was cut off, or a history written anew, does not show",
    )


def test_a_look_changes_nothing_and_leaves_nothing(path: Path) -> None:
    before = path.read_bytes()
    path.chmod(0o400)
    assert verified(path).is_whole
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_copy_made_while_it_is_written_is_whole(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    assert verified(copy).is_whole


async def test_a_journal_that_a_daemon_writes_is_read_at_one_instant(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        for seq in range(1, 2_001):
            journal.append(event_at(seq))
            if seq % 400 == 0:
                await journal.durable(Seq(seq))
                head = journal.head
                log = path.with_name("journal.db-wal")
                before = path.read_bytes(), log.read_bytes()
                verdict = await asyncio.to_thread(verified, path, [anchor(head)])
                assert verdict.is_whole, verdict.findings
                assert verdict.last_seq >= seq
                assert (path.read_bytes(), log.read_bytes()) == before


def test_a_daemon_that_begins_under_the_look_makes_it_look_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Verdict] = []
    check = verify._Check.verdict

    def slow(self: verify._Check, version: int) -> Verdict:
        verdict = check(self, version)
        if not looks:
            shell(path, "PRAGMA user_version = 0")
            shell(path, f"PRAGMA user_version = {LATEST}")
        looks.append(verdict)
        return verdict

    monkeypatch.setattr(verify._Check, "verdict", slow)
    assert verified(path).is_whole
    assert len(looks) == 2


# ---- events


@HERE
@given(st.integers(1, LAST), st.sampled_from(COLUMNS), VALUES)
def test_any_value_of_any_column_that_is_changed_is_named(
    template: tuple[Path, ChainHead], seq: int, column: str, value: object
) -> None:
    path = Path(shutil.copy(template[0], template[0].with_name("changed.db")))
    before = content(path)
    try:
        tampered(path, f"UPDATE events SET {column} = ? WHERE seq = ?", value, seq)
    except sqlite3.IntegrityError:
        return  # SQLite itself does not take it
    if content(path) == before:
        return  # the same value
    found = named(verified(path))
    kinds = {"seq": "missing"}.get(column, "altered")
    assert (kinds, seq) in found or (kinds == "missing" and ("altered", seq + 1) in found) or (
        column == "seq" and seq == LAST
    ), found  # fmt: skip


@pytest.mark.parametrize("seq", [1, 2, 20, LAST])
@pytest.mark.parametrize(
    "change",
    [
        "payload = payload || ' '", "payload = CAST(payload AS BLOB)", "kind = CAST(kind AS BLOB)",
        "kind = kind || 'x'", "version = version + 1", "version = 1.5", "at_us = at_us + 1",
        "at_us = CAST(at_us AS BLOB)", "digest = x'00'", "digest = zeroblob(32)",
        "digest = CAST(digest AS TEXT)",
    ],
)  # fmt: skip
def test_an_altered_event_is_named_and_no_other(path: Path, seq: int, change: str) -> None:
    tampered(path, f"UPDATE events SET {change} WHERE seq = ?", seq)
    found = named(verified(path))
    assert {at for kind, at in found if kind == "altered"} == {seq}
    # A checkpoint is sealed over the digest of its event.
    assert found - {("altered", seq)} <= {("checkpoint", seq)}


@HERE
@given(st.integers(1, LAST - 1), st.integers(1, 5))
def test_events_that_are_missing_are_named(
    template: tuple[Path, ChainHead], first: int, count: int
) -> None:
    path = Path(shutil.copy(template[0], template[0].with_name("missing.db")))
    last = min(first + count, LAST) - 1
    tampered(path, "DELETE FROM events WHERE seq BETWEEN ? AND ?", first, last)
    verdict = verified(path)
    (missing,) = [finding for finding in verdict.findings if finding.kind == "missing"]
    assert missing.seq == first
    what = f"event {first} is" if first == last else f"events {first} to {last} are"
    assert missing.text == f"{what} missing"


@HERE
@given(st.integers(1, LAST - 1))
def test_a_gap_that_is_closed_by_new_numbers_is_named(
    template: tuple[Path, ChainHead], gone: int
) -> None:
    path = Path(shutil.copy(template[0], template[0].with_name("closed.db")))
    tampered(path, "DELETE FROM events WHERE seq = ?", gone)
    tampered(path, "UPDATE events SET seq = -seq WHERE seq > ?", gone)
    tampered(path, "UPDATE events SET seq = -seq - 1 WHERE seq < 0")
    assert ("altered", gone) in named(verified(path))


@HERE
@given(st.integers(1, LAST), st.integers(1, LAST), st.booleans())
def test_events_that_changed_places_are_both_named(
    template: tuple[Path, ChainHead], one: int, other: int, with_digest: bool
) -> None:
    if one == other:
        return
    path = Path(shutil.copy(template[0], template[0].with_name("moved.db")))
    columns = COLUMNS[1:] if with_digest else COLUMNS[1:-1]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        rows = [
            db.execute(f"SELECT {','.join(columns)} FROM events WHERE seq = ?", (at,)).fetchone()
            for at in (one, other)
        ]
        places = ",".join(f"{name} = ?" for name in columns)
        for at, row in ((one, rows[1]), (other, rows[0])):
            tamper(db, f"UPDATE events SET {places} WHERE seq = ?", *row, at)
    assert {("altered", one), ("altered", other)} <= named(verified(path))


@HERE
@given(st.integers(1, LAST), st.integers(2, LAST), st.booleans())
def test_an_event_that_is_put_in_or_doubled_is_named(
    template: tuple[Path, ChainHead], source: int, place: int, at_the_end: bool
) -> None:
    path = Path(shutil.copy(template[0], template[0].with_name("put.db")))
    place = LAST + 1 if at_the_end else place
    tampered(path, "UPDATE events SET seq = -seq - 1 WHERE seq >= ?", place)
    tampered(path, "UPDATE events SET seq = -seq WHERE seq < 0")
    # A copy of what stood there does not differ in this place, but in the next.
    expected = place + 1 if source == place else place
    source = source + 1 if source >= place else source
    tampered(
        path,
        f"INSERT INTO events SELECT {place}, at_us, kind, version, payload, digest FROM events "
        "WHERE seq = ?",
        source,
    )
    assert ("altered", expected) in named(verified(path))


def test_a_number_below_the_first_is_not_ours(path: Path) -> None:
    tampered(path, "INSERT INTO events VALUES (-3, 1, 'OrderSent', 1, '{}', x'00')")
    assert named(verified(path)) == {("altered", -3)}


def test_findings_beyond_what_anybody_reads_are_counted(path: Path) -> None:
    tampered(path, "WITH RECURSIVE n(i) AS (SELECT 41 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
             "INSERT INTO events SELECT i, 1, 'x', 1, '{}', x'00' FROM n")  # fmt: skip
    verdict = verified(path)
    assert (len(verdict.findings), verdict.finding_count) == (FINDINGS_MAX, 260)


# ---- the tail, and history written anew


@HERE
@given(st.integers(0, LAST - 1))
def test_a_tail_that_was_cut_off_behind_an_anchor_is_named(
    template: tuple[Path, ChainHead], last: int
) -> None:
    path = Path(shutil.copy(template[0], template[0].with_name("cut.db")))
    tampered(path, "DELETE FROM checkpoints WHERE seq > ?", last)
    tampered(path, "DELETE FROM events WHERE seq > ?", last)
    assert verified(path).is_whole
    verdict = verified(path, [anchor(template[1])])
    assert named(verdict) == {("truncated", last + 1)}
    assert f"ends with event {last}, and page knows event {LAST}" in verdict.findings[0].text


def test_a_checkpoint_ahead_of_the_last_event_shows_the_cut_by_itself(path: Path) -> None:
    tampered(path, "DELETE FROM events WHERE seq >= 35")
    assert named(verified(path)) == {("truncated", 35)}


async def test_a_cut_tail_under_new_events_is_a_history_written_anew(
    path: Path, head: ChainHead
) -> None:
    early = ChainHead(Seq(30), shell(path, "SELECT digest FROM events WHERE seq = 30")[0][0].hex())
    tampered(path, "DELETE FROM checkpoints WHERE seq > 33")
    tampered(path, "DELETE FROM events WHERE seq > 33")
    async with running(path) as journal:
        for seq in range(34, 60):
            journal.append(strategy_note(seq, "another"))
        await journal.durable(Seq(59))
    verdict = verified(path, [anchor(early), anchor(head)])
    assert named(verdict) == {("rewritten", LAST)}
    assert "written anew, behind event 30" in verdict.findings[0].text


def test_a_history_with_every_digest_computed_anew_differs_from_its_anchor(
    path: Path, head: ChainHead
) -> None:
    tampered(path, "UPDATE events SET payload = replace(payload, 'state 12', 'state 13')")
    rechained(path, 12)
    shell(path, "DELETE FROM checkpoints")
    assert verified(path).is_whole
    assert named(verified(path, [anchor(head)])) == {("rewritten", LAST)}
    shown = ChainHead(head.seq, head.digest[:16])
    assert named(verified(path, [anchor(shown, "")])) == {("rewritten", LAST)}


def test_the_beginning_of_a_digest_is_enough_of_an_anchor(path: Path, head: ChainHead) -> None:
    assert verified(path, [anchor(ChainHead(head.seq, head.digest[:16]), "")]).is_whole


def test_another_journal_in_this_ones_place_is_found(path: Path, head: ChainHead) -> None:
    verdict = verified(path, [anchor(head), anchor(head, "fedcba")])
    assert named(verdict) == {("rewritten", None)}
    assert "is of the journal fedcba, and this one is abc123" in verdict.findings[0].text


def test_anchors_of_a_journal_that_was_set_aside_are_left_out(path: Path, head: ChainHead) -> None:
    old = ChainHead(Seq(5_000), "ab" * 32)
    verdict = verified(path, [anchor(old, "fedcba"), anchor(head)])
    assert verdict.is_whole
    assert verdict.notes == ("anchors of other journals: fedcba",)


# ---- checkpoints, schema, file


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE checkpoint_parts SET payload = replace(payload, 'x', 'y') WHERE seq = 35",
        "UPDATE checkpoint_parts SET payload = CAST(payload AS BLOB) WHERE seq = 35",
        "UPDATE checkpoint_parts SET part = part + 1 WHERE seq = 35 AND part = 1",
        "DELETE FROM checkpoint_parts WHERE seq = 35 AND part = 1",
        "INSERT INTO checkpoint_parts VALUES (35, 9, '')",
        "UPDATE checkpoints SET at_us = at_us + 1 WHERE seq = 35",
        "UPDATE checkpoints SET crc = crc + 1 WHERE seq = 35",
        "UPDATE checkpoints SET part_count = part_count + 1 WHERE seq = 35",
        "UPDATE checkpoints SET digest = zeroblob(32) WHERE seq = 35",
        "UPDATE checkpoints SET digest = CAST(digest AS TEXT) WHERE seq = 35",
    ],
)
def test_a_changed_checkpoint_fails_its_seal(path: Path, change: str) -> None:
    shell(path, change)
    verdict = verified(path)
    assert named(verdict) == {("checkpoint", 35)}
    assert verdict.findings[0].text == "checkpoint of event 35: the sealed digest fails"


def test_a_checkpoint_that_was_sealed_anew_differs_from_its_anchor(
    path: Path, head: ChainHead
) -> None:
    assert head.checkpoint_seq == 35
    other = ChainHead(head.seq, head.digest, Seq(35), "00" * 32)
    verdict = verified(path, [anchor(other)])
    assert named(verdict) == {("checkpoint", 35)}
    assert "not what page knows" in verdict.findings[0].text


def test_what_no_checkpoint_counts_and_a_checkpoint_that_is_gone_are_no_damage(path: Path) -> None:
    shell(path, "INSERT INTO checkpoint_parts VALUES (39, 0, 'left by a crash')")
    shell(path, "DELETE FROM checkpoints WHERE seq = 20")
    assert verified(path).is_whole


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DROP TRIGGER events_no_update", "the trigger events_no_update is missing"),
        ("DROP VIEW v_halts", "the view v_halts is missing"),
        ("CREATE TABLE mine (x)", "the table mine is not this program's"),
        ("ALTER TABLE events ADD COLUMN more", "the table events is not this program's"),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END", "the trigger t is not"),
    ],
)
def test_a_changed_schema_is_named(path: Path, change: str, what: str) -> None:
    shell(path, change)
    verdict = verified(path)
    assert {finding.kind for finding in verdict.findings} == {"schema"}
    assert f"the sealed digest fails: {what}" in verdict.findings[0].text


def test_where_the_tables_are_not_ours_nothing_else_is_claimed(path: Path) -> None:
    """A column that is no key any more may hold anything, NULL as well."""
    raw = path.read_bytes()
    assert raw.count(b"seq INTEGER PRIMARY KEY") == 3
    path.write_bytes(raw.replace(b"seq INTEGER PRIMARY KEY", b"seq INTEGEQ PRIMARY KEY"))
    verdict = verified(path)
    assert "schema" in {finding.kind for finding in verdict.findings}
    assert verdict.notes[0] == "nothing was compared: the tables are not this program's"


def test_a_list_of_free_pages_that_is_wrong_is_damage(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[39] ^= 4
    path.write_bytes(raw)
    findings = verified(path).findings
    assert {finding.kind for finding in findings} == {"damage"}
    assert findings[0].text.startswith("the list of free pages: it has")


def test_a_page_that_cannot_be_read_is_said_and_the_rest_is_looked_at(path: Path) -> None:
    ((root,),) = shell(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'checkpoints'")
    raw = bytearray(path.read_bytes())
    raw[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(raw)
    verdict = verified(path)
    assert {finding.kind for finding in verdict.findings} == {"damage"}
    assert (verdict.event_count, verdict.last_seq) == (LAST, LAST)


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
async def test_a_flipped_bit_of_the_log_cuts_the_tail_off_and_the_anchor_shows_it(
    tmp_path: Path, at: float
) -> None:
    """SQLite takes a log only up to the first frame whose checksum fails, without a word."""
    crashed = tmp_path / "crashed.db"
    async with running(tmp_path / "journal.db") as journal:
        for seq in range(1, 60):
            journal.append(event_at(seq))
            await journal.durable(Seq(seq))
        head = journal.head
        for end in ("", "-wal"):
            shutil.copy(tmp_path / f"journal.db{end}", tmp_path / f"crashed.db{end}")
    assert verified(crashed, [anchor(head)]).is_whole
    log = tmp_path / "crashed.db-wal"
    raw = bytearray(log.read_bytes())
    raw[int(len(raw) * at)] ^= 1
    log.write_bytes(raw)
    (finding,) = verified(crashed, [anchor(head)]).findings
    assert finding.kind == "truncated"
    assert finding.seq is not None
    assert abs(finding.seq - 59 * at) < 5


def test_what_is_no_journal_older_or_newer_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        verified(tmp_path / "gone.db")
    shell(path, f"PRAGMA user_version = {LATEST + 1}")
    with pytest.raises(JournalUnusable, match="of a newer program"):
        verified(path)
    shell(path, "PRAGMA user_version = 4")
    with pytest.raises(JournalUnusable, match="version 4: its events have no digests yet"):
        verified(path)
    shell(path, "PRAGMA application_id = 7")
    with pytest.raises(JournalUnusable, match="not a journal of this program"):
        verified(path)
    path.write_bytes(b"nothing of the kind" * 500)
    with pytest.raises(JournalUnusable, match="SQLITE_NOTADB"):
        verified(path)


def test_a_row_is_made_as_the_journal_makes_it(path: Path) -> None:
    """The template is what the tests take it for."""
    found = shell(path, "SELECT seq, at_us, kind, version, payload FROM events")
    assert found == [row_of(event_at(seq)) for seq in range(1, LAST + 1)]


# ---- put back from a copy


RESTORED = JournalRestored(
    Lineage("new001"),
    (Lineage("old000"), Lineage("abc123")),
    OrderId(9),
    "40:ab",
    "f",
    "",
    "r",
    "b",
)


async def restored(path: Path) -> ChainHead:
    async with running(path) as journal:
        journal.append(ev.Recorded(Seq(LAST + 1), START, RESTORED))
        await journal.durable(Seq(LAST + 1))
        return journal.head


def test_a_journal_that_was_restored_is_held_against_its_own_anchors(
    path: Path, head: ChainHead
) -> None:
    new = asyncio.run(restored(path))
    lost = ChainHead(Seq(LAST + 9), "ab" * 32)
    older = anchor(ChainHead(Seq(3), "cd" * 32), "old000")
    verdict = verified(path, [older, anchor(head), anchor(lost)])
    assert verdict.is_whole, verdict.findings
    assert (verdict.journal, verdict.anchor_count, verdict.anchored_to) == ("new001", 1, LAST)
    assert f"restored from a copy that ended with event {LAST}" in verdict.notes
    assert "2 anchors are of what the restore has given up" in verdict.notes
    assert verified(path, [anchor(lost), anchor(new, "new001")]).is_whole
    # What the copy held is still what was written down about it.
    other = ChainHead(Seq(LAST), "cd" * 32)
    assert named(verified(path, [anchor(other)])) == {("rewritten", LAST)}
    strange = verified(path, [anchor(head), anchor(head, "zzz999")])
    assert named(strange) == {("rewritten", None)}
    tail = ChainHead(Seq(LAST + 5), "ab" * 32)
    assert named(verified(path, [anchor(tail, "new001")])) == {("truncated", LAST + 2)}
