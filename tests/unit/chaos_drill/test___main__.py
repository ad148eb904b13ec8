"""The command: what it refuses plays nothing, and what it writes is what was judged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from trader.chaos_drill import __main__ as command
from trader.chaos_drill import small_disk
from trader.chaos_drill.drills import DRILLS, ChaosDrill
from trader.chaos_drill.isolation import Live
from trader.chaos_drill.judgement import Observed
from trader.chaos_drill.play import Say
from trader.drill_stage import Stage

WELL = Observed(
    calm_orders=2, noticed_s=0.4, looks=20, recovery_s=4.0, orders_after=1, sent_twice=(),
    differences=(), verify_findings=(), exit_code=0,
)  # fmt: skip
BAD = Observed(problem="no answer")
NAMES = [drill.name for drill in DRILLS]


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Play nothing for real, in a folder of the test, beside no live daemon of this machine."""
    monkeypatch.setattr(command, "signals_end", lambda _: None)
    monkeypatch.setattr(small_disk, "enter_own_namespace", lambda: None)

    def made(prefix: str) -> str:
        (tmp_path / "played").mkdir()
        return str(tmp_path / "played")

    monkeypatch.setattr(tempfile, "mkdtemp", made)
    for name in ("EXECUTION_HALTED_FILE", "DATABASE_URL", "TRADER_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Observed | BaseException) -> list[str]:
    """Have each drill see the next of the answers."""
    left, played = list(answers), []

    def play(drill: ChaosDrill, stage: Stage, _live: Live, _say: Say) -> Observed:
        played.append(drill.name)
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(command, "play", play)
    return played


def run(folder: Path, *words: str) -> int:
    return command.main(["--out", str(folder / "out"), *words])


def latest(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "out" / "latest.json").read_text())
    return found


def test_the_list_names_every_drill_and_plays_none(
    quiet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(quiet, "--list") == 0
    said = capsys.readouterr().out
    assert all(f"{drill.name:<22}{drill.text}\n" in said for drill in DRILLS)
    assert not (quiet / "out").exists()


def test_only_what_is_named_is_played_and_the_report_says_that_it_is_not_all(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played = answering(monkeypatch, WELL, WELL)
    assert run(quiet, "--only", NAMES[3], "--only", NAMES[1], "--seed", "5") == 0
    assert played == [NAMES[1], NAMES[3]]
    record = latest(quiet)
    assert (record["outcome"], record["is_complete"], record["seed"]) == ("passed", False, 5)
    assert record["evidence"] == "simulator"
    assert len(str(record["config_hash"])) == 64
    said = capsys.readouterr().out
    assert f"[1/2] {NAMES[1]}: " in said
    assert "PASSED against the simulator; report: " in said
    assert not (quiet / "played").exists(), "what was played is left"


def test_all_of_them_are_complete(quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = answering(monkeypatch, *[WELL] * len(DRILLS))
    assert run(quiet) == 0
    assert played == NAMES
    assert latest(quiet)["is_complete"] is True


def test_one_failure_is_told_fails_all_and_keeps_what_was_played(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, BAD, WELL)
    assert run(quiet, "--only", NAMES[0], "--only", NAMES[1]) == 1
    assert latest(quiet)["outcome"] == "failed"
    said = capsys.readouterr().out
    assert "stopped: no answer" in said
    assert f"what was played is kept in {quiet / 'played'}" in said
    assert (quiet / "played" / NAMES[0]).is_dir()


def test_a_drill_that_cannot_be_made_is_skipped_and_alone_it_is_no_pass(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses() -> None:
        raise small_disk.NoSmallDisk("no mount namespace: Operation not permitted")

    monkeypatch.setattr(small_disk, "enter_own_namespace", refuses)
    played = answering(monkeypatch, WELL)
    assert run(quiet, "--only", "disk-full", "--only", NAMES[0]) == 0
    assert played == [NAMES[0]]
    assert latest(quiet)["counts"] == {"passed": 1, "failed": 0, "skipped": 1}
    assert "SKIPPED\n             no mount namespace" in capsys.readouterr().out
    (quiet / "out" / "latest.json").unlink()
    assert run(quiet, "--only", "disk-full") == 2
    assert latest(quiet)["outcome"] == "skipped"


def test_an_interruption_writes_no_report(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, WELL, KeyboardInterrupt())
    assert run(quiet) == 2
    assert "no report is written" in capsys.readouterr().out
    assert list((quiet / "out").iterdir()) == []
    assert not (quiet / "played").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--out", "{}/file/out"], "--out is "),
        (["--state", "{}/live/state"], "of a live daemon"),
        (["--state", "{}/live"], "of a live daemon"),
        (["--config", "{}/live.yaml"], "which is a live daemon's"),
        (["--config", "{}/paper.yaml"], "mode is 'paper'"),
        (["--live-config", "{}/missing.yaml"], "nobody can say what must not be touched"),
    ],
)
def test_what_could_be_a_live_daemons_is_refused_before_anything_is_played(
    words: list[str],
    problem: str,
    quiet: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (quiet / "file").write_text("")
    (quiet / "live.yaml").write_text("mode: live\nstate_dir: live/state\n")
    (quiet / "paper.yaml").write_text("mode: paper\n")
    played = answering(monkeypatch)
    live = ["--live-config", str(quiet / "live.yaml")]
    assert run(quiet, *live, *(word.format(quiet) for word in words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("chaos_drill: ")
    assert problem in said
    assert played == []
    assert not (quiet / "played").exists()


def test_the_state_of_the_shells_live_daemon_is_refused(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXECUTION_HALTED_FILE", str(quiet / "run" / "HALT"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{quiet}/db/journal.db")
    for name in ("run", "db"):
        assert run(quiet, "--state", str(quiet / name)) == 2
        assert "of a live daemon" in capsys.readouterr().err


def test_a_drill_that_does_not_exist_is_wrong_usage(quiet: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        run(quiet, "--only", "earthquake")
    assert ended.value.code == 2
