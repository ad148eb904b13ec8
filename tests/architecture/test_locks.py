"""The lock files pin every package by hash, name no address, and agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, DEV = "requirements.lock", "requirements-dev.lock"
# Each third-party client has an environment of its own.
CLIENTS = sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/clients/*/*.lock"))
NODE_LOCKS = sorted(
    p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/clients/*/package-lock.json")
)
REQUIREMENT = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^ ;\\]+)")


def requirements(lock: str) -> dict[str, set[str]]:
    """Map each requirement (name==version, its marker kept) to its hashes."""
    found: dict[str, set[str]] = {}
    current = ""
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        text = line.strip().rstrip("\\").strip()
        if text.startswith("--hash=sha256:"):
            found[current].add(text)
        elif text and not text.startswith("#"):
            assert REQUIREMENT.match(text), f"{lock}: not an exact version: {text}"
            current = text
            found[current] = set()
    return found


@pytest.mark.parametrize("lock", [RUNTIME, DEV, *CLIENTS])
def test_every_requirement_has_a_hash(lock: str) -> None:
    locked = requirements(lock)
    assert len(locked) > (0 if lock in CLIENTS else 20)
    assert [name for name, hashes in locked.items() if not hashes] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV, *CLIENTS])
def test_no_address_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)\b", text, re.M)


def test_the_dev_set_only_adds_to_the_runtime_set() -> None:
    runtime, dev = requirements(RUNTIME), requirements(DEV)
    assert {name for name in runtime if runtime[name] != dev.get(name)} == set()


def test_every_dependency_of_the_project_is_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    runtime = {name.partition("==")[0] for name in requirements(RUNTIME)}
    listed = text.partition("dependencies = [")[2].partition("\n]")[0]
    names = {name.lower() for name in re.findall(r'^  "([A-Za-z0-9-]+)', listed, re.M)}
    assert len(names) >= 7
    assert names <= runtime


def test_every_client_has_a_lock_of_what_it_asks_for() -> None:
    sources = sorted(ROOT.glob("tests/clients/*/*.in"))
    assert [path.with_suffix(".lock").relative_to(ROOT).as_posix() for path in sources] == CLIENTS
    assert len(CLIENTS) >= 4
    for path in sources:
        locked = set(requirements(path.with_suffix(".lock").relative_to(ROOT).as_posix()))
        lines = path.read_text(encoding="utf-8").splitlines()
        asked = [line for line in lines if line and not line.startswith("#")]
        assert asked
        assert {re.sub(r"\[.*\]", "", line) for line in asked} <= locked


@pytest.mark.parametrize("lock", NODE_LOCKS)
def test_a_node_lock_pins_every_package_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    pinned = {name: entry for name, entry in packages.items() if name}
    assert pinned
    assert [n for n, e in pinned.items() if not e.get("integrity", "").startswith("sha512-")] == []
    assert [n for n, e in pinned.items() if "resolved" in e] == []
    assert re.findall(r"https?://[^\"]*\.tgz", text) == []
    wanted = json.loads((ROOT / lock).with_name("package.json").read_text(encoding="utf-8"))
    for name, version in wanted["dependencies"].items():
        assert pinned[f"node_modules/{name}"]["version"] == version
