"""``trader shadow diff`` compares what replays and shadows wrote, and journals, and counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.core.test_decision_diff import fill, intent
from trader import cli
from trader.core.decisions import Row


def written(path: Path, *rows: Row) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def diff(a: Path, b: Path, *words: str) -> int:
    return cli.main(["shadow", "diff", str(a), str(b), *words])


def test_runs_that_are_the_same_are_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [intent(50_000), fill(50_001, 1, "10", "100")]
    a, b = written(tmp_path / "a", *rows), written(tmp_path / "b", *rows)
    assert diff(a, b) == 0
    assert capsys.readouterr().out.splitlines() == [
        "total       1 in both (1 the same), 0 only in A, 0 only in B",
        "apart       0.000 s on average",
        "price       B paid 0 more than A, over what both filled",
    ]


def test_every_difference_is_a_line_and_the_totals_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = written(
        tmp_path / "a",
        intent(50_000), fill(50_001, 1, "10", "100"), intent(50_100, 2), intent(50_200, 3),
    )  # fmt: skip
    b = written(
        tmp_path / "b",
        intent(50_001), fill(50_002, 1, "10", "100.5"), intent(50_200, 3), intent(50_201, 4),
    )  # fmt: skip
    assert diff(a, b) == 1
    assert capsys.readouterr().out.splitlines() == [
        "13:53:20.000 replay-alpha-1 AAPL BUY 10 MKT differs: price 100 and 100.5",
        "13:55:00.000 replay-alpha-2 AAPL BUY 10 MKT only in A: approved, 0 filled",
        "13:56:41.000 replay-alpha-4 AAPL BUY 10 MKT only in B: approved, 0 filled",
        "total       2 in both (1 the same), 1 only in A, 1 only in B",
        "differ      1 in price",
        "apart       0.500 s on average",
        "price       B paid 5 more than A, over what both filled",
    ]
    assert diff(a, b, "--json") == 1
    body = json.loads(capsys.readouterr().out)
    assert (body["is_same"], body["b_paid_more"], body["by_field"]) == (False, "5", {"price": 1})
    assert body["pairs"][0]["differences"] == [{"field": "price", "a": "100", "b": "100.5"}]


def test_only_the_time_that_both_were_there_for_is_compared_unless_all_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = written(tmp_path / "a", intent(1_000), intent(2_000, 2), intent(3_000, 3))
    b = written(tmp_path / "b", intent(2_000, 1), intent(3_000, 2), intent(4_000, 3))
    assert diff(a, b) == 0
    assert diff(a, b, "--whole") == 1
    assert "2 in both (2 the same), 1 only in A, 1 only in B" in capsys.readouterr().out


def test_one_strategy_can_be_looked_at_alone(tmp_path: Path) -> None:
    a = written(tmp_path / "a", intent(1_000), intent(1_000, 2, strategy="beta"))
    b = written(tmp_path / "b", intent(1_000), intent(1_000, 2, strategy="gamma"))
    assert diff(a, b) == 1
    assert diff(a, b, "--strategy", "alpha") == 0


def test_the_folder_of_a_shadow_has_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "shadow"
    written(folder / "decisions-000001.jsonl", intent(1_000))
    written(folder / "decisions.jsonl", intent(2_000, 2))
    whole = written(tmp_path / "a", intent(1_000), intent(2_000, 2))
    assert diff(whole, folder) == 0


def test_nothing_to_compare_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = written(tmp_path / "a"), written(tmp_path / "b")
    assert diff(a, b) == 2
    assert "nothing to compare" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"), [("not json\n", "line 1 is no decision"), ('{"kind":"x"}\n', "line 1")]
)
def test_what_is_no_run_is_said(
    tmp_path: Path, text: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a = written(tmp_path / "a", intent(1))
    b = tmp_path / "b"
    b.write_text(text)
    assert diff(a, b) == 2
    assert problem in capsys.readouterr().err
    assert diff(a, tmp_path / "missing") == 2
    assert "missing" in capsys.readouterr().err


def test_a_window_is_a_number_of_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["shadow", "diff", "a", "b", "--window-s", "-1"])
    assert "allowed is 0 to 86400" in capsys.readouterr().err
