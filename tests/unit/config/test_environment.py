"""The names that operators know: each can stop or tighten, none can loosen."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.config.support import loaded, problems_of, refusals, write_files
from trader.config import ConfigError, environment_halt, live_authority_problems, load
from trader.config.environment import effective_mode, process_environment
from trader.core.halts import Mode

# How much a mode may do, least first; demo reaches only its own simulator.
POWER = [Mode.DRY_RUN, Mode.SHADOW, Mode.DEMO, Mode.PAPER, Mode.LIVE]


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_execution_halted_halts(value: str) -> None:
    assert environment_halt({"EXECUTION_HALTED": value}) == "EXECUTION_HALTED is set"


@pytest.mark.parametrize("value", ["0", "false", "No", " off "])
def test_execution_halted_adds_no_cause_when_it_says_no(value: str) -> None:
    assert environment_halt({"EXECUTION_HALTED": value}) == ""


def test_execution_halted_adds_no_cause_when_it_is_not_set() -> None:
    assert environment_halt({}) == ""


@given(value=st.text(max_size=10).filter(lambda x: x.strip().lower() not in
       {"0", "false", "no", "off"}))  # fmt: skip
def test_execution_halted_halts_on_every_word_it_does_not_know(value: str) -> None:
    assert environment_halt({"EXECUTION_HALTED": value}) != ""


@pytest.mark.parametrize(
    ("configured", "word", "left"),
    [
        (Mode.PAPER, "", Mode.PAPER),
        (Mode.PAPER, "PAPER", Mode.PAPER),
        (Mode.LIVE, "LIVE", Mode.LIVE),
        (Mode.LIVE, "EXECUTE", Mode.LIVE),
        (Mode.LIVE, "SHADOW_MODE", Mode.SHADOW),
        (Mode.PAPER, "SHADOW_MODE", Mode.SHADOW),
        (Mode.SHADOW, "SHADOW_MODE", Mode.SHADOW),
        (Mode.DRY_RUN, "SHADOW_MODE", Mode.DRY_RUN),
    ],
)
def test_agent_mode_agrees_with_the_file_or_lowers_it(
    configured: Mode, word: str, left: Mode
) -> None:
    assert effective_mode(configured, {"AGENT_MODE": word}) is left


@pytest.mark.parametrize(
    ("configured", "word"),
    [
        (Mode.PAPER, "LIVE"),
        (Mode.PAPER, "EXECUTE"),
        (Mode.DRY_RUN, "LIVE"),
        (Mode.DRY_RUN, "PAPER"),
        (Mode.SHADOW, "PAPER"),
        (Mode.LIVE, "PAPER"),
        (Mode.DEMO, "LIVE"),
    ],
)
def test_agent_mode_that_contradicts_the_file_refuses_the_start(
    tmp_path: Path, configured: Mode, word: str
) -> None:
    account = "DUSIM0123456789abcdef"
    path = write_files(tmp_path, {"mode": configured.value, "account": account})
    (problem,) = problems_of(path, {"AGENT_MODE": word})
    assert f"AGENT_MODE is {word!r} and mode is {configured.value!r}" in problem
    assert f"allowed with {word} is mode" in problem


@pytest.mark.parametrize("word", ["live", "paper", "READY", "LIVE!", "LIVE PAPER"])
def test_agent_mode_with_a_word_nobody_knows_refuses_the_start(tmp_path: Path, word: str) -> None:
    (problem,) = problems_of(write_files(tmp_path), {"AGENT_MODE": word})
    allowed = "allowed is LIVE, EXECUTE, PAPER, SHADOW_MODE, or not set"
    assert problem == f"AGENT_MODE is {word!r}, {allowed}"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("dry_run", [None, "0", "1", "", "maybe"])
@pytest.mark.parametrize("word", ["", "LIVE", "EXECUTE", "PAPER", "SHADOW_MODE", "live"])
def test_no_environment_gives_more_than_the_file(
    mode: Mode, dry_run: str | None, word: str
) -> None:
    environment = {"AGENT_MODE": word} | ({} if dry_run is None else {"EXEC_DRY_RUN": dry_run})
    try:
        left = effective_mode(mode, environment)
    except ConfigError:
        return
    assert POWER.index(left) <= POWER.index(mode)
    if dry_run == "1":
        assert left is Mode.DRY_RUN


def test_exec_dry_run_wins_over_every_mode(tmp_path: Path) -> None:
    config = loaded(tmp_path, {"EXEC_DRY_RUN": "1", "AGENT_MODE": "LIVE"}, mode="live")
    assert config.settings.mode is Mode.DRY_RUN


@pytest.mark.parametrize("value", ["", "maybe", "2", "ja"])
def test_exec_dry_run_with_a_word_nobody_knows_refuses_the_start(
    tmp_path: Path, value: str
) -> None:
    (problem,) = problems_of(write_files(tmp_path), {"EXEC_DRY_RUN": value})
    assert problem == f"EXEC_DRY_RUN is {value!r}, allowed is 1, 0, or not set"


def test_limits_of_the_environment_tighten(tmp_path: Path) -> None:
    environment = {"EXEC_MAX_DAILY_TRADES": "7", "EXEC_MAX_POSITION_QTY": " 300 "}
    policy = loaded(tmp_path, environment).policy
    assert policy.rate.daily_trades_max == 7
    assert policy.position.quantity_max == Decimal(300)
    assert policy.order.quantity_max == Decimal(300)


def test_limits_of_the_environment_never_loosen(tmp_path: Path) -> None:
    environment = {"EXEC_MAX_DAILY_TRADES": "999999", "EXEC_MAX_POSITION_QTY": "999999"}
    assert loaded(tmp_path, environment).policy == loaded(tmp_path).policy


@pytest.mark.parametrize("name", ["EXEC_MAX_DAILY_TRADES", "EXEC_MAX_POSITION_QTY"])
@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "1e3", "²", "\u0661", "nan", "9" * 5000])
def test_a_limit_that_is_no_count_refuses_the_start(tmp_path: Path, name: str, value: str) -> None:
    (problem,) = problems_of(write_files(tmp_path), {name: value})
    assert problem.startswith(f"{name} is '")
    assert problem.endswith("allowed is a whole number above 0")


def test_the_halt_file_and_the_journal_can_be_elsewhere(tmp_path: Path) -> None:
    environment = {
        "EXECUTION_HALTED_FILE": str(tmp_path / "stop"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}",
    }
    config = loaded(tmp_path, environment, halt_file="in-file")
    assert config.halt_file == tmp_path / "stop"
    assert config.journal_file == tmp_path / "other.db"
    assert loaded(tmp_path, halt_file="in-file").halt_file == tmp_path / "in-file"


@pytest.mark.parametrize(
    "url", ["postgres://user:hunter2@host/db", "hunter2", "sqlite://hunter2", "sqlite:///",
            "sqlite:///:memory:"]
)  # fmt: skip
def test_a_database_that_is_no_file_is_refused_without_its_secret(tmp_path: Path, url: str) -> None:
    (problem,) = problems_of(write_files(tmp_path), {"DATABASE_URL": url})
    assert problem.startswith("DATABASE_URL ")
    assert "user:hunter2" not in problem


def test_live_needs_the_word_and_a_record(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"mode": "live", "account": "U1"})
    word, record = live_authority_problems(load(path, {}).settings, {})
    assert word == "AGENT_MODE is '', allowed for mode live is LIVE"
    assert "go_live.json is missing" in record


@pytest.mark.parametrize("word", ["LIVE", "EXECUTE"])
def test_live_stays_refused_with_a_record_that_somebody_wrote_by_hand(
    tmp_path: Path, word: str
) -> None:
    environment = {"AGENT_MODE": word}
    settings = loaded(tmp_path, environment, mode="live", account="U1").settings
    settings.state_dir.mkdir()
    (settings.state_dir / "go_live.json").write_text('{"signed": true}')
    (record,) = live_authority_problems(settings, environment)
    assert "is not signed by a promotion gate" in record


def test_no_other_mode_asks_for_a_record(tmp_path: Path) -> None:
    assert live_authority_problems(loaded(tmp_path).settings, {}) == ()


def test_the_environment_of_this_process_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_ACCOUNT", "DU5")
    environment = process_environment()
    monkeypatch.setenv("TRADER_ACCOUNT", "DU6")
    assert environment["TRADER_ACCOUNT"] == "DU5"


@pytest.mark.parametrize(
    ("text", "limit"),
    [("-0.03", "-0.03"), ("-3%", "-0.03"), (" -2.5% ", "-0.025"), ("-0.09", "-0.05")],
)
def test_kill_pnl_makes_the_kill_stricter_and_never_looser(
    tmp_path: Path, text: str, limit: str
) -> None:
    rules = loaded(tmp_path, {"KILL_PNL": text}).policy.breaker.rules
    assert rules.loss_kill.limit == Decimal(limit)
    assert rules.drawdown.limit == Decimal("0.15")


@pytest.mark.parametrize(
    ("text", "limit"), [("0.1", "0.1"), ("10%", "0.1"), ("0.5", "0.15"), ("50%", "0.15")]
)
def test_max_dd_makes_the_drawdown_stricter_and_never_looser(
    tmp_path: Path, text: str, limit: str
) -> None:
    rules = loaded(tmp_path, {"MAX_DD": text}).policy.breaker.rules
    assert rules.drawdown.limit == Decimal(limit)
    assert rules.loss_kill.limit == Decimal("-0.05")


@pytest.mark.parametrize("name", ["KILL_PNL", "MAX_DD"])
@pytest.mark.parametrize("text", ["", "nan", "inf", "5 %", "0", "1e-2", "-1", "100%", "five"])
def test_a_limit_that_is_no_share_refuses_the_start(tmp_path: Path, name: str, text: str) -> None:
    (line,) = refusals(lambda: loaded(tmp_path, {name: text}))
    assert line.startswith(f"{name} is {text!r}, allowed is a ")
