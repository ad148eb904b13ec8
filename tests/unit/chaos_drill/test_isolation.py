"""Whatever could be a live daemon's is refused, each by its name, before anything starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trader.chaos_drill.isolation import (
    BROKER_PORTS,
    Live,
    Target,
    live_of,
    plan_problems,
    target_of,
    target_problems,
)
from trader.config import ConfigError
from trader.drill_stage import ROOT

OURS = Target("127.0.0.1", 41_449, 40_231, "DUSIM0123456789abcdef", 77)
DEMO = ROOT / "config" / "demo.yaml"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_what_is_live_is_read_from_configurations_and_the_shell(tmp_path: Path) -> None:
    paper = write(
        tmp_path / "etc" / "trader.yaml",
        "mode: paper\naccount: DU1234567\nstate_dir: ../var\nhalt_file: /run/x/HALT\n"
        "broker: {port: 4100}\ncontrol: {port: 3000}\n",
    )
    environment = {
        "EXECUTION_HALTED_FILE": "/srv/halt/HALT",
        "DATABASE_URL": f"sqlite:///{tmp_path}/db/journal.db",
        "TRADER_ACCOUNT": "U7654321",
    }
    live = live_of([paper, DEMO], environment)
    assert live.configs == (paper,)
    assert set(live.folders) == {
        tmp_path / "var", Path("/run/x"), Path("/srv/halt"), tmp_path / "db",
    }  # fmt: skip
    assert live.accounts == {"DU1234567", "U7654321"}
    assert live.ports == BROKER_PORTS | {4100, 3000}


def test_a_live_configuration_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", write(tmp_path / "broken.yaml", "mode: [\n")):
        with pytest.raises(ConfigError, match=path.name):
            live_of([path], {})


@pytest.mark.parametrize("place", ["live", "live/below", "."])
def test_a_state_that_is_or_holds_or_lies_in_a_live_one_is_refused(
    place: str, tmp_path: Path
) -> None:
    live = Live(folders=(tmp_path / "live",))
    (problem,) = plan_problems(tmp_path / place, DEMO, live)
    assert problem.startswith(f"--state is {tmp_path / place}, which is or holds or lies in ")


def test_a_link_to_a_live_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "live")
    live = Live(folders=(tmp_path / "live",))
    assert "of a live daemon" in plan_problems(tmp_path / "link", DEMO, live)[0]


def test_a_folder_that_holds_something_is_refused_and_an_empty_or_a_new_one_is_taken(
    tmp_path: Path,
) -> None:
    write(tmp_path / "full" / "journal.db", "")
    (tmp_path / "empty").mkdir()
    assert "a new or an empty folder" in plan_problems(tmp_path / "full", DEMO, Live())[0]
    assert "a new or an empty folder" in plan_problems(DEMO, DEMO, Live())[0]
    for name in ("empty", "new"):
        assert plan_problems(tmp_path / name, DEMO, Live()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode: paper\n", "mode is 'paper', allowed is 'demo'"),
        ("mode: live\n", "mode is 'live', allowed is 'demo'"),
        ("state_dir: x\n", "mode is None, allowed is 'demo'"),
        ("mode: demo\naccount: DU1234567\n", "account is set"),
        ("mode: demo\nhalt_file: /srv/HALT\n", "halt_file is set"),
        ("mode: demo\nbroker: {host: tws.example}\n", "broker.host is set"),
        ("mode: demo\nbroker: {port: 7497}\n", "broker.port is set"),
        ("mode: demo\ncontrol: {port: 3000}\n", "control.port is set"),
        ("mode: [\n", "not YAML"),
    ],
)
def test_a_configuration_that_names_whom_it_talks_to_is_refused(
    text: str, problem: str, tmp_path: Path
) -> None:
    config = write(tmp_path / "mine.yaml", text)
    (found,) = plan_problems(tmp_path / "new", config, Live())
    assert problem in found
    assert str(config) in found


def test_a_live_daemons_own_configuration_is_refused_whatever_it_says(tmp_path: Path) -> None:
    config = write(tmp_path / "mine.yaml", "mode: paper\n")
    (found,) = plan_problems(tmp_path / "new", config, live_of([config], {}))
    assert "which is a live daemon's" in found


def test_the_shipped_configuration_may_be_drilled_beside_the_shipped_live_ones(
    tmp_path: Path,
) -> None:
    live = live_of([ROOT / "config" / "paper.yaml", ROOT / "config" / "live.yaml"], {})
    assert plan_problems(tmp_path / "new", DEMO, live) == []
    assert ROOT / "state" in live.folders


def test_the_simulator_that_was_started_is_the_only_target() -> None:
    live = Live(accounts=frozenset({"DUSIMlive"}), ports=BROKER_PORTS | {3000})
    assert target_problems(OURS, 77, live) == []
    for other, problem in (
        (replace(OURS, host="10.0.0.7"), "host is '10.0.0.7'"),
        (replace(OURS, port=7497), "port is 7497"),
        (replace(OURS, control_port=3000), "control port is 3000"),
        (replace(OURS, account="DU1234567"), "allowed is a simulator's"),
        (replace(OURS, account="DUSIMlive"), "which is a live daemon's"),
        (replace(OURS, pid=78), "the target is process 78"),
    ):
        (found,) = target_problems(other, 77, live)
        assert problem in found


def test_an_announcement_is_read_whole_or_not_at_all() -> None:
    said = {"host": "127.0.0.1", "port": 1, "control_port": 2, "account": "DUSIM1", "pid": 3}
    assert target_of(said) == Target("127.0.0.1", 1, 2, "DUSIM1", 3)
    for name in said:
        with pytest.raises(LookupError):
            target_of({key: value for key, value in said.items() if key != name})
