"""What is written works: its tests pass, types hold, and the daemon's own check takes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.config.support import write_files
from trader import cli
from trader.commands.check import check
from trader.commands.demo import strategies_in

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Write a strategy."""
    assert cli.main(["strategy", "new", "buy_dips", "--folder", str(tmp_path / "mine")]) == 0
    said = capsys.readouterr().out
    for name in ("buy_dips.py", "test_buy_dips.py", "buy_dips.yaml"):
        assert f"wrote {tmp_path / 'mine' / name}\n" in said
    return tmp_path / "mine"


def tool(*words: str, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=cwd, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("is_in_the_clone", [False, True])
def test_its_tests_pass_wherever_they_are_started(folder: Path, is_in_the_clone: bool) -> None:
    if is_in_the_clone:
        (folder.parent / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    tool("pytest", "-q", "-p", "no:cacheprovider", str(folder), cwd=folder.parent)


def test_what_to_type_next_is_told_as_it_is_typed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, words in (
        (ROOT, "scripts/demo --strategies"),
        (tmp_path, "trader demo --strategies"),
    ):
        monkeypatch.chdir(place)
        name = f"at_{place.name[:8].lower()}".replace("-", "_")
        assert cli.main(["strategy", "new", name, "--folder", str(tmp_path / "x")]) == 0
        assert words in capsys.readouterr().out


def test_a_second_one_goes_beside_the_first(folder: Path) -> None:
    (folder / "conftest.py").write_text((folder / "conftest.py").read_text() + "# mine\n")
    assert cli.main(["strategy", "new", "other", "--folder", str(folder)]) == 0
    assert (folder / "conftest.py").read_text().endswith("# mine\n")
    tool("pytest", "-q", "-p", "no:cacheprovider", str(folder), cwd=folder.parent)


def test_it_is_formatted_and_its_types_hold(folder: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    tool("ruff", "format", "--check", "--config", config, str(folder), cwd=folder)
    tool("ruff", "check", "--config", config, str(folder / "buy_dips.py"), cwd=folder)
    tool("mypy", "--strict", "--cache-dir", "cache", "buy_dips.py", "test_buy_dips.py", cwd=folder)


def test_its_settings_are_taken_as_they_are(folder: Path) -> None:
    settings = yaml.safe_load((folder / "buy_dips.yaml").read_text())
    settings["strategies"]["folder"] = str(folder)
    report = check(write_files(folder.parent, settings), {})
    assert report.problems == ()
    settings["strategies"]["own"][0]["parameters"]["prices"] = 1
    (problem,) = check(write_files(folder.parent, settings), {}).problems
    assert problem.field == "strategies.own.0.parameters.prices"
    assert problem.value == "1"
    assert problem.allowed.startswith("allowed is: input should be greater than or equal to 2")


def test_nothing_that_is_there_is_written_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "buy_dips.py").write_text("mine\n")
    (folder / "test_buy_dips.py").unlink()
    assert cli.main(["strategy", "new", "buy_dips", "--folder", str(folder)]) == 1
    assert "there already; nothing was written" in capsys.readouterr().err
    assert (folder / "buy_dips.py").read_text() == "mine\n"
    assert not (folder / "test_buy_dips.py").exists()


@pytest.mark.parametrize("name", ["Dips", "1dip", "a" * 17, "dip-s", "", "json", "../x"])
def test_a_name_that_no_order_could_carry_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["strategy", "new", name, "--folder", str(tmp_path / "x")]) == 2
    assert f"NAME is {name!r}, allowed is" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("")
    assert cli.main(["strategy", "new", "dips", "--folder", str(tmp_path / "x")]) == 1
    assert str(tmp_path / "x") in capsys.readouterr().err


def test_parameters_are_shown_with_their_ranges(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    use = ["strategy", "show", "buy_dips:BuyDips", "--folder", str(folder)]
    assert cli.main(use) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "buy_dips.BuyDips: Buys dips, one position in each symbol."
    assert said[1].split(None, 1) == [
        "quantity", "integer, from 1, to 10000, default 10; shares each time",
    ]  # fmt: skip
    assert any("above 0, below 1" in line for line in said)
    sys.modules.pop("buy_dips")


def test_what_cannot_be_shown_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["strategy", "show", "nowhere:Nobody"]) == 1
    assert "USE is 'nowhere:Nobody', allowed is" in capsys.readouterr().err
    assert cli.main(["strategy", "show"]) == 0
    assert "trader.strategies" in capsys.readouterr().out


def test_a_check_leaves_not_even_what_it_compiled(folder: Path) -> None:
    settings = yaml.safe_load((folder / "buy_dips.yaml").read_text())
    settings["strategies"]["folder"] = str(folder)
    path = write_files(folder.parent, settings)
    before = sorted(folder.parent.rglob("*"))
    tool("trader", "check", "--config", str(path), cwd=folder.parent)
    assert sorted(folder.parent.rglob("*")) == before


def test_those_that_come_with_the_program_are_listed_with_what_they_take(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["strategy", "list"]) == 0
    said = capsys.readouterr().out
    for words in (
        "trader.strategies.momentum.MomentumStrategy: Long or flat",
        "trader.strategies.mean_reversion.MeanReversionStrategy: Enters far",
        "trader.strategies.ensemble.EnsembleStrategy: Follows",
        "trader.strategies.pairs_trading.PairsTradingStrategy: Holds two",
        "trader.strategies.bracket_momentum.BracketMomentumStrategy: Follows",
        "  entry_z               number, above 0, to 10, default 2.0; enters this far",
        "  hold_s_max            number, from 1, to 2592000, default 86400.0;",
        "  lookback_samples      integer, from 1, to 10000, default 20",
    ):
        assert words in said
    assert cli.main(["strategy", "show"]) == 0
    assert capsys.readouterr().out == said


def test_one_that_comes_with_the_program_is_shown_by_its_class(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["strategy", "show", "MeanReversionStrategy"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("trader.strategies.mean_reversion.MeanReversionStrategy: ")
    assert cli.main(["strategy", "show", "MomentumStrategy"]) == 0
    assert capsys.readouterr().out.startswith("in the settings as strategies.momentum\n")


def test_the_shipped_example_is_taken_as_it_is(tmp_path: Path) -> None:
    """All of them side by side, the pair under the policy that the file names beside itself."""
    example = ROOT / "config/examples/strategies.yaml"
    settings = yaml.safe_load(example.read_text())
    assert [row["use"] for row in settings["strategies"]["own"]] == [
        "MeanReversionStrategy", "EnsembleStrategy", "PairsTradingStrategy",
        "BracketMomentumStrategy",
    ]  # fmt: skip
    settings["targets_file"] = strategies_in(example)["targets_file"]
    path = write_files(tmp_path, settings)
    (tmp_path / "assets.csv").write_text((ROOT / "config/assets.csv").read_text())
    assert check(path, {}).problems == ()


def test_the_range_of_a_decimal_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["strategy", "show", "MomentumStrategy"]) == 0
    (line,) = (row for row in capsys.readouterr().out.splitlines() if " entry_fraction " in row)
    assert "number, above 0, default" in line
