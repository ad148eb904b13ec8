"""A strategy of one's own: parameters keep to their ranges, and what is kept comes back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from trader.strategies.base import Strategy
from trader.strategies.own import OwnStrategy, Parameters


class Limits(Parameters):
    """Some parameters."""

    count: int = Field(default=3, ge=1, le=5)
    share: Decimal = Field(default=Decimal("0.1"), gt=0, lt=1)


def made() -> OwnStrategy[Limits]:
    return OwnStrategy("mine", ("AAPL", "IBM"), Limits())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip


def test_it_is_a_strategy_that_does_nothing() -> None:
    strategy: Strategy = made()
    assert (strategy.name, strategy.symbols) == ("mine", ("AAPL", "IBM"))
    assert strategy.checkpoint() == "{}"


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_kept_comes_back(kept: dict[str, object]) -> None:
    before, after = made(), made()
    before.kept = kept
    after.restore(before.checkpoint())
    assert after.kept == kept
    assert after.checkpoint() == before.checkpoint()


@pytest.mark.parametrize("state", ["", "[]", "3", "{", "null"])
def test_a_state_that_cannot_be_read_is_refused(state: str) -> None:
    strategy = made()
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        strategy.restore(state)
    assert strategy.kept == {}


def test_what_no_number_can_say_is_not_kept() -> None:
    strategy = made()
    strategy.kept["entry"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        strategy.checkpoint()


@pytest.mark.parametrize("values", [{"count": 0}, {"count": 6}, {"share": "1"}, {"cuont": 3}])
def test_a_parameter_out_of_its_range_or_unknown_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(values)


def test_parameters_stay_as_they_were_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        made().parameters.count = 4  # type: ignore[misc]
