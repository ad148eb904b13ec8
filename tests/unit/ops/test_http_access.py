"""Admission: from where, who, in which role, how often; and every refusal is on record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.ops.conftest import Site
from tests.unit.ops.support import TOKEN
from trader.ops.roles import Role, added, load_entries, save_entries

JSON = {"Content-Type": "application/json"}
BODY = {"reason": "drill", "by": "ops"}


def a_token(site: Site, name: str, role: Role) -> str:
    path = site.folder / "tokens.json"
    entries, token = added(load_entries(path), name, role)
    save_entries(path, entries)
    return token


async def post(
    site: Site, path: str, token: str | None = TOKEN, body: object = BODY, **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    sent = dict(JSON)
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.session.post(site.url + path, data=json.dumps(body), headers=sent) as response:
        return response.status, await response.json(), dict(response.headers)


def audited(site: Site) -> list[dict[str, str]]:
    path = site.folder / "audit_logs" / "operators.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_role_may_do_its_verbs_and_no_other(site: Site) -> None:
    trader = a_token(site, "tom", Role.TRADER)
    risk = a_token(site, "rita", Role.RISK)
    viewer = a_token(site, "vera", Role.VIEWER)
    assert (await post(site, "/ops/cancel-orders", trader))[0] == 200
    assert (await post(site, "/ops/cancel-orders", trader, {**BODY, "all": True}))[0] == 403
    assert (await post(site, "/ops/liquidate", trader))[0] == 403
    assert (await post(site, "/ops/liquidate", risk))[0] == 200
    assert (await post(site, "/ops/baseline", risk))[0] == 403
    code, answered, _ = await post(site, "/ops/halt", viewer)
    assert code == 403
    assert answered["text"] == "halt is not for role viewer; allowed: admin, risk, trader"
    assert [name for name, _, _ in site.desk.calls] == ["cancel_orders", "liquidate"]


async def test_every_request_that_may_change_something_is_on_record(site: Site) -> None:
    risk = a_token(site, "rita", Role.RISK)
    await post(site, "/ops/resume", risk)
    await post(site, "/ops/baseline", risk)
    await post(site, "/ops/resume", "wrong")
    lines = audited(site)
    assert [(row["who"], row["role"], row["verb"]) for row in lines] == [
        ("rita", "risk", "resume"),
        ("rita", "risk", "baseline"),
        ("nobody", "", "resume"),
    ]
    assert (lines[0]["asked"], lines[0]["outcome"]) == ("ops: drill", "done: done")
    assert lines[1]["outcome"].startswith("403")
    assert lines[2]["outcome"].startswith("401")
    assert "wrong" not in json.dumps(lines)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_a_page_of_another_site_is_refused_even_with_the_token(
    site: Site, headers: dict[str, str]
) -> None:
    code, answered, _ = await post(site, "/ops/halt", **headers)
    assert code == 403
    assert "allowed:" in answered["text"]
    assert not site.desk.calls


async def test_its_own_page_may_ask(site: Site) -> None:
    own = {"Origin": site.url, "Sec_Fetch_Site": "same-origin"}
    assert (await post(site, "/ops/halt", **own))[0] == 200


async def test_a_flood_is_told_when_to_come_again_and_a_halt_is_never_refused(site: Site) -> None:
    answers = [await post(site, "/ops/reconcile") for _ in range(20)]
    assert [code for code, _, _ in answers] == [200] * 20
    # How many more depends on how long these took.
    while answers[-1][0] == 200 and len(answers) < 500:
        answers.append(await post(site, "/ops/reconcile"))
    code, answered, headers = answers[-1]
    assert code == 429
    assert int(headers["Retry-After"]) >= 1
    assert "allowed: again in" in answered["text"]
    assert (await post(site, "/ops/halt"))[0] == 200


async def test_one_principals_flood_is_not_anothers(site: Site) -> None:
    tom, rita = a_token(site, "tom", Role.TRADER), a_token(site, "rita", Role.RISK)
    for _ in range(25):
        await post(site, "/ops/reconcile", tom)
    assert (await post(site, "/ops/reconcile", rita))[0] == 200


async def test_whoever_guesses_tokens_is_slowed_and_cannot_fill_the_disk(site: Site) -> None:
    codes = [(await post(site, "/ops/resume", f"guess {n}"))[0] for n in range(40)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert len(audited(site)) < 40
