"""Who may do what: a table, tokens that prove it, and a file that admits nobody when in doubt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trader.ops.roles import (
    MAY,
    Entry,
    Principal,
    Principals,
    Role,
    TokensUnusable,
    added,
    entries_in,
    load_entries,
    save_entries,
    without,
)

CONTROL = "c" * 43


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def a_token(path: Path, name: str = "alice", role: Role = Role.TRADER) -> str:
    entries, token = added(load_entries(path), name, role)
    save_entries(path, entries)
    return token


@pytest.mark.parametrize(
    ("verb", "allowed"),
    [
        ("read-orders", "viewer trader risk admin"),
        ("place-order", "trader admin"),
        ("change-order", "trader admin"),
        ("cancel-order", "trader risk admin"),
        ("halt", "trader risk admin"),
        ("cancel-orders", "trader risk admin"),
        ("reconcile", "trader risk admin"),
        ("liquidate", "risk admin"),
        ("resume", "risk admin"),
        ("adopt", "risk admin"),
        ("book", "risk admin"),
        ("ignore-until", "risk admin"),
        ("flatten", "risk admin"),
        ("retry-letter", "risk admin"),
        ("dismiss-letter", "risk admin"),
        ("reset", "risk admin"),
        ("override", "risk admin"),
        ("review", "risk admin"),
        ("baseline", "admin"),
    ],
)
def test_each_verb_is_for_these_roles_and_no_other(verb: str, allowed: str) -> None:
    assert {role for role in Role if Principal("x", role).may(verb)} == set(allowed.split())


def test_no_role_but_the_administrators_both_trades_and_clears_halts() -> None:
    both = [role for role in Role if {role} <= MAY["place-order"] & MAY["resume"]]
    assert both == [Role.ADMIN]


def test_the_control_token_is_the_local_administrators(path: Path) -> None:
    assert Principals(CONTROL, path).whose(CONTROL) == Principal("local", Role.ADMIN)


def test_a_token_is_known_by_its_hash_alone(path: Path) -> None:
    token = a_token(path)
    assert token not in path.read_text()
    assert Principals(CONTROL, path).whose(token) == Principal("alice", Role.TRADER)


@pytest.mark.parametrize("token", ["", "x", CONTROL + "x", CONTROL[:-1], "\udcff"])
def test_a_wrong_token_is_nobodys(path: Path, token: str) -> None:
    a_token(path)
    assert Principals(CONTROL, path).whose(token) is None


def test_a_change_of_the_file_counts_at_once(path: Path) -> None:
    principals = Principals(CONTROL, path)
    token = a_token(path)
    assert principals.whose(token) is not None
    bob = a_token(path, "bob", Role.VIEWER)
    assert principals.whose(bob) == Principal("bob", Role.VIEWER)
    save_entries(path, without(load_entries(path), "alice"))
    assert principals.whose(token) is None
    path.unlink()
    assert principals.whose(bob) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[{"name": "a"}]', b"\xff", b"[" * 9999])
def test_a_file_that_cannot_be_read_admits_nobody_but_the_local_operator(
    path: Path, content: bytes
) -> None:
    token = a_token(path)
    principals = Principals(CONTROL, path)
    assert principals.whose(token) is not None
    path.write_bytes(content)
    assert principals.whose(token) is None
    assert principals.whose(CONTROL) is not None


def test_a_file_that_others_may_write_admits_nobody(path: Path) -> None:
    token = a_token(path)
    path.chmod(0o622)
    assert Principals(CONTROL, path).whose(token) is None


def test_a_folder_in_its_place_admits_nobody(path: Path) -> None:
    path.mkdir(mode=0o700)
    assert Principals(CONTROL, path).whose("x") is None


def test_the_file_is_private(path: Path) -> None:
    a_token(path)
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", " ", "local", "a b", "ä", "a" * 65, "-x", "a\n"])
def test_a_name_that_is_none_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(TokensUnusable, match="allowed are 1 to 64"):
        added((), name, Role.VIEWER)


def test_a_name_has_one_token_at_a_time(path: Path) -> None:
    a_token(path)
    with pytest.raises(TokensUnusable, match="revoke that first"):
        a_token(path)


def test_revoking_an_unknown_name_says_who_there_is(path: Path) -> None:
    a_token(path)
    with pytest.raises(TokensUnusable, match=r"no token has the name 'bob'; there are: alice"):
        without(load_entries(path), "bob")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"role": "boss"}, "role of alice is 'boss', allowed is one of viewer, trader, risk"),
        ({"name": "local"}, "name is 'local'"),
        ({"sha256": "A" * 64}, "sha256 of alice is no hash"),
        ({"sha256": 1}, "sha256 of alice is no hash"),
        ({"more": 1}, "an object of name, role and sha256"),
    ],
)
def test_a_wrong_entry_is_named(change: dict[str, object], problem: str) -> None:
    row = {"name": "alice", "role": "viewer", "sha256": "a" * 64}
    with pytest.raises(TokensUnusable, match=problem):
        entries_in(json.dumps([row | change]).encode())


def test_two_entries_of_one_name_are_refused() -> None:
    row = {"name": "alice", "role": "viewer", "sha256": "a" * 64}
    with pytest.raises(TokensUnusable, match="'alice' is there twice"):
        entries_in(json.dumps([row, row]).encode())


def test_what_was_saved_is_read_back(path: Path) -> None:
    entries = (Entry("a", Role.RISK, "0" * 64), Entry("b", Role.ADMIN, "1" * 64))
    save_entries(path, entries)
    assert load_entries(path) == entries
