"""The head of the chain outside the journal: written when it moved, read back from every place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.ops.support import FakeClock
from trader.core.ids import Seq
from trader.ops.anchors import AnchorLog, anchors_in
from trader.ports import ChainHead

HEAD = ChainHead(Seq(7), "ab" * 32, Seq(5), "cd" * 32)


def log_of(state_dir: Path) -> AnchorLog:
    return AnchorLog(state_dir, FakeClock(), lambda: "abc123")


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
