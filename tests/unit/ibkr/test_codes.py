"""The table of message codes: total, an allow-list, and right where money depends on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.events import Evidence
from trader.core.history_pacing import HistoryTrouble
from trader.ibkr.codes import (
    connectivity_of,
    ends_request,
    evidence_of,
    farm_name,
    farm_state,
    history_trouble,
    is_read_only,
)

# Every code that is documented or was seen by somebody.
DOCUMENTED = (
    *range(100, 108), *range(109, 112), *range(113, 130), *range(131, 149), *range(151, 169),
    *range(200, 204), *range(300, 318), *range(319, 451), 460, 463, 478, 492, *range(501, 594),
    *range(1100, 1103), 1300, *range(2100, 2111), 2119, 2137, 2148, 2150, 2152,
    *range(2157, 2159), *range(2168, 2170), 2172, 2176, *range(10000, 10004),
    *range(10005, 10028), 10052, 10058, *range(10089, 10092), *range(10147, 10150),
    *range(10167, 10169), 10182, *range(10185, 10188), *range(10189, 10191), 10197, 10225,
    *range(10230, 10232), *range(10233, 10258), *range(10268, 10271), *range(10276, 10285),
    10289, 10293, 10299, 10311, 10318, 10349,
)  # fmt: skip

EXPECTED = {
    Evidence.REJECTS_NEW: (107, 109, 110, 154, 200, 201, 203, 320, 321, 387, 434, 10015, 10318),
    Evidence.CONFIRMS_CANCEL: (202,),
    Evidence.REFUSES_CANCEL: (135, 136, 137, 161, 10147, 10148),
    Evidence.INFORMS: (131, 399, 404, 2109, 2137, 2148, 2161, 10233, 10349),
    Evidence.UNCLEAR: (100, 103, 104, 105, 106, 134, 162, 164, 323, 329, 1100, 2102, 10149, 10311),
}


@pytest.mark.parametrize(
    ("code", "evidence"), [(code, kind) for kind, codes in EXPECTED.items() for code in codes]
)
def test_a_code_whose_meaning_decides_about_an_order_is_read_right(
    code: int, evidence: Evidence
) -> None:
    assert evidence_of(code) is evidence


def test_every_documented_code_has_an_evidence_and_few_of_them_confirm_or_refuse_a_cancel() -> None:
    found: dict[Evidence, set[int]] = {kind: set() for kind in Evidence}
    for code in DOCUMENTED:
        found[evidence_of(code)].add(code)
    assert found[Evidence.CONFIRMS_CANCEL] == {202}
    assert found[Evidence.REFUSES_CANCEL] == {135, 136, 137, 161, 10147, 10148}
    assert len(found[Evidence.REJECTS_NEW]) == 211
    assert sum(map(len, found.values())) == len(set(DOCUMENTED))


@given(st.integers(-1000, 20_000).filter(lambda code: code not in DOCUMENTED))
def test_a_code_nobody_documented_proves_nothing_but_a_warning_range_informs(code: int) -> None:
    expected = Evidence.INFORMS if 2100 <= code < 2200 else Evidence.UNCLEAR
    assert evidence_of(code) is expected


@pytest.mark.parametrize("code", [354, 101, 162, 300, 10168, 10182, 10197, 501, 1300])
def test_a_code_about_requests_or_the_link_proves_nothing_on_an_order(code: int) -> None:
    assert evidence_of(code) is Evidence.UNCLEAR


@pytest.mark.parametrize(
    ("code", "axis", "is_up", "proves"),
    [
        (1100, "upstream", False, False),
        (2110, "upstream", False, False),
        (1101, "upstream", True, False),
        (1102, "upstream", True, False),
        (1300, "socket", False, False),
        (2103, "farm", False, False),
        (2105, "farm", False, False),
        (2119, "farm", False, False),
        (2157, "farm", False, False),
        (2104, "farm", True, True),
        (2106, "farm", True, True),
        (2158, "farm", True, True),
        (2107, "farm", True, False),
        (2108, "farm", True, False),
    ],
)
def test_a_connectivity_code_speaks_of_its_link(
    code: int, axis: str, is_up: bool, proves: bool
) -> None:
    word = connectivity_of(code, "Market data farm connection is OK:usfarm.nj")
    assert word is not None
    assert (word.axis, word.is_up, word.proves_upstream) == (axis, is_up, proves)


def test_the_other_documented_codes_say_nothing_of_a_link() -> None:
    speaking = {code for code in DOCUMENTED if connectivity_of(code, "") is not None}
    farms = {2103, 2104, 2105, 2106, 2107, 2108, 2119, 2157, 2158}
    assert speaking == {1100, 1101, 1102, 1300, 2110} | farms


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Market data farm connection is OK:usfarm.nj", "usfarm.nj"),
        (
            "HMDS data farm connection is inactive but should be available upon demand.:ushmds",
            "ushmds",
        ),
        ("Sec-def data farm connection is OK: secdefil ", "secdefil"),
        ("A market data farm is disconnected.", "A market data farm is disconnected."),
    ],
)
def test_the_farm_is_named_by_the_end_of_the_text(text: str, name: str) -> None:
    assert farm_name(text) == name


def test_advisory_market_data_codes_do_not_end_a_request_and_the_others_do() -> None:
    staying = {code for code in DOCUMENTED if not ends_request(code) and not 2100 <= code < 2200}
    assert staying == {317, 10089, 10090, 10091, 10167}
    assert all(ends_request(code) for code in (200, 354, 10182, 10197, 12_345))
    assert not ends_request(2119)


def test_only_the_text_of_321_tells_a_read_only_api() -> None:
    text = (
        "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode."
    )
    assert is_read_only(321, text)
    assert not is_read_only(321, "Error validating request.-'bw' : cause - Invalid order type")
    assert not is_read_only(320, text)


_SERVICE = "Historical Market Data Service error message:"


@pytest.mark.parametrize(
    ("code", "text", "trouble"),
    [
        (162, f"{_SERVICE}Historical data request pacing violation", "PACING"),
        (162, f"{_SERVICE}HMDS query returned no data: AAPL@SMART Midpoint", "NO_DATA"),
        (162, f"{_SERVICE}API historical data query cancelled: 9", "CANCELLED"),
        (
            162,
            f"{_SERVICE}Trading TWS session is connected from a different IP address",
            "ELSEWHERE",
        ),
        (162, f"{_SERVICE}No market data permissions for NASDAQ STK", "NO_PERMISSION"),
        (162, f"{_SERVICE}Time length exceed max. (9 bars, allowed 2)", "INVALID"),
        (162, f"{_SERVICE}something nobody has seen", "UNAVAILABLE"),
        (165, "Historical Market Data Service query message:HMDS server disconnect", "UNAVAILABLE"),
        (200, "No security definition has been found for the request", "NO_CONTRACT"),
        (321, "Error validating request.-'bW' : cause - What to show", "INVALID"),
        (322, "Only 50 simultaneous API historical data requests allowed.", "PACING"),
        (354, "Requested market data is not subscribed.", "NO_PERMISSION"),
        (366, "No historical data query found for ticker id:9", "CANCELLED"),
        (10187, "Failed to request historical ticks:No market data permissions", "NO_PERMISSION"),
        (99999, "what nobody documented", "UNAVAILABLE"),
    ],
)
def test_why_there_is_no_history_is_told_apart(code: int, text: str, trouble: str) -> None:
    """One code, 162, says five different things (INC-128)."""
    assert history_trouble(code, text) is HistoryTrouble[trouble]
    assert ends_request(code)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (2103, "broken"),
        (2104, "ok"),
        (2105, "broken"),
        (2106, "ok"),
        (2107, "inactive"),
        (2108, "inactive"),
        (2119, "connecting"),
        (2157, "broken"),
        (2158, "ok"),
    ],
)
def test_a_farm_is_what_its_last_code_says(code: int, state: str) -> None:
    assert farm_state(code) == state
