"""The governed document of what is stored names what the schema and the code name (EVT-18)."""

from __future__ import annotations

import ast
import re
from pathlib import Path, PurePosixPath

import pytest
from pydantic import BaseModel

from scripts.make_schema_document import DOCUMENT, columns, with_listing
from trader.config.model import OutboxSection, RedisSection, RetentionSection
from trader.core.streams import Stream

ROOT = Path(__file__).resolve().parents[2]
# Programs of their own, with files of their own.
ELSEWHERE = ("trader/sim/", "trader/bench/", "trader/kill_drill/")
# What the catalogue asks for, and what its own checks ask of it.
ASKED_FOR = {
    "orders": ("id", "status", "created_at"),
    "order_events": ("old_state", "new_state", "cause", "actor", "at"),
    "fills": ("exchange_fill_id",),
    "portfolio_events_outbox": ("processed_at",),
    "consumer_cursors": ("consumer",),
    **{stream.value: ("id", "payload") for stream in Stream},
}


def text() -> str:
    return DOCUMENT.read_text("utf-8")


def stored_names() -> set[str]:
    """Return the names of files and folders that constants of the code hold."""
    found: set[str] = set()
    for path in (ROOT / "trader").rglob("*.py"):
        if path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            if not re.search(r"_(FILE_NAME|FOLDER_NAME|FOLDER)$", node.targets[0].id):
                continue
            parts = [one for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            parts.sort(key=lambda one: one.col_offset)
            found.add(PurePosixPath(*(str(one.value) for one in parts)).as_posix())
    return found


def test_the_list_of_tables_and_views_is_that_of_the_schema() -> None:
    assert text() == with_listing(text())


@pytest.mark.parametrize("name", ASKED_FOR)
def test_the_names_that_are_asked_for_are_there(name: str) -> None:
    """EVT-06, EVT-07, EVT-23, EVT-30, EVT-32."""
    assert set(ASKED_FOR[name]) <= set(columns()[("view", name)])


def test_each_table_and_each_name_that_is_asked_for_is_explained() -> None:
    told, _, _ = text().partition("## Every table and view")
    rows = " ".join(line.split("|")[1] for line in told.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`(\w+)`", rows))
    tables = {name for kind, name in columns() if kind == "table"}
    assert tables | set(ASKED_FOR) <= explained


def test_every_file_and_folder_that_the_code_names_is_told() -> None:
    names = stored_names()
    assert {"journal.db", "audit_logs", "outbox", "results/runs", "chain.jsonl"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in text()] == []


@pytest.mark.parametrize(
    ("section", "unset"),
    [
        (OutboxSection, {"folder": "`outbox` below", "redis": "nothing"}),
        (RedisSection, {"ca_file": "whom the", "maxlen": "all", "password_file": "none"}),
        (RetentionSection, {}),
    ],
)
def test_the_settings_of_what_is_handed_on_and_kept_are_told_with_their_defaults(
    section: type[BaseModel], unset: dict[str, str]
) -> None:
    for name, row in section.model_fields.items():
        default = str(row.default).lower() if row.default is not None else unset[name]
        if row.is_required():
            default = ""
        if section is RedisSection:
            default = {"username": "none", "key_prefix": "`trader:`", "consumer": "`redis`"}.get(
                name, default
            )
        assert f"| `{name}` | {default}" in text(), name
