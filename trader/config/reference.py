"""The settings as they may be: name, type, range, default, unit and meaning, from their model."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trader.config.meanings import ENVIRONMENT, MEANINGS
from trader.config.model import Settings

# By the end of a name, the longest first.
_UNITS = (
    ("messages_per_s", "messages/s"), ("_per_minute_max", "per minute"), ("_age_s_max", "s"),
    ("_s_max", "s"), ("_s_min", "s"), ("_s", "s"), ("_days", "days"), ("bytes_max", "bytes"),
    ("_bytes", "bytes"), ("_fraction", "share of the price"), ("_share", "share"),
    ("cash_tolerance", "currency"), ("cash_adjust_max", "currency"),
    ("result_tolerance", "currency"), ("stake", "currency"), ("lines_max", "lines"),
    ("quantity", "pieces"), ("_files", "files"),
)  # fmt: skip
_EDGES = (
    ("minimum", "from {}"), ("exclusiveMinimum", "above {}"), ("maximum", "to {}"),
    ("exclusiveMaximum", "below {}"), ("minItems", "at least {} of them"),
    ("maxItems", "at most {} of them"), ("pattern", "like {}"),
    # Of a decimal they stand beside its types, by the validator's own names.
    ("ge", "from {}"), ("gt", "above {}"), ("le", "to {}"), ("lt", "below {}"),
)  # fmt: skip
_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "array": "list", "object": "section",
}  # fmt: skip
_REQUIRED = "required"
_HEAD = """\
# Configuration

Every setting there is, made from the model that reads them; `trader config show --config FILE` says
what each of yours is and where that came from, `trader config check --config FILE` what is wrong.

A file is YAML, and `.` in a name is one level of it. What wins: the command line (`--set` and
`--account`) over the environment, the environment over the file, the file over the default. A name
that is not here, a value of another type or out of its range refuses the start. Nothing here
loosens the risk policy of `targets_file`. Relative paths are relative to the file they stand in.
"""


@dataclass(frozen=True, slots=True)
class Described:
    """One setting, in words."""

    name: str
    type: str
    allowed: str
    default: str
    unit: str
    meaning: str


def described() -> tuple[Described, ...]:
    """Return every setting, in the order of the model."""
    schema = Settings.model_json_schema()
    return tuple(_settings(schema, schema.get("$defs", {}), ""))


def reference() -> str:
    """Return docs/configuration.md."""
    lines = [_HEAD]
    section: str | None = None
    for row in described():
        top, dot, _ = row.name.partition(".")
        title = top if dot else "At the top"
        if title != section:
            section = title
            lines += [f"\n## {title}\n", "| setting | type | allowed | default | unit | meaning |",
                      "|---|---|---|---|---|---|"]  # fmt: skip
        cells = (f"`{row.name}`", row.type, row.allowed, row.default, row.unit, row.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    lines += ["\n## The environment\n", "| name | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in ENVIRONMENT.items()]
    lines.append(
        "\nAny other name that ends in `_BYPASS` or `_DISABLED` and begins like one of ours keeps "
        "paper and live from\nstarting: nothing here is by-passed by the environment."
    )
    return "\n".join(lines) + "\n"


def _settings(
    schema: Mapping[str, Any], models: Mapping[str, Any], prefix: str
) -> Iterator[Described]:
    required = schema.get("required", ())
    for key, field in schema["properties"].items():
        name = prefix + key
        kinds = [_resolved(one, models) for one in field.get("anyOf", (field,))]
        kinds = [one for one in kinds if one.get("type") != "null"]
        inner = next((one for one in kinds if "properties" in one), None)
        items = _resolved(kinds[0].get("items", {}), models) if kinds else {}
        if inner is not None and field.get("default", {}) is not None:
            yield from _settings(inner, models, f"{name}.")
            continue
        yield _described(name, field, kinds, is_required=key in required)
        if inner is not None:
            yield from _settings(inner, models, f"{name}.")
        elif "properties" in items:
            yield from _settings(items, models, f"{name}[].")


def _described(
    name: str, field: Mapping[str, Any], kinds: list[dict[str, Any]], *, is_required: bool
) -> Described:
    types = dict.fromkeys(str(one.get("type", "")) for one in kinds)
    if "number" in types:
        # A decimal's schema takes a text, too; the model refuses one.
        types.pop("string", None)
    # `pattern` of a decimal is of that text.
    edges = [
        text.format(f"`{one[key]}`" if key == "pattern" else f"{one[key]:.15g}")
        for one in (*kinds, *([field] if "anyOf" in field else []))
        for key, text in _EDGES
        if key in one and not (key == "pattern" and "number" in types)
    ]
    edges += [f"one of {', '.join(one['enum'])}" for one in kinds if "enum" in one]
    is_path = any(one.get("format") == "path" for one in kinds)
    kind = "path" if is_path else " or ".join(_TYPES.get(one, one) for one in types)
    default = _REQUIRED if is_required else _default(field.get("default"))
    return Described(name, kind, ", ".join(edges), default, _unit(name), MEANINGS.get(name, ""))


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if value in ("", [], {}):
        return "empty"
    return value if isinstance(value, str) else json.dumps(value)


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS if name.endswith(end)), "")


def _resolved(one: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return dict(one)
    found: dict[str, Any] = models[one["$ref"].rpartition("/")[2]]
    return found
