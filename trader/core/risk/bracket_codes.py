"""The codes with which a bracket can be refused beside those of its entry."""

from trader.core.risk.gateway_codes import Code

BRACKET_CODES = (
    Code(
        "BRACKET_ENTRY",
        "bracket",
        "The entry of a bracket only reduces, or would first close what is held, so that its legs "
        "would not be exits; or its id is too long for theirs.",
        "BUY beside a position of -10, abc123-alpha-7, allowed is an entry that adds to the "
        "position, with an id that has room for its legs'",
        "Close what is held on the other side first; an exit needs no bracket. A strategy's name "
        "of at most 15 letters leaves room.",
    ),
    Code(
        "BRACKET_FORM",
        "bracket",
        "The policy does not allow a leg's order type and time in force for the asset class, or a "
        "part of the bracket is to fill at once or not at all.",
        "OPT STP GTC, allowed is forms of the policy without IOC",
        "Use forms that `order.forms` of the policy lists; a bracket has no IOC.",
    ),
    Code(
        "BRACKET_PRICE",
        "bracket",
        "A price of a leg is no number above zero.",
        "take profit 0, stop loss 95 GTC, allowed is prices above 0",
        "Mend whatever made the intent.",
    ),
    Code(
        "BRACKET_OFF_TICK",
        "bracket",
        "A price of a leg lies between two steps of the instrument's price grid.",
        "104.005, allowed is a multiple of 0.01",
        "Round the price to the step that holds at it; the step depends on the price.",
    ),
    Code(
        "BRACKET_SIDES",
        "bracket",
        "The entry could fill at a price beyond one of its legs, which would trade at once.",
        "take profit 101, stop loss 99 around 98 to 100, allowed is the profit on the far side of "
        "where the entry may fill, the stop on the near one",
        "For a buy the profit lies above and the stop below; look whether the market has moved.",
    ),
    Code(
        "BRACKET_DISTANCE",
        "bracket",
        "A leg lies implausibly far from where the entry may fill.",
        "0.90000, allowed is at most 0.5 of the entry's price away",
        "Look for a slipped digit; a leg may be half of the price away.",
    ),
)
