"""A shadow's record is read back whole, or it says where it is not one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core.parity.records import S, commission, fill, intent
from trader.ops.decision_files import RecordUnusable, shadow_record

ALWAYS = (0, 2**62)


def begin(at_s: float, **changes: Any) -> dict[str, Any]:
    said = {"mode": "paper", "account": "DU1", "strategies": "alpha beta", "program": "1"}
    return {"kind": "begin", "at_us": round(at_s * S), **said, **changes}


def alive(at_s: float) -> dict[str, Any]:
    return {"kind": "alive", "at_us": round(at_s * S)}


def lines(*rows: object) -> bytes:
    return b"".join(
        row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows
    )


def written(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(*rows))
    return path


def test_each_process_is_a_span_until_the_last_that_it_wrote(tmp_path: Path) -> None:
    done = fill(12, "alpha-1", "10", "100")
    rows = [
        begin(10), intent(11), done, commission(13, done, "1"), alive(40),
        begin(100, mode="demo", account="DUSIM1"), alive(130),
    ]  # fmt: skip
    record = shadow_record(written(tmp_path / "decisions.jsonl", *rows))
    assert [(s.first_us // S, s.last_us // S, s.mode) for s in record.spans] == [
        (10, 40, "paper"), (100, 130, "demo"),
    ]  # fmt: skip
    assert record.spans[0].strategies == ("alpha", "beta")
    assert all(one.is_shadow and not one.problem for one in record.spans)
    assert (record.symbols, record.cut) == ({1: "AAPL"}, ())
    assert list(record.rows(*ALWAYS)) == rows
    assert list(record.rows(11 * S, 12 * S)) == rows[1:3]


def test_full_files_come_first_and_the_folder_is_enough(tmp_path: Path) -> None:
    written(tmp_path / "decisions-000001.jsonl", begin(1), alive(2))
    written(tmp_path / "decisions-000002.jsonl", alive(3))
    written(tmp_path / "decisions.jsonl", alive(4))
    record = shadow_record(tmp_path)
    assert [int(row["at_us"]) // S for row in record.rows(*ALWAYS)] == [1, 2, 3, 4]


def test_a_full_file_that_is_missing_is_named(tmp_path: Path) -> None:
    for number in (1, 3):
        written(tmp_path / f"decisions-00000{number}.jsonl", begin(number))
    written(tmp_path / "decisions.jsonl", alive(4))
    with pytest.raises(RecordUnusable, match="numbered 2 is missing"):
        shadow_record(tmp_path)


def test_a_line_that_a_crash_cut_off_ends_its_process(tmp_path: Path) -> None:
    path = written(
        tmp_path / "decisions.jsonl", begin(1), alive(2), b'{"kind": "int\n', begin(9), alive(10)
    )
    record = shadow_record(path)
    assert [(s.first_us // S, s.last_us // S) for s in record.spans] == [(1, 2), (9, 10)]
    assert record.cut == (f"{path}: line 3",)
    assert len(list(record.rows(*ALWAYS))) == 4


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "it is empty"),
        ([begin(1), b'{"kind": "int'], "line 2: the record is cut off in the middle"),
        ([begin(1), b"{\n", alive(2)], "line 2: no row, and no process begins behind it"),
        ([begin(1), b"{\n", b"{\n", begin(2)], "line 2: no row, and no process begins"),
        ([begin(1), b"\xff\xfe\n", alive(2)], "line 2: no row"),
        ([alive(1)], "line 1: no process has begun before it"),
        ([begin(1), b"[1]\n"], "line 2: not an object"),
        ([begin(1), {"kind": "wish", "at_us": 1}], "kind is 'wish', allowed is one of begin"),
        ([begin(1), {"kind": "alive", "at_us": "1"}], "at_us is '1', allowed is a whole number"),
        ([begin(1), intent(2, side=None)], "side is None, allowed is text"),
        ([begin(1), intent(2, quantity="NaN")], "quantity is 'NaN', allowed is a number"),
        ([begin(1), fill(2, "alpha-1", "10", "1e9")], "price is '1e9', allowed is a number"),
        ([begin(1), intent(2, limit_price="x")], "limit_price is 'x', allowed is a number"),
    ],
)
def test_what_is_no_record_says_where_and_why(
    tmp_path: Path, rows: list[object], problem: str
) -> None:
    with pytest.raises(RecordUnusable) as failed:
        shadow_record(written(tmp_path / "decisions.jsonl", *rows))
    assert problem in str(failed.value)
    assert "decisions.jsonl" in str(failed.value)


def test_where_nothing_is_it_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(RecordUnusable, match="there is no record of a shadow"):
            shadow_record(path)


def test_a_record_of_an_older_program_may_not_be_compared(tmp_path: Path) -> None:
    old = {"kind": "begin", "at_us": 1, "program": "1"}
    (one,) = shadow_record(written(tmp_path / "decisions.jsonl", old)).spans
    assert "an older program" in one.problem


def test_a_file_that_was_turned_over_meanwhile_is_not_read_by_halves(tmp_path: Path) -> None:
    path = written(tmp_path / "decisions.jsonl", begin(1), alive(2))
    record = shadow_record(tmp_path)
    path.rename(tmp_path / "decisions-000001.jsonl")
    written(path, alive(3))
    with pytest.raises(RecordUnusable, match="another one began meanwhile"):
        list(record.rows(*ALWAYS))
