"""The head of the chain outside the journal: written when it moved, read back from every place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.ops.support import FakeClock
from trader.core.ids import Seq
from trader.ops import anchors as module
from trader.ops.anchors import AnchorLog, anchors_in, newest_anchor
from trader.ports import ChainHead

HEAD = ChainHead(Seq(7), "ab" * 32, Seq(5), "cd" * 32)


def log_of(state_dir: Path, **more: int) -> AnchorLog:
    return AnchorLog(state_dir, FakeClock(), lambda: "abc123", **more)


def head_at(seq: int) -> ChainHead:
    return replace(HEAD, seq=Seq(seq))


def seqs_in(state_dir: Path) -> list[int]:
    anchors, problems = anchors_in(state_dir)
    assert problems == ()
    return [anchor.head.seq for anchor in anchors]


def names_in(state_dir: Path) -> list[str]:
    return sorted(path.name for path in (state_dir / "audit_logs").iterdir())


def lines(state_dir: Path) -> list[dict[str, object]]:
    text = (state_dir / "audit_logs" / "chain.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_head_is_written_once_and_again_when_it_has_moved(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    later = replace(HEAD, seq=Seq(9), digest="ef" * 32)
    for head in (HEAD, HEAD, later, later):
        log.write(head)
    assert [(row["journal"], row["seq"]) for row in lines(tmp_path)] == [
        ("abc123", 7),
        ("abc123", 9),
    ]
    anchors, problems = anchors_in(tmp_path)
    assert [anchor.head for anchor in anchors] == [HEAD, later]
    assert [anchor.source for anchor in anchors] == [
        "audit_logs/chain.jsonl line 1",
        "audit_logs/chain.jsonl line 2",
    ]
    assert problems == ()


def test_a_journal_without_an_event_has_no_anchor(tmp_path: Path) -> None:
    log_of(tmp_path).write(ChainHead(Seq(0), "ab" * 32))
    assert anchors_in(tmp_path) == ((), ())


def test_a_disk_that_takes_nothing_is_logged_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "audit_logs").write_text("in the way")
    log = log_of(tmp_path)
    log.write(HEAD)
    (tmp_path / "audit_logs").unlink()
    log.write(HEAD)
    assert [row["seq"] for row in lines(tmp_path)] == [7]


def test_the_shutdown_record_is_an_anchor_and_an_older_one_than_the_audit_log(
    tmp_path: Path,
) -> None:
    log_of(tmp_path).write(HEAD)
    journal = {"seq": 7, "durable_seq": 6, "failure": "", "digest": "12", "lineage": "abc123"}
    (tmp_path / "last_status.json").write_text(json.dumps({"journal": journal}))
    anchors, problems = anchors_in(tmp_path)
    assert [(anchor.source, anchor.journal, anchor.head.seq) for anchor in anchors] == [
        ("last_status.json", "abc123", 6),
        ("audit_logs/chain.jsonl line 1", "abc123", 7),
    ]
    assert (anchors[0].head.digest, problems) == ("12", ())


def test_the_status_of_an_older_program_is_no_anchor_and_no_problem(tmp_path: Path) -> None:
    journal = {"seq": 7, "durable_seq": 6, "failure": ""}
    (tmp_path / "last_status.json").write_text(json.dumps({"journal": journal}))
    assert anchors_in(tmp_path) == ((), ())


@pytest.mark.parametrize(
    "line",
    [
        '{"at_utc": "2026-', "[]", "7", "null", "\udcff", '{"journal": "a", "seq": 1}',
        '{"journal": "a", "seq": "1", "digest": "ab"}', '{"journal": 1, "seq": 1, "digest": "ab"}',
        '{"journal": "a", "seq": true, "digest": "ab"}',
        '{"journal": "a", "seq": 1, "digest": "ab", "checkpoint_digest": 7}',
        '{"journal": "a", "seq": 0, "digest": "ab"}', '{"journal": "a", "seq": 1, "digest": ""}',
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_said_and_the_others_count(tmp_path: Path, line: str) -> None:
    log = log_of(tmp_path)
    log.write(HEAD)
    path = tmp_path / "audit_logs" / "chain.jsonl"
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    log.write(replace(HEAD, seq=Seq(8)))
    anchors, problems = anchors_in(tmp_path)
    assert [anchor.head.seq for anchor in anchors] == [7, 8]
    assert problems == ("audit_logs/chain.jsonl line 2 is not an anchor",)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"journal": 7}', '{"journal": []}'])
def test_a_shutdown_record_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "last_status.json").write_text(text)
    assert anchors_in(tmp_path) == ((), ("last_status.json is not an anchor",))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "audit_logs" / "chain.jsonl").mkdir(parents=True)
    with pytest.raises(OSError, match="Is a directory"):
        anchors_in(tmp_path)


def test_a_full_file_gets_another_name_and_every_line_stays_readable_in_its_order(
    tmp_path: Path,
) -> None:
    log = log_of(tmp_path, bytes_max=500)
    for seq in range(1, 31):
        log.write(head_at(seq))
        # The newest is always where it is looked for first.
        assert lines(tmp_path)[-1]["seq"] == seq
    assert names_in(tmp_path)[-1] == "chain.jsonl"
    assert len(names_in(tmp_path)) > 9
    sizes = [path.stat().st_size for path in (tmp_path / "audit_logs").iterdir()]
    assert max(sizes) < 500 + 300
    assert seqs_in(tmp_path) == list(range(1, 31))
    found, _ = newest_anchor(tmp_path)
    assert found == anchors_in(tmp_path)[0][-1]
    assert anchors_in(tmp_path)[0][0].source == "audit_logs/chain-000001.jsonl line 1"


def test_files_are_read_by_their_number_and_the_next_one_is_above_all_of_them(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "audit_logs"
    log = log_of(tmp_path, bytes_max=1)
    log.write(head_at(1))
    for seq, name in ((2, "chain-999999.jsonl"), (3, "chain-1000000.jsonl")):
        (folder / "chain.jsonl").rename(folder / name)
        log.write(head_at(seq))
    # Others that stand there are none of it.
    (folder / "chain-old.jsonl").write_text("?")
    (folder / "chain-000007.jsonl.bak").write_text("?")
    log.write(head_at(4))
    assert (folder / "chain-1000001.jsonl").exists()
    assert seqs_in(tmp_path) == [1, 2, 3, 4]


def test_what_was_turned_over_long_ago_is_not_read_at_a_start(tmp_path: Path) -> None:
    log = log_of(tmp_path, bytes_max=1)
    for seq in (1, 2, 3):
        log.write(head_at(seq))
    (tmp_path / "audit_logs" / "chain-000001.jsonl").write_bytes(b"damaged")
    found, problems = newest_anchor(tmp_path)
    assert found is not None
    assert (found.head.seq, problems) == (3, ())
    # Without the newest file, as after a kill between the two steps, the one before it is.
    (tmp_path / "audit_logs" / "chain.jsonl").unlink()
    found, problems = newest_anchor(tmp_path)
    assert found is not None
    assert (found.head.seq, problems) == (2, ())


def test_the_newest_is_the_last_line_that_is_one(tmp_path: Path) -> None:
    assert newest_anchor(tmp_path) == (None, ())
    log = log_of(tmp_path)
    for seq in (9, 4):  # not the furthest: somebody put an older journal back, and resumed
        log.write(head_at(seq))
    path = tmp_path / "audit_logs" / "chain.jsonl"
    path.write_bytes(path.read_bytes() + b'{"at_utc": "2026')
    found, problems = newest_anchor(tmp_path)
    assert found is not None
    assert found.head.seq == 4
    assert problems == ("audit_logs/chain.jsonl line 3 is not an anchor",)


def test_the_shutdown_record_is_the_newest_only_where_no_line_is(tmp_path: Path) -> None:
    journal = {"durable_seq": 6, "digest": "12", "lineage": "abc123"}
    (tmp_path / "last_status.json").write_text(json.dumps({"journal": journal, "causes": []}))
    found, _ = newest_anchor(tmp_path)
    assert found is not None
    assert found.source == "last_status.json"
    log_of(tmp_path).write(head_at(5))
    found, _ = newest_anchor(tmp_path)
    assert found is not None
    assert found.head.seq == 5


def test_the_shutdown_record_of_a_journal_that_was_not_believed_is_no_anchor(
    tmp_path: Path,
) -> None:
    journal = {"durable_seq": 6, "digest": "12", "lineage": "abc123"}
    status = {"journal": journal, "causes": [["journal_unproven", "an old copy"]]}
    (tmp_path / "last_status.json").write_text(json.dumps(status))
    assert anchors_in(tmp_path) == ((), ())
    assert newest_anchor(tmp_path) == (None, ())


def test_a_file_that_cannot_be_put_away_goes_on_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(tmp_path, bytes_max=1)
    log.write(head_at(1))

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        log.write(head_at(2))
    assert names_in(tmp_path) == ["chain.jsonl"]
    assert seqs_in(tmp_path) == [1, 2]
    log.write(head_at(3))
    assert names_in(tmp_path) == ["chain-000001.jsonl", "chain.jsonl"]
    assert seqs_in(tmp_path) == [1, 2, 3]


@pytest.mark.parametrize("before", ["full_files", "_older"])
def test_a_look_during_which_a_file_is_turned_over_misses_nothing_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    log = log_of(tmp_path, bytes_max=1)
    for seq in (1, 2):
        log.write(head_at(seq))
    whole = getattr(module, before)

    def meanwhile(*given: object) -> object:
        monkeypatch.undo()
        log.write(head_at(3))
        return whole(*given)

    monkeypatch.setattr(module, before, meanwhile)
    # What was written after the look had begun may or may not be in it.
    assert seqs_in(tmp_path)[:2] == [1, 2]
    assert len(seqs_in(tmp_path)) == 3
