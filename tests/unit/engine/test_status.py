"""The status is plain values: whoever has it can change nothing and follow nothing."""

from __future__ import annotations

import dataclasses
import typing
from datetime import datetime
from decimal import Decimal
from enum import Enum

import pytest

from trader.core.entries import Tally
from trader.engine import exposure_status as es
from trader.engine import host as hs
from trader.engine import quarantine_status as qs
from trader.engine import status as st
from trader.engine.guard import FarmWord

KINDS = [
    kind
    for kind in (vars(st) | vars(es) | vars(hs) | vars(qs) | {"FarmWord": FarmWord}).values()
    # Parts that other modules of the engine make belong to it as well.
    if isinstance(kind, type) and kind.__module__.startswith("trader.engine.")
]
PLAIN = (str, int, float, bool, Decimal, datetime, type(None))


def leaves(annotation: object) -> list[object]:
    """Return the types at the bottom of an annotation."""
    inner = typing.get_args(annotation)
    if not inner:
        return [annotation]
    return [leaf for part in inner if part is not Ellipsis for leaf in leaves(part)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_frozen(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_a_plain_value_or_a_part(kind: type) -> None:
    for name, annotation in typing.get_type_hints(kind).items():
        for leaf in leaves(annotation):
            assert isinstance(leaf, type), name
            allowed = leaf in PLAIN or issubclass(leaf, Enum) or leaf in (*KINDS, Tally)
            assert allowed, f"{kind.__name__}.{name}: {leaf}"
