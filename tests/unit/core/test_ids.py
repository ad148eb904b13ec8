"""Identifiers travel to the broker and come back as the same, or as nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.ids import (
    ORDER_REF_LENGTH_MAX,
    PROFIT_MARK,
    STOP_MARK,
    UNREAL,
    ExecId,
    IntentId,
    Lineage,
    StrategyName,
    entry_in,
    exec_family,
    intent_id,
    intent_id_in,
    is_traceable,
    leg_id,
    numbered,
    order_ref,
    tag_of,
)

lineages = st.from_regex(r"[a-z0-9]{6}", fullmatch=True).map(Lineage)
strategies = st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True).map(StrategyName)
intent_ids = st.builds(intent_id, lineages, strategies, st.integers(1, 10**8 - 1))


@given(intent_ids, st.text(max_size=20))
def test_a_reference_leads_back_to_its_intent_whatever_the_broker_appends(
    intent: IntentId, suffix: str
) -> None:
    """INC-096: the broker may append text to an orderRef."""
    assert intent_id_in(order_ref(intent) + suffix) == intent


@given(intent_ids)
def test_a_reference_fits_into_forty_characters(intent: IntentId) -> None:
    assert len(order_ref(intent)) <= ORDER_REF_LENGTH_MAX


def test_the_longest_reference_has_forty_characters() -> None:
    longest = intent_id(Lineage("abcdef"), StrategyName("s" * 16), 10**8 - 1)
    assert len(order_ref(longest)) == ORDER_REF_LENGTH_MAX


@given(
    st.one_of(
        intent_ids,
        st.from_regex(r"[a-z0-9]{5,7}-[a-z][a-z0-9_]{0,17}-[0-9]{1,13}(-[0-9a-f]{4})?"),
        st.text(),
    )
)
def test_an_id_is_traceable_if_its_reference_leads_back_to_it(text: str) -> None:
    ref = order_ref(IntentId(text))
    leads_back = intent_id_in(ref) == text and len(ref) <= ORDER_REF_LENGTH_MAX
    assert is_traceable(IntentId(text)) is leads_back


@given(intent_ids, st.data())
def test_a_reference_with_one_character_changed_never_names_its_intent(
    intent: IntentId, data: st.DataObject
) -> None:
    ref = order_ref(intent)
    place = data.draw(st.integers(0, len(ref) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefz-_ "))
    altered = ref[:place] + other + ref[place + 1 :]
    if altered != ref:
        assert intent_id_in(altered) is None


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "T1-",
        "by hand",
        "T1-abc123-alpha-1",
        "T1-abc123-alpha-1-0000",
        " T1-abc123-alpha-1-3e9f",
    ],
)
def test_what_is_not_provably_ours_names_no_intent(ref: str) -> None:
    assert intent_id_in(ref) is None


@pytest.mark.parametrize(
    ("lineage", "strategy", "number"),
    [
        ("ABC123", "alpha", 1),
        ("abc12", "alpha", 1),
        ("abc123", "Alpha", 1),
        ("abc123", "a" * 17, 1),
        ("abc123", "a-b", 1),
        ("abc123", "alpha", 0),
        ("abc123", "alpha", 10**8),
    ],
)
def test_an_intent_id_that_could_not_be_read_back_is_not_made(
    lineage: str, strategy: str, number: int
) -> None:
    with pytest.raises(AssertionError):
        intent_id(Lineage(lineage), StrategyName(strategy), number)


@pytest.mark.parametrize(
    ("exec_id", "family", "revision"),
    [
        ("0000e0d5.67fe667b.01.01", "0000e0d5.67fe667b.01", 1),
        ("0000e0d5.67fe667b.01.02", "0000e0d5.67fe667b.01", 2),
        ("0000e0d5.67fe667b.01.10", "0000e0d5.67fe667b.01", 10),
        ("no-revision", "no-revision", 0),
        ("ends.with.", "ends.with.", 0),
        ("ends.with.word", "ends.with.word", 0),
        ("", "", 0),
        # Superscript and other digits are digits to `str.isdigit` and an error to `int`.
        ("strange.²", "strange.²", 0),
    ],
)
def test_the_last_digits_of_an_execution_id_are_its_revision(
    exec_id: str, family: str, revision: int
) -> None:
    assert exec_family(ExecId(exec_id)) == (family, revision)


@given(st.text(max_size=30))
def test_every_execution_id_has_a_family(exec_id: str) -> None:
    family, revision = exec_family(ExecId(exec_id))
    assert revision >= 0
    assert exec_id.startswith(family)


def test_what_is_drawn_for_a_journal_is_never_a_tag_and_a_tag_is_found_in_every_id() -> None:
    """EVT-20: the tag is part of the id, so nothing loses it on the way."""
    for tag in UNREAL:
        assert not set(tag) <= set("0123456789abcdef")
        found = intent_id(tag, StrategyName("alpha"), 7)
        assert tag_of(found) == tag
        back = intent_id_in(order_ref(found))
        assert back is not None
        assert tag_of(back) == tag


@given(st.integers(0, 2**30 - 1))
def test_no_real_id_has_a_tag(drawn: int) -> None:
    lineage = Lineage(f"{drawn:06x}"[-6:])
    assert tag_of(intent_id(lineage, StrategyName("replay"), 1)) is None


def test_a_leg_is_named_after_its_entry() -> None:
    entry = intent_id(Lineage("abc123"), StrategyName("alpha"), 12)
    profit, stop = leg_id(entry, PROFIT_MARK), leg_id(entry, STOP_MARK)
    assert (profit, stop) == ("abc123-alpha-12p", "abc123-alpha-12s")
    for name in (profit, stop):
        assert intent_id_in(order_ref(name)) == name
        assert numbered(name) == ("abc123-alpha", 12)
    with pytest.raises(AssertionError, match="mark"):
        leg_id(entry, "x")
    assert not is_traceable(IntentId("abc123-alpha-12ps"))


def test_the_reference_of_a_leg_names_its_entry() -> None:
    entry = intent_id(Lineage("abc123"), StrategyName("alpha"), 7)
    for mark in (STOP_MARK, PROFIT_MARK):
        assert entry_in(order_ref(leg_id(entry, mark))) == entry
    for ref in (order_ref(entry), f"T1-{entry}s-0000", "kill-abc123-1", ""):
        assert entry_in(ref) is None


def test_the_longest_entry_of_all_leaves_no_room_for_its_legs() -> None:
    """Its bracket is refused before anything leaves: BRACKET_ENTRY."""
    longest = intent_id(Lineage("abcdef"), StrategyName("s" * 16), 10**8 - 1)
    assert is_traceable(longest)
    assert not is_traceable(leg_id(longest, STOP_MARK))
    assert is_traceable(leg_id(intent_id(Lineage("abcdef"), StrategyName("s" * 16), 1), "s"))
