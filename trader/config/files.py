"""Read the files: settings and policy in a strict part of YAML, instruments in CSV.

YAML is read without what makes one text mean two things: no key twice, no tags, no anchors, and
keys are texts. Every failure is a ConfigError that names the file and, where there is one, the
line.
"""

import csv
from collections.abc import Hashable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from trader.config.errors import ConfigError, Problems, shown
from trader.core.amounts import ZERO, decimal_from
from trader.core.instruments import InstrumentSpec

_FILE_BYTES_MAX = 1_000_000
_ASSET_COLUMNS = ("symbol", "sec_type", "exchange", "currency", "primary_exchange", "tradeable")
# They may be left out, all together or row by row; what stands there is held against the broker.
_CHECKED_COLUMNS = ("multiplier", "min_tick")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a YAML file's settings; raises ConfigError."""
    return mapping_in(_read_text(path), str(path))


def mapping_in(text: str, source: str) -> dict[str, Any]:
    """Return the settings in a YAML text; ``source`` names it in the ConfigError."""
    value = value_in(text, source)
    if not isinstance(value, dict):
        found = "empty" if value is None else f"a {type(value).__name__}"
        raise ConfigError([f"{source}: is {found}, allowed is a mapping of settings"])
    return value


def value_in(text: str, source: str) -> Any:
    """Return the one value in a YAML text; raises ConfigError."""
    try:
        return _StrictLoader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError([f"{source}: not YAML: {where}{error.problem}"]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: the loader's own conversions, as of a date in month 13.
        text = " ".join(str(error).split())
        raise ConfigError([f"{source}: not YAML: {text[:200]}"]) from None


def read_assets(path: Path) -> tuple[InstrumentSpec, ...]:
    """Return the instruments in a file; raises ConfigError with every line that is wrong."""
    lines = _read_text(path).splitlines()
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise ConfigError([f"{path}: not CSV: {error}"]) from None
    header = tuple(rows[0]) if rows else ()
    if header not in (_ASSET_COLUMNS, _ASSET_COLUMNS + _CHECKED_COLUMNS):
        raise ConfigError(
            [
                f"{path}: line 1 is {shown(','.join(rows[0]) if rows else '')}, allowed is exactly "
                f"{','.join(_ASSET_COLUMNS)}, and after it {','.join(_CHECKED_COLUMNS)} if wanted"
            ]
        )
    problems = Problems()
    found = [
        problems.of(partial(_asset, f"{path}: line {number}", header, row))
        for number, row in enumerate(rows[1:], start=2)
        if row
    ]
    problems.raise_if_any()
    specs = tuple(spec for spec in found if spec is not None)
    symbols = [spec.symbol for spec in specs]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ConfigError([f"{path}: {', '.join(twice)} is listed twice, allowed is once"])
    if not specs:
        raise ConfigError([f"{path}: no instruments, allowed is at least one"])
    return specs


def is_setting_name(text: str) -> bool:
    """Tell whether a key can be a setting; a leading underscore is the settings library's own."""
    return text.isidentifier() and not text.startswith("_")


def _asset(where: str, header: tuple[str, ...], row: list[str]) -> InstrumentSpec:
    if len(row) != len(header):
        raise ConfigError([f"{where} has {len(row)} columns, allowed is {len(header)}"])
    values = dict(zip(header, (value.strip() for value in row), strict=True))
    for column in ("symbol", "sec_type", "exchange", "currency"):
        if not values[column]:
            raise ConfigError([f"{where}: {column} is missing"])
    tradeable = values["tradeable"].lower()
    if tradeable not in ("yes", "no"):
        raise ConfigError([f"{where}: tradeable is {shown(tradeable)}, allowed is yes or no"])
    return InstrumentSpec(
        symbol=values["symbol"],
        sec_type=values["sec_type"],
        exchange=values["exchange"],
        currency=values["currency"],
        primary_exchange=values["primary_exchange"],
        is_tradeable=tradeable == "yes",
        multiplier=_checked(where, "multiplier", values.get("multiplier", "")),
        min_tick=_checked(where, "min_tick", values.get("min_tick", "")),
    )


def _checked(where: str, column: str, text: str) -> Decimal | None:
    """Return a number that the broker must confirm, or None where the column is empty."""
    if not text:
        return None
    number = decimal_from(text)
    if number is None or number <= ZERO:
        raise ConfigError([f"{where}: {column} is {shown(text)}, allowed is a number above 0"])
    return number


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
        if len(content) > _FILE_BYTES_MAX:
            raise ConfigError([f"{path}: longer than {_FILE_BYTES_MAX} bytes, the most allowed"])
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: byte {error.start}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None


class _StrictLoader(yaml.SafeLoader):
    """Plain values, sequences and mappings; whatever could surprise a reader is refused."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse anchors, aliases and tags before they mean anything."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise yaml.composer.ComposerError(
                None, None, "anchors and aliases are not allowed", event.start_mark
            )
        if getattr(event, "tag", None) is not None:
            raise yaml.composer.ComposerError(None, None, "tags are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping of texts to values, each key once."""
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or not is_setting_name(key):
                problem = f"the key {shown(key)} is not a setting's name"
            elif key in mapping:
                problem = f"the key {shown(key)} stands twice"
            else:
                mapping[key] = self.construct_object(value_node, deep=deep)
                continue
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        return mapping
