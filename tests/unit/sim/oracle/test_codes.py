"""The error catalogue is whole, each row says what it does, and texts are filled in."""

from __future__ import annotations

import pytest

from trader.sim.oracle.codes import EFFECTS, SCOPES, catalogue, describe


def test_every_row_has_a_known_scope_and_effect_and_a_text() -> None:
    for number, code in catalogue().items():
        assert number == code.code
        assert code.scope in SCOPES, number
        assert code.effect in EFFECTS, number
        assert code.text.strip() == code.text != "", number


def test_the_table_is_sorted_and_has_every_code_once() -> None:
    numbers = list(catalogue())
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 431


@pytest.mark.parametrize(
    ("code", "scope", "effect"),
    [
        (201, "order", "ends"),
        (202, "order", "cancels"),
        (404, "order", "holds"),
        (399, "order", "none"),
        (10349, "order", "none"),
        (110, "order", "refuses-new-or-change"),
        (10148, "order", "refuses-cancel"),
        (1100, "system", "none"),
        (326, "connection", "none"),
    ],
)
def test_what_clients_misread_most_is_told_right(code: int, scope: str, effect: str) -> None:
    row = catalogue()[code]
    assert (row.scope, row.effect) == (scope, effect)


def test_only_codes_about_orders_change_orders() -> None:
    changing = {row.scope for row in catalogue().values() if row.effect != "none"}
    assert changing == {"order", "any"}


def test_a_text_is_filled_in_with_what_is_known() -> None:
    text = catalogue()[10148].text_for(id=7, state="Filled")
    assert text == "OrderId 7 that needs to be cancelled can not be cancelled, state: Filled."
    assert "\n" in catalogue()[399].text


def test_the_description_puts_each_effect_in_words() -> None:
    rows = {row["code"]: row for row in describe()}
    assert len(rows) == 431
    assert rows[202]["does"] == EFFECTS["cancels"]
