"""What is wrong is told once, however its words change, and again when it comes back."""

from hypothesis import given
from hypothesis import strategies as st

from trader.ops.anew import Anew

LOOKS = st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=2), max_size=3))


@given(LOOKS)
def test_what_was_not_there_at_the_last_look_is_anew(looks: list[dict[str, str]]) -> None:
    anew = Anew()
    before: dict[str, str] = {}
    for wrong in looks:
        fresh = anew.of(wrong)
        assert fresh == {name: text for name, text in wrong.items() if name not in before}
        assert list(fresh) == [name for name in wrong if name in fresh]
        before = wrong
