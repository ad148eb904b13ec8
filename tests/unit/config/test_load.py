"""File, environment and command line together: all good, or one line for each reason."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.config.support import loaded, problems_of, refusals, write_files
from trader.config import load
from trader.core.halts import Mode

ROOT = Path(__file__).resolve().parents[3]

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def test_a_file_without_a_mode_sends_nothing(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    path.write_text(path.read_text().replace("mode: paper\n", ""))
    config = load(path, {})
    assert config.settings.mode is Mode.DRY_RUN
    assert not config.settings.mode.may_send


def test_paths_of_the_file_start_at_the_file_and_those_of_the_command_line_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_files(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load(path, {})
    assert config.settings.state_dir == tmp_path / "state"
    assert config.journal_file == tmp_path / "state" / "journal.db"
    assert config.halt_file == tmp_path / "state" / "HALT"
    assert load(path, {}, ["state_dir=here"]).settings.state_dir == elsewhere / "here"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    environment = {"TRADER_ACCOUNT": "DU2"}
    assert load(path, {}).settings.account == "DU1234567"
    assert load(path, environment).settings.account == "DU2"
    assert load(path, environment, ["account=DU3"]).settings.account == "DU3"
    assert load(path, environment, ["account=DU3"], account="DU4").settings.account == "DU4"


def test_an_account_of_digits_only_stays_a_text(tmp_path: Path) -> None:
    assert load(write_files(tmp_path), {}, account="0012").settings.account == "0012"


def test_an_assignment_reaches_into_sections_and_makes_them(tmp_path: Path) -> None:
    path = write_files(tmp_path)
    config = load(path, {}, ["broker.port=4002", "drain.must_cancel_orders=true"])
    assert config.settings.broker.port == 4002
    assert config.settings.drain.must_cancel_orders is True


@pytest.mark.parametrize(
    "assignment",
    ["", "=", "broker.port", ".=1", "broker.=1", "a b=1", "_env_file=x", "mode.x=1", "broker={"],
)
def test_an_assignment_that_is_none_is_refused_in_one_line(tmp_path: Path, assignment: str) -> None:
    (problem,) = problems_of(write_files(tmp_path), {}, assignment)
    assert problem.startswith("--set ")


def test_every_problem_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"log_level": "loud", "broker": {"port": 0, "prt": 1}})
    assert sorted(problems_of(path)) == [
        f"{path}: broker.port is 0, allowed is 1 or more",
        f"{path}: broker.prt is unknown (value 1); did you mean port?",
        f"{path}: log_level is 'loud', allowed is 'debug', 'info', 'warning', 'error' or "
        "'critical'",
    ]


def test_limits_that_contradict_each_other_are_refused_with_both_values(tmp_path: Path) -> None:
    path = write_files(tmp_path, order__quantity_max=2000, order__notional_max=300_000)
    quantity, notional = problems_of(path)
    assert "order.quantity_max 2000" in quantity
    assert "position.quantity_max 1000" in quantity
    assert "order.notional_max 300000" in notional


def test_a_contradictory_policy_is_refused_even_where_the_environment_would_hide_it(
    tmp_path: Path,
) -> None:
    path = write_files(tmp_path, order__quantity_max=2000)
    assert "order.quantity_max" in problems_of(path, {"EXEC_MAX_POSITION_QTY": "5"})[0]


def test_a_limit_of_a_strategy_that_nobody_runs_is_refused(tmp_path: Path) -> None:
    """Misspelt, it would leave the one that was meant without its limit. The kill switch acts."""
    own = {"name": "dipper", "use": "dipper:Dipper", "symbols": ["AAPL"]}
    (tmp_path / "own").mkdir()
    settings = {"strategies": {"folder": "own", "own": [own]}}
    limits = {"momentum": {"share_max": 0.5}, "api": {"share_max": 0.5}}
    known = limits | {"dipper": {"share_max": 0.5}}
    path = write_files(tmp_path, settings, coordination__strategies=known)
    config = load(path, {})
    assert config.policy.coordination.limits_of("dipper").share_max == Decimal("0.5")
    assert config.start_problems == ()
    path = write_files(tmp_path, settings, coordination__strategies={"diper": {"share_max": 0.5}})
    assert load(path, {}).start_problems == (
        f"{path.parent / 'targets.yaml'}: coordination.strategies.diper is of no strategy, allowed "
        "is one of api, momentum, dipper",
    )


@pytest.mark.parametrize("name", ["demo.yaml", "paper.yaml", "live.yaml"])
def test_each_shipped_configuration_loads_once_it_has_an_account(name: str) -> None:
    account = "DUSIM0123456789abcdef" if name == "demo.yaml" else "DU1"
    config = load(ROOT / "config" / name, {}, account=account)
    assert config.settings.mode.value == name.removesuffix(".yaml")
    assert config.policy.position.is_short_allowed is False


def test_the_environment_can_halt_without_a_change_of_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path).environment_halt == ""
    assert loaded(tmp_path, {"EXECUTION_HALTED": "1"}).environment_halt != ""


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_garbage_in_the_file_raises_anything_but_a_configuration_error(
    tmp_path: Path, content: bytes
) -> None:
    path = write_files(tmp_path)
    path.write_bytes(content)
    problems_of(path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(
        ["mode", "account", "state_dir", "assets_file", "halt_file", "broker", "strategies",
         "drain", "control", "log_level", "intent_deadline_s", "self", "cls", "model_config"]
    ),
    value=ANYTHING,
)  # fmt: skip
def test_no_value_of_a_setting_raises_anything_but_a_configuration_error(
    tmp_path: Path, key: str, value: object
) -> None:
    path = write_files(tmp_path, {key: value})
    if not refusals(lambda: load(path, {})):
        # What loads is usable: a place to write, and an account.
        config = load(path, {})
        assert config.settings.state_dir.is_absolute()
        assert config.settings.account


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(assignment=st.text(max_size=30), text=st.text(max_size=30))
def test_no_garbage_on_the_command_line_raises_anything_but_a_configuration_error(
    tmp_path: Path, assignment: str, text: str
) -> None:
    path = write_files(tmp_path)
    for words in (assignment, f"broker.port={text}"):
        if not refusals(lambda words=words: load(path, {}, [words])):  # type: ignore[misc]
            assert load(path, {}, [words]).settings.broker.port in range(1, 65536)


def test_the_folder_of_the_outbox_is_relative_to_the_file_or_to_where_one_is(
    tmp_path: Path,
) -> None:
    path = write_files(tmp_path, {"outbox": {"folder": "streams"}})
    assert load(path, {}).settings.outbox.folder == tmp_path / "streams"
    here = load(path, {}, ["outbox.folder=elsewhere"]).settings.outbox.folder
    assert here == Path("elsewhere").absolute()
    assert load(write_files(tmp_path), {}).settings.outbox.folder is None


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"is_enabled": "yes"}, "outbox.is_enabled"),
        ({"rotate_bytes": 1000}, "outbox.rotate_bytes"),
        ({"kept_files": -1}, "outbox.kept_files"),
        ({"folder": ""}, "outbox.folder"),
        ({"folder": 5}, "outbox.folder"),
        ("on", "outbox"),
    ],
)
def test_a_wrong_setting_of_the_outbox_is_named(
    tmp_path: Path, section: object, named: str
) -> None:
    (problem,) = problems_of(write_files(tmp_path, {"outbox": section}))
    assert named in problem


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"streams_days": 6}, "retention.streams_days"),
        ({"runs_days": 0}, "retention.runs_days"),
        ({"operators_days": 30}, "retention.operators_days"),
        ({"archives_days": 30}, "retention.archives_days"),
    ],
)
def test_a_term_that_is_too_short_or_of_a_record_is_named(
    tmp_path: Path, section: object, named: str
) -> None:
    (problem,) = problems_of(write_files(tmp_path, {"retention": section}))
    assert named in problem
