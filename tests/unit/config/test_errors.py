"""Problems in words: one line, the field, its value, what is allowed."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tests.unit.config.support import problems_of, write_files
from trader.config.errors import ConfigError, lines_of, shown


def test_an_error_carries_each_problem_and_reads_as_one_text() -> None:
    error = ConfigError(["a is 1", "b is 2"])
    assert error.problems == ("a is 1", "b is 2")
    assert str(error) == "a is 1; b is 2"


def test_a_value_is_shown_on_one_line_and_cut() -> None:
    assert shown("a\nb") == r"'a\nb'"
    long = shown("x" * 500)
    assert len(long) == 80
    assert long.endswith("...")


def test_an_unknown_setting_names_the_one_that_was_meant(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"drain": {"cancle_s": 5}})
    assert problems_of(path) == [
        f"{path}: drain.cancle_s is unknown (value 5); did you mean cancel_s?"
    ]


def test_an_unknown_setting_like_no_other_lists_its_sections_settings(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"control": {"zzz": 5}})
    assert problems_of(path) == [f"{path}: control.zzz is unknown (value 5), allowed is host, port"]


def test_an_unknown_setting_of_an_optional_section_is_explained_too(tmp_path: Path) -> None:
    momentum = {"symbols": ["AAPL"], "quantity": 1, "lookback_sample": 5}
    (problem,) = problems_of(write_files(tmp_path, {"strategies": {"momentum": momentum}}))
    assert problem.endswith("did you mean lookback_samples?")


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trader.yaml"
    path.write_text("mode: paper\naccount: DU1\n")
    assert problems_of(path) == [
        f"{path}: {name} is missing" for name in ("state_dir", "assets_file", "targets_file")
    ]


def test_an_error_that_has_no_words_of_ours_keeps_its_own(tmp_path: Path) -> None:
    class Section(BaseModel):
        model_config = ConfigDict(extra="forbid")
        number: complex

    try:
        Section.model_validate({"number": "x"})
    except ValidationError as error:
        (line,) = lines_of(tmp_path, Section, error)
        assert line.startswith(f"{tmp_path}: number is 'x', allowed is ")
        assert "Input should be" not in line
