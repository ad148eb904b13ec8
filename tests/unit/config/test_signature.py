"""Live asks for a person's word on exactly this policy; paper says that it is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import loaded, refusals, write_files
from trader.config import load
from trader.config.signature import (
    live_policy_problems,
    policy_warnings,
    read_signature,
    sign,
    signature_file_of,
    signature_problem,
)
from trader.config.targets import read_targets
from trader.core.halts import Mode
from trader.core.policy import Policy, policy_hash

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def policy_in(folder: Path, **limits: Any) -> tuple[Path, Policy]:
    write_files(folder, **limits)
    targets = folder / "targets.yaml"
    return targets, read_targets(targets)


def test_a_signed_policy_has_no_problem_and_says_who_signed_it(tmp_path: Path) -> None:
    targets, policy = policy_in(tmp_path)
    made = sign(targets, policy, by=" Ada ", role="Risk Officer", now_utc=NOW)
    assert read_signature(targets) == made
    assert (made.by, made.role, made.signed_utc) == (
        "Ada",
        "Risk Officer",
        "2026-03-02T15:00:00+00:00",
    )
    assert made.policy_hash == policy_hash(policy)
    assert signature_problem(targets, policy) is None
    assert live_policy_problems(Mode.LIVE, targets, policy) == ()
    assert [path.name for path in tmp_path.glob("*.sig*")] == ["targets.yaml.sig"]


def test_a_comment_does_not_break_the_seal_and_a_limit_does(tmp_path: Path) -> None:
    targets, policy = policy_in(tmp_path)
    sign(targets, policy, by="Ada", role="Risk Officer", now_utc=NOW)
    targets.write_text("# looked at again\n" + targets.read_text())
    assert signature_problem(targets, read_targets(targets)) is None
    targets.write_text(targets.read_text().replace("quantity_max: 500", "quantity_max: 501"))
    problem = signature_problem(targets, read_targets(targets))
    assert problem is not None
    assert "Ada signed" in problem
    assert problem.endswith("it was changed after it was signed")


def test_an_unsigned_policy_keeps_live_from_starting_and_paper_says_so(tmp_path: Path) -> None:
    targets, policy = policy_in(tmp_path)
    (line,) = live_policy_problems(Mode.LIVE, targets, policy)
    assert line.startswith(f"{signature_file_of(targets)}: is missing: nobody has signed")
    assert line.endswith("allowed in mode live is what `trader policy sign` has sealed")
    (warning,) = policy_warnings(Mode.PAPER, targets, policy)
    assert warning.startswith("policy not signed: ")
    for mode in (Mode.DEMO, Mode.DRY_RUN, Mode.SHADOW):
        assert policy_warnings(mode, targets, policy) == ()
        assert live_policy_problems(mode, targets, policy) == ()


@pytest.mark.parametrize("name", ["is_enforced", "is_baseline_required", "is_reading_required"])
def test_live_wants_every_guard_of_the_account_switched_on(tmp_path: Path, name: str) -> None:
    targets, policy = policy_in(tmp_path, **{f"exposure__{name}": False})
    sign(targets, policy, by="Ada", role="Risk Officer", now_utc=NOW)
    (line,) = live_policy_problems(Mode.LIVE, targets, policy)
    assert line == f"{targets}: exposure.{name} is false, allowed in mode live is true"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"by": "Ada"}', "null", "[" * 5000, "x" * 20_000,
                '{"policy_hash": 1, "by": "a", "role": "b", "signed_utc": "c"}']
)  # fmt: skip
def test_a_record_that_is_none_counts_as_no_signature(tmp_path: Path, content: str) -> None:
    targets, policy = policy_in(tmp_path)
    signature_file_of(targets).write_text(content)
    problem = signature_problem(targets, policy)
    assert problem is not None
    assert problem.endswith("is no signature record; sign the policy anew")


@pytest.mark.parametrize(("by", "role"), [("", "x"), ("x", " "), ("a\nb", "x"), ("x" * 101, "x")])
def test_a_signature_without_a_name_is_refused(tmp_path: Path, by: str, role: str) -> None:
    targets, policy = policy_in(tmp_path)
    (problem,) = refusals(lambda: sign(targets, policy, by=by, role=role, now_utc=NOW))
    assert "allowed is up to 100 printable letters" in problem
    assert not signature_file_of(targets).exists()


def test_a_record_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    targets, policy = policy_in(tmp_path)
    signature_file_of(targets).mkdir()
    problem = signature_problem(targets, policy)
    assert problem is not None
    assert "cannot be read" in problem
    (line,) = refusals(lambda: sign(targets, policy, by="A", role="B", now_utc=NOW))
    assert "cannot be written" in line


def test_what_is_loaded_tells_the_problems_of_live_and_the_warnings_of_paper(
    tmp_path: Path,
) -> None:
    assert loaded(tmp_path).start_problems == ()
    assert len(loaded(tmp_path).warnings) == 1
    live = load(write_files(tmp_path, {"mode": "live", "account": "U1"}), {})
    signature, *authority = live.start_problems
    assert "nobody has signed" in signature
    assert [line.split()[0] for line in authority] == ["AGENT_MODE", "go-live"]
    assert live.warnings == ()
