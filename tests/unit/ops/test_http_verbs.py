"""POST: who may, what it must say, and that a halt asks the desk whatever else is wrong."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.core.ticketing import Stated
from trader.engine.operator import Answer
from trader.ops.http_verbs import Asked, BadBody, asked_in
from trader.ports import JournalFailed

VERBS = ("resume", "cancel-orders", "liquidate", "reconcile", "baseline")
BODY = {"reason": "drill", "by": "ops"}
RIGHT = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


async def post(
    site: Site, verb: str, body: object = BODY, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with site.session.post(
        f"{site.url}/ops/{verb}", data=data, headers=RIGHT if headers is None else headers
    ) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("verb", ["halt", *VERBS])
async def test_each_verb_reaches_the_desk_and_brings_its_answer(site: Site, verb: str) -> None:
    code, answered = await post(site, verb)
    assert code == 200
    assert answered == {
        "is_done": True,
        "text": "done",
        "details": ["line one", "line two"],
        "code": "",
    }
    ((name, _, by),) = site.desk.calls
    assert (name, by) == (verb.replace("-", "_"), "ops")


@pytest.mark.parametrize("verb", ["halt", *VERBS])
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
async def test_without_the_token_nothing_happens(
    site: Site, verb: str, authorization: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    code, answered = await post(site, verb, headers=headers)
    assert (code, answered["is_done"]) == (401, False)
    assert not site.desk.calls


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_what_a_foreign_form_could_send_is_refused(site: Site, kind: str) -> None:
    code, answered = await post(site, "halt", headers={**RIGHT, "Content-Type": kind})
    assert code == 415
    assert "allowed: application/json" in answered["text"]
    assert not site.desk.calls


BAD_BODIES: list[tuple[object, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"[" * 15_000, "not JSON"),
    ([], "the body is []; allowed: an object"),
    ({"by": "ops"}, "reason is null; allowed: a text of 1 to 500 characters"),
    ({"reason": " ", "by": "ops"}, 'reason is " "; allowed'),
    ({"reason": "x", "by": 5}, "by is 5; allowed: a text of 1 to 100 characters"),
    ({"reason": "x", "by": "y" * 101}, "by is "),
    (b'{"reason": "x", "by": "y", "by": "z"}', "the key 'by' stands twice"),
    ({"reason": "x", "by": "y", "force": True}, '"force" is no field; allowed: reason, by'),
]


@pytest.mark.parametrize(("body", "said"), BAD_BODIES)
async def test_a_bad_body_is_refused_by_field_value_and_allowed(
    site: Site, body: object, said: str
) -> None:
    code, answered = await post(site, "resume", body)
    assert code == 400
    assert said in answered["text"]
    assert not site.desk.calls


@pytest.mark.parametrize(("body", "said"), [*BAD_BODIES, (b"x" * 20_000, "not JSON")])
async def test_a_bad_body_does_not_prevent_a_halt(site: Site, body: object, said: str) -> None:
    code, answered = await post(site, "halt", body)
    assert code == 200
    assert said in answered["details"][-1]
    assert site.desk.calls == [
        ("halt", "operator's halt without a usable reason", "unnamed operator")
    ]


async def test_a_body_that_never_comes_does_not_prevent_a_halt(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = "\r\n".join(f"{name}: {value}" for name, value in RIGHT.items())
    writer.write(
        b"POST /ops/halt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        + f"{head}\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        line = await reader.readline()
    assert b"200" in line
    assert len(site.desk.calls) == 1
    writer.close()


@pytest.mark.parametrize("verb", ["halt", "resume"])
async def test_a_body_that_breaks_on_its_way_prevents_no_halt_and_asks_for_nothing_else(
    site: Site, verb: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = "\r\n".join(f"{name}: {value}" for name, value in RIGHT.items())
    writer.write(
        f"POST /ops/{verb} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n"
        f"Content-Encoding: gzip\r\n{head}\r\n\r\n".encode()
    )
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.write(b"no gzip at all, this")
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    asked = [name for name, _, _ in site.desk.calls]
    assert (line.split()[1], asked) == ((b"200", ["halt"]) if verb == "halt" else (b"400", []))


async def test_a_refusal_of_the_desk_is_a_conflict(site: Site) -> None:
    site.desk.outcome = Answer(False, "not resumed", ("ticket t-1 is open",))
    code, answered = await post(site, "resume")
    assert code == 409
    assert answered["details"] == ["ticket t-1 is open"]


async def test_a_failing_world_is_told(site: Site) -> None:
    site.desk.error = JournalFailed("disk full")
    code, answered = await post(site, "liquidate")
    assert code == 503
    assert answered["text"] == "liquidate failed: disk full"


async def test_a_liquidation_outlives_the_shell_that_asked(site: Site) -> None:
    site.desk.wait = asyncio.Event()
    asking = asyncio.create_task(post(site, "liquidate"))
    await asyncio.sleep(0.1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0.1)
    site.desk.wait.set()
    async with asyncio.timeout(5):
        await site.desk.was_asked.wait()
    assert site.desk.calls == [("liquidate", "", "ops")]


def test_line_breaks_of_a_reason_are_flattened() -> None:
    assert asked_in(b'{"reason": "a\\n b", "by": "c"}').reason == "a b"
    with pytest.raises(BadBody):
        asked_in(b"null")


@pytest.mark.parametrize("verb", ["adopt", "flatten"])
def test_a_verb_about_a_ticket_needs_one_and_no_other_verb_takes_one(verb: str) -> None:
    asked = asked_in(b'{"reason":"seen","by":"ann","ticket":"t-1"}', verb)
    assert asked == Asked(reason="seen", by="ann", ticket="t-1")
    with pytest.raises(BadBody, match="ticket is null"):
        asked_in(b'{"reason":"seen","by":"ann"}', verb)
    with pytest.raises(BadBody, match=r'"ticket" is no field; allowed: reason, by'):
        asked_in(b'{"reason":"seen","by":"ann","ticket":"t-1"}')


BOOK = b'{"reason":"r","by":"ann","ticket":"t-1",%s}'


def test_what_is_stated_keeps_every_digit() -> None:
    asked = asked_in(BOOK % b'"quantity":"-0.10","price":"187.250"', "book")
    assert asked.stated == Stated(quantity=Decimal("-0.10"), price=Decimal("187.250"))
    assert str(asked.stated.price) == "187.250"
    asked = asked_in(BOOK % b'"amount":"-12.5","currency":"USD"', "book")
    assert asked.stated == Stated(amount=Decimal("-12.5"), currency="USD")


@pytest.mark.parametrize("price", ['"NaN"', '"inf"', '"1e20"', "187.25", '"x"', "true", '""'])
def test_what_is_stated_is_a_number_as_text(price: str) -> None:
    with pytest.raises(BadBody, match="price is"):
        asked_in(BOOK % f'"price":{price}'.encode(), "book")


def test_a_ticket_is_ignored_until_a_time_that_is_told() -> None:
    asked = asked_in(BOOK % b'"until":"2026-11-22T12:00Z"', "ignore-until")
    assert asked.until == "2026-11-22T12:00Z"
    with pytest.raises(BadBody, match="until is null"):
        asked_in(b'{"reason":"r","by":"ann","ticket":"t-1"}', "ignore-until")


@pytest.mark.parametrize(
    ("verb", "more", "told"),
    [
        ("adopt", {}, "adopt t-1"),
        ("book", {"quantity": "-5", "price": "2"}, "book t-1 quantity -5 price 2"),
        ("ignore-until", {"until": "2026-11-22T12:00Z"}, "ignore t-1 2026-11-22T12:00Z"),
        ("flatten", {}, "flatten t-1"),
    ],
)
async def test_a_verb_about_a_ticket_reaches_the_desk_and_the_audit(
    site: Site, verb: str, more: dict[str, str], told: str
) -> None:
    code, _ = await post(site, verb, {**BODY, "ticket": "t-1", **more})
    assert code == 200
    ((called, _, by),) = site.desk.calls
    assert (called, by) == (told, "ops")
    (line,) = (site.folder / "audit_logs" / "operators.jsonl").read_text().splitlines()
    audit = json.loads(line)
    assert audit["verb"] == verb
    assert audit["asked"] == " ".join(["ops: drill", *told.split()[1:]])


@pytest.mark.parametrize("verb", ["retry", "dismiss"])
async def test_a_verb_about_a_letter_reaches_the_desk_and_the_audit(site: Site, verb: str) -> None:
    code, _ = await post(site, f"{verb}-letter", {**BODY, "letter": "abc"})
    assert code == 200
    ((called, _, by),) = site.desk.calls
    assert (called, by) == (f"{verb} abc", "ops")
    (line,) = (site.folder / "audit_logs" / "operators.jsonl").read_text().splitlines()
    assert json.loads(line)["asked"] == "ops: drill abc"
    code, _ = await post(site, f"{verb}-letter", BODY)
    assert code == 400


@pytest.mark.parametrize(
    ("verb", "flag", "told"),
    [
        ("liquidate", "all", "everything"),
        ("cancel-orders", "all", "everything"),
        ("cancel-orders", "keep_exits", "keeps exits"),
    ],
)
async def test_how_far_a_verb_goes_is_asked_for_and_never_guessed(
    site: Site, verb: str, flag: str, told: str
) -> None:
    assert (await post(site, verb, {**BODY, flag: True}))[0] == 200
    assert (await post(site, verb, {**BODY, flag: False}))[0] == 200
    assert [reason for _, reason, _ in site.desk.calls] == [told, ""]
    code, answered = await post(site, verb, {**BODY, flag: "yes"})
    assert (code, len(site.desk.calls)) == (400, 2)
    assert f'{flag} is "yes"; allowed: true or false' in answered["text"]
    assert (await post(site, "reconcile", {**BODY, flag: True}))[0] == 400


async def test_an_answer_carries_the_code_that_programs_decide_by(site: Site) -> None:
    site.desk.outcome = Answer(False, "not flat", (), "waiting")
    code, answered = await post(site, "liquidate")
    assert (code, answered["code"]) == (409, "waiting")


async def test_a_breaker_is_reset_or_overridden_by_its_name(site: Site) -> None:
    assert (await post(site, "reset", {**BODY, "breaker": "drift"}))[0] == 200
    asked = {**BODY, "breaker": "drift", "minutes": 5}
    assert (await post(site, "override", asked))[0] == 200
    assert [verb for verb, _, _ in site.desk.calls] == ["reset drift", "override drift 5"]


async def test_a_risk_action_is_reviewed_by_its_number(site: Site) -> None:
    assert (await post(site, "review", {**BODY, "action": "12", "verdict": "false"}))[0] == 200
    assert [verb for verb, _, _ in site.desk.calls] == ["review 12 false"]
    code, answered = await post(site, "review", {**BODY, "action": "12"})
    assert code == 400
    assert "verdict is null" in str(answered)


@pytest.mark.parametrize(
    ("verb", "more", "fault"),
    [
        ("reset", {}, "breaker is null"),
        ("reset", {"breaker": "drift", "minutes": 5}, '"minutes" is no field'),
        ("override", {"breaker": "drift"}, "minutes is null; allowed: a whole number"),
        ("override", {"breaker": "drift", "minutes": "5"}, 'minutes is "5"; allowed: a whole'),
        ("override", {"breaker": "drift", "minutes": True}, "minutes is true; allowed: a whole"),
        ("override", {"breaker": "drift", "minutes": 2.5}, "minutes is 2.5; allowed: a whole"),
    ],
)
async def test_a_breaker_is_asked_for_completely(
    site: Site, verb: str, more: dict[str, object], fault: str
) -> None:
    code, answer = await post(site, verb, {**BODY, **more})
    assert code == 400
    assert fault in str(answer)
    assert site.desk.calls == []


async def test_a_text_in_no_encoding_halts_and_is_answered(site: Site) -> None:
    # As a shell hands on what was typed in another encoding than its own.
    code, answered = await post(site, "halt", {"reason": "Gap \udcfcber Nacht", "by": "ann"})
    assert code == 200, answered
    assert site.desk.calls == [("halt", "Gap \\udcfcber Nacht", "ann")]
