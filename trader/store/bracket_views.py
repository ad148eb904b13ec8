"""The views that tell brackets, and their legs as what they are: the broker makes them smaller.

What fills in part (the entry, or the other leg) is taken off a leg by the broker itself. So a leg
of which it says Filled, and of just what our executions make, is done, whatever was promised;
:mod:`trader.store.order_views` folds all other orders as before.
"""
# ruff: noqa: S608 - SQL put together from pieces of this package

from trader.store.order_views import IS_COUNTED, IS_SAID, ORDER_FOLD, ORDER_PARTS
from trader.store.views import at, columns, field

_LEGS = f"""SELECT {field("order_id")} FROM events
    WHERE kind = 'OrderPlanned' AND {field("terms.bracket.role")} IN ('take_profit', 'stop_loss')"""
_PLACE = columns(
    "role", "entry_id", "take_profit_id", "stop_loss_id", "oca_group", under="terms.bracket."
)
_IS_LEG = f"fold.order_id IN ({_LEGS})"
_WORDS_OF = "SELECT DISTINCT json_extract(payload, '$.order_id') AS order_id FROM events"
_IS_DUE = "AND fold.number IS NOT NULL AND turned.step IS NULL"
_OF_THE_ORDER = "moves.step = CASE"


def _with(text: str, part: str, instead: str) -> str:
    assert text.count(part) == 1, f"{part!r} stands {text.count(part)} times"
    return text.replace(part, instead)


_PARTS = _with(
    ORDER_PARTS,
    f"{_WORDS_OF} WHERE kind = 'ModifyPlanned'",
    f"{_WORDS_OF} WHERE kind = 'ModifyPlanned' UNION {_LEGS}",
)
_FOLD = _with(
    _with(
        ORDER_FOLD, _IS_DUE, f"AND (fold.number IS NOT NULL OR {_IS_LEG}) AND turned.step IS NULL"
    ),
    _OF_THE_ORDER,
    f"{_OF_THE_ORDER} WHEN {IS_COUNTED} AND {IS_SAID} AND {_IS_LEG} THEN 'fill completed'",
)

# In this order: the views over the two find them by their names.
BRACKET_VIEWS = (
    "DROP VIEW _order_fold",
    "DROP VIEW _order_parts",
    _PARTS,
    _FOLD,
    f"""
CREATE VIEW v_brackets AS
SELECT seq, {at("at_us")} AS at, at_us, {field("order_id")} AS order_id,
       {_PLACE}
  FROM events
 WHERE kind = 'OrderPlanned' AND {field("terms.bracket.role")} IS NOT NULL
""",
)

_SIZE = "round(parts.quantity, 9)"
_LEG_SIZE = f"""CASE WHEN {_IS_LEG} AND {_SIZE} < round(fold.quantity, 9)
         THEN round(fold.quantity, 9) ELSE {_SIZE} END"""


def _shown_smaller(fold: str) -> str:
    for terms in ("new", "old"):
        shown = f"{_SIZE} IS round(fold.{terms}_quantity, 9)"
        fold = _with(fold, shown, f"({_LEG_SIZE}) IS round(fold.{terms}_quantity, 9)")
    return fold


# The echo of a leg that the broker has made smaller shows a change of its price all the same.
CHANGED_LEG_VIEWS = ("DROP VIEW _order_fold", _shown_smaller(_FOLD))
