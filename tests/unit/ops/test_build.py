"""The commit is told by the environment, a checkout or a worktree, and by nobody else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from trader.ops.build import git_sha

SHA = "0123456789abcdef0123456789abcdef01234567"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "main"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_a_release_says_it_in_the_environment(checkout: Path) -> None:
    assert git_sha({"GIT_SHA": SHA.upper()}, checkout) == SHA
    assert git_sha({"GIT_SHA": "not a commit"}, checkout) == git(checkout, "rev-parse", "HEAD")


def test_a_checkout_says_it_on_a_branch_packed_and_detached(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert git_sha({}, checkout) == head
    git(checkout, "pack-refs", "--all")
    assert git_sha({}, checkout) == head
    git(checkout, "checkout", "-q", "--detach")
    assert git_sha({}, checkout) == head


def test_a_worktree_says_its_own(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-q", "-b", "other", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "second")
    assert git_sha({}, other) == git(other, "rev-parse", "HEAD") != git_sha({}, checkout)


def test_an_installation_without_a_checkout_says_nothing(tmp_path: Path) -> None:
    assert git_sha({}, tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    assert git_sha({}, tmp_path) == ""
    (tmp_path / ".git" / "HEAD").write_text("nonsense\n")
    assert git_sha({}, tmp_path) == ""
