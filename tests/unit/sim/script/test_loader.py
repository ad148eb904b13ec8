"""A scenario file is read strictly: each error names file, line, field, value and allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.script.loader import STEPS_MAX, ScenarioError, load, load_text
from trader.sim.script.scenario import AfterWait, AtTime, Immediately, OnMessage, OnState, Option

HEAD = "name: t\nwhy: x\n"


def test_every_kind_of_trigger_is_read() -> None:
    scenario = load_text(
        HEAD
        + """steps:
- {at: 5s, action: login}
- {wait: 200ms}
- {before: {message: placeOrder, count: 3, client_id: 7, where: {symbol: AAPL}}}
- {after: reqIds}
- {sent: {message: orderStatus, where: {status: Filled}}}
- {when: {order: Filled, symbol: AAPL, filled_at_least: 5}}
- {action: mute, with: {on: true}, times: 3, every: 2s}
- {end: true}
"""
    )
    triggers = [step.trigger for step in scenario.steps]
    assert triggers == [
        AtTime(5.0), AfterWait(0.2),
        OnMessage("before", 3, 3, 7, (("symbol", "AAPL"),)), OnMessage("after", 8),
        OnMessage("sent", 3, 1, None, (("status", "Filled"),)),
        OnState(order="Filled", symbol="AAPL", filled_at_least="5"),
        Immediately(), Immediately(),
    ]  # fmt: skip
    assert (scenario.steps[6].times, scenario.steps[6].every_s) == (3, 2.0)
    assert scenario.steps[-1].is_end
    assert scenario.steps[0].line == 4


def test_options_and_names_are_kept_for_the_play() -> None:
    scenario = load_text(
        HEAD
        + """steps:
- wait: {between: [1, 5]}
  action: inject
  with: {req_id: $order_id, code: {pick: [201, 202]}, text: x}
"""
    )
    (step,) = scenario.steps
    assert step.trigger == AfterWait(Option(between=(1, 5)))
    assert step.inputs["code"] == Option(choices=(201, 202))
    assert step.inputs["req_id"] == "$order_id"


def test_only_what_looks_like_json_is_more_than_a_text() -> None:
    scenario = load_text(
        HEAD
        + """steps:
- action: send-frame
  with: {fields: [3, on, yes, 23:45, 1_000, 1.5, "7", -2]}
"""
    )
    assert scenario.steps[0].inputs["fields"] == [3, "on", "yes", "23:45", "1_000", 1.5, "7", -2]


WRONG = [
    ("name: t\n", 1, "steps"),
    ("why: x\nsteps: [{end: true}]\n", 1, "name"),
    (HEAD + "steps: []\n", 3, "steps"),
    (HEAD + "other: 1\nsteps: [{end: true}]\n", 3, "file"),
    (HEAD + "name: u\nsteps: [{end: true}]\n", 3, "name"),
    ("- a\n- b\n", 1, "file"),
    ("a: [\n", 2, "file"),
    (HEAD + "steps:\n- {end: true}\n- mute\n", 5, "steps"),
    (HEAD + "steps:\n- action: nothing\n", 4, "action"),
    (HEAD + "steps:\n- action: mute\n  with: {on: maybe}\n", 5, "on"),
    (HEAD + "steps:\n- action: mute\n  with: {on: true, off: 1}\n", 5, "off"),
    (HEAD + "steps:\n- action: mute\n", 4, "on"),
    (HEAD + "steps:\n- action: mute\n  with: {on: {pick: [true, 7]}}\n", 5, "on"),
    (HEAD + "steps:\n- action: duplicate\n  with: {times: {between: [1, 900]}}\n", 5, "times"),
    (HEAD + "steps:\n- action: mute\n  with: {on: {pick: []}}\n", 5, "pick"),
    (HEAD + "steps:\n- wait: {between: [5, 1]}\n", 4, "between"),
    (HEAD + "steps:\n- wait: soon\n", 4, "wait"),
    (HEAD + "steps:\n- {at: 1, wait: 2}\n", 4, "step"),
    (HEAD + "steps:\n- {}\n", 4, "step"),
    (HEAD + "steps:\n- with: {on: true}\n", 4, "with"),
    (HEAD + "steps:\n- then: 5\n", 4, "step"),
    (HEAD + "steps:\n- end: soon\n", 4, "end"),
    (HEAD + "steps:\n- {end: true, times: 0}\n", 4, "times"),
    (HEAD + "steps:\n- after: {message: openOrder}\n", 4, "message"),
    (HEAD + "steps:\n- sent: {message: openOrder, count: 0}\n", 4, "count"),
    (HEAD + "steps:\n- sent: {message: openOrder, where: {colour: red}}\n", 4, "where"),
    (HEAD + "steps:\n- when: {moon: full}\n", 4, "moon"),
    (HEAD + "steps:\n- when: {}\n", 4, "when"),
    (HEAD + "steps:\n- when: {order: Fulled}\n", 4, "order"),
    (HEAD + "serves: [S25]\nsteps:\n- wait: 1s\n", 3, "serves"),
    (HEAD + "steps:\n- when: {child_state: gone}\n", 4, "child_state"),
    (HEAD + "steps:\n- when: {child: bot}\n", 4, "child_state"),
    (HEAD + "steps:\n- {action: child-start, with: {child: bot, command: sh}}\n", 4, "command"),
    (HEAD + "settings: {colour: red}\nsteps: [{end: true}]\n", 3, "settings"),
    (HEAD + "settings: {cash: many}\nsteps: [{end: true}]\n", 3, "cash"),
    (HEAD + "settings: {ack_ms: 5}\nsteps: [{end: true}]\n", 3, "ack_ms"),
    (HEAD + "start_at: noon\nsteps: [{end: true}]\n", 3, "start_at"),
    (HEAD + "incidents: INC-1\nsteps: [{end: true}]\n", 3, "incidents"),
]


@pytest.mark.parametrize(("text", "line", "field"), WRONG)
def test_a_mistake_is_told_with_its_line_and_field(text: str, line: int, field: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "mine.yaml")
    assert (caught.value.field, caught.value.line) == (field, line), str(caught.value)
    assert str(caught.value).startswith(f"mine.yaml, line {line}: ")
    assert "allowed" in str(caught.value)


def test_a_file_of_too_many_steps_is_refused() -> None:
    with pytest.raises(ScenarioError, match="steps"):
        load_text(HEAD + "steps:\n" + "- {wait: 1}\n" * (STEPS_MAX + 1))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="UTF-8"):
        load(path)


@given(st.text(max_size=200))
def test_no_text_makes_the_loader_fail_otherwise(text: str) -> None:
    line = 1
    try:
        load_text(text)
    except ScenarioError as error:
        line = error.line
    assert line >= 1
