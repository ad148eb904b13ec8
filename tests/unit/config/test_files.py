"""The strict part of YAML and the table of instruments: nothing means two things."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.config.support import ASSETS, refusals
from trader.config import ConfigError
from trader.config.files import (
    is_setting_name,
    mapping_in,
    read_assets,
    read_mapping,
    value_in,
)

HEADER = ASSETS.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode: paper\nmode: live\n", "line 2, column 1: the key 'mode' stands twice"),
        ("a: {b: 1, b: 2}\n", "line 1, column 11: the key 'b' stands twice"),
        ("a: &x 1\nb: *x\n", "line 1, column 4: anchors and aliases are not allowed"),
        ("a: !!python/object:os.system x\n", "line 1, column 4: tags are not allowed"),
        ("a: !!int nine\n", "line 1, column 4: tags are not allowed"),
        ("1: x\n", "line 1, column 1: the key 1 is not a setting's name"),
        ("on: x\n", "the key True is not a setting's name"),
        ("_env_file: x\n", "the key '_env_file' is not a setting's name"),
        ("<<: {a: 1}\n", "could not determine a constructor"),
        ("a: [1\n", "line 2, column 1:"),
        ("a: 1\n---\nb: 2\n", "but found another document"),
        ("a: 2020-13-45\n", "month must be in 1..12"),
        ("a: 0b_\n", "invalid literal"),
        ("a: \x00\n", "special characters are not allowed"),
        ("[" * 5000, "recursion"),
    ],
)
def test_a_text_that_could_surprise_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mapping_in(text, "file")
    (line,) = caught.value.problems
    assert line.startswith("file: not YAML: ")
    assert problem in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "found"), [("", "empty"), ("7", "a int"), ("[a]", "a list"), ("# only\n", "empty")]
)
def test_a_file_that_holds_no_mapping_says_what_it_holds(text: str, found: str) -> None:
    with pytest.raises(ConfigError, match=f"is {found}, allowed is a mapping"):
        mapping_in(text, "file")


def test_plain_yaml_is_read_as_it_stands() -> None:
    text = "a: 1\nb: {c: [x, 0.5, true, null]}\n"
    assert mapping_in(text, "file") == {"a": 1, "b": {"c": ["x", 0.5, True, None]}}
    assert value_in("[AAPL, IBM]", "x") == ["AAPL", "IBM"]


@given(text=st.text(max_size=100))
def test_any_text_is_a_value_or_a_configuration_error(text: str) -> None:
    problems = refusals(lambda: value_in(text, "x"))
    assert all(problem.startswith("x: not YAML: ") for problem in problems)


def test_a_setting_has_a_word_for_a_name() -> None:
    assert is_setting_name("broker")
    assert not any(map(is_setting_name, ["", "_x", "a-b", "1", "a b"]))


@pytest.mark.parametrize("name", ["absent.yaml", ".", "latin.yaml", "long.yaml", "a" * 300])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    (tmp_path / "long.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError) as caught:
        read_mapping(tmp_path / name)
    assert caught.value.problems[0].startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1 is ''"),
        ("symbol,exchange\nA,B\n", "line 1 is 'symbol,exchange', allowed is exactly symbol,"),
        (f"{HEADER}\n", "no instruments"),
        (f"{HEADER}\nAAPL,STK\n", "line 2 has 2 columns, allowed is 6"),
        (f"{HEADER}\n,STK,SMART,USD,,yes\n", "line 2: symbol is missing"),
        (f"{HEADER}\nA,STK, ,USD,,yes\n", "line 2: exchange is missing"),
        (f"{HEADER}\nA,STK,SMART,USD,,maybe\n", "tradeable is 'maybe', allowed is yes or no"),
        (f"{HEADER}\nA,STK,SMART,USD,,\n", "tradeable is '', allowed is yes or no"),
        (f"{HEADER}\n" + "A,STK,SMART,USD,,yes\n" * 2, "A is listed twice"),
        (f'{HEADER}\n"A\n', "not CSV"),
    ],
)
def test_a_table_of_instruments_that_is_wrong_is_refused(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_assets(path)
    assert caught.value.problems[0].startswith(str(path))
    assert problem in caught.value.problems[0]


def test_instruments_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(ASSETS + "\n")
    aapl, ibm, vix = read_assets(path)
    assert (aapl.symbol, aapl.primary_exchange, aapl.is_tradeable) == ("AAPL", "NASDAQ", True)
    assert ibm.exchange == "SMART"
    assert (vix.sec_type, vix.primary_exchange, vix.is_tradeable) == ("IND", "", False)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=120) | st.text(max_size=80).map(lambda x: (HEADER + x).encode()))
def test_no_garbage_in_the_table_raises_anything_but_a_configuration_error(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes(content)
    problems = refusals(lambda: read_assets(path))
    assert all(problem.startswith(str(path)) for problem in problems)


CHECKED = f"{HEADER},multiplier,min_tick"


def test_what_the_broker_must_confirm_is_read_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(f"{CHECKED}\nA,STK,SMART,USD,,yes,1,0.01\nB,STK,SMART,USD,,yes,,\n")
    one, two = read_assets(path)
    assert (str(one.multiplier), str(one.min_tick)) == ("1", "0.01")
    assert (two.multiplier, two.min_tick) == (None, None)


@pytest.mark.parametrize("text", ["0", "-1", "x", "nan", "inf", "1e99"])
@pytest.mark.parametrize("column", ["multiplier", "min_tick"])
def test_what_the_broker_must_confirm_is_a_number(tmp_path: Path, column: str, text: str) -> None:
    path = tmp_path / "assets.csv"
    values = f"{text}," if column == "multiplier" else f",{text}"
    path.write_text(f"{CHECKED}\nA,STK,SMART,USD,,yes,{values}\n")
    with pytest.raises(ConfigError, match=f"line 2: {column} is '{text}', allowed is a number"):
        read_assets(path)
