"""Every field of an order by its wire name: how it is read, what is shown when it is not given.

placeOrder (3), openOrder (5) and completedOrder (101) carry the same fields in different orders.
Here each field stands once; `Layout` cuts them into the runs that stand next to each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from trader.sim.wire.frames import (
    UNSET_DOUBLE,
    UNSET_INTEGER,
    FieldError,
    amount,
    read_decimal,
    read_flag,
    read_integer,
)


class Kind(Enum):
    """What a field holds."""

    TEXT = auto()
    NUMBER = auto()
    # A number that may be `Infinity`, which means "up to the middle".
    OFFSET = auto()
    INTEGER = auto()
    # An integer of which zero says something.
    CODE = auto()
    FLAG = auto()


def _number(text: str) -> str:
    value = read_decimal(text)
    return "" if value is None else amount(value)


def _offset(text: str) -> str:
    return "Infinity" if text.lower().startswith("inf") else _number(text)


def _integer(text: str) -> str:
    value = read_integer(text)
    return "" if value is None else str(value)


def _flag(text: str) -> str:
    return "1" if read_flag(text) else "0"


_UNSET = frozenset(("", UNSET_DOUBLE, UNSET_INTEGER, "1.7976931348623157e+308"))
_ZEROS = frozenset(("0", "0.0"))
_READERS: Mapping[Kind, tuple[Callable[[str], str], frozenset[str]]] = {
    Kind.TEXT: (str, frozenset(("",))),
    Kind.NUMBER: (_number, _UNSET),
    Kind.OFFSET: (_offset, _UNSET),
    Kind.INTEGER: (_integer, _UNSET | {"0"}),
    Kind.CODE: (_integer, _UNSET),
    Kind.FLAG: (_flag, frozenset(("", "0", "false", "False"))),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One field: its kind, and the text a gateway shows for one that was not given."""

    name: str
    kind: Kind = Kind.TEXT
    shown: str = ""


class Layout:
    """A run of fields in the order in which one message carries them."""

    __slots__ = ("_entries", "_places", "_shown", "names", "plain")

    def __init__(self, *parts: Part) -> None:
        self._entries = tuple(_entry(part) for part in parts)
        self._shown = [part.shown for part in parts]
        self.names = tuple(part.name for part in parts)
        self._places = {name: place for place, name in enumerate(self.names)}
        self.plain = "\0".join(part.shown for part in parts)

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, texts: Sequence[str], into: dict[str, str]) -> None:
        """Put what was given into a mapping; a default or unset field leaves no entry.

        Raises FieldError that names the field.
        """
        for (name, plain, reader), text in zip(self._entries, texts, strict=True):
            if text not in plain:
                try:
                    value = reader(text)
                except FieldError as error:
                    raise FieldError(f"{name}: {error}") from None
                if value not in plain:
                    into[name] = value

    def show(self, given: Mapping[str, str]) -> str:
        """Return the run as the gateway shows it, fields parted by NUL."""
        if not given:
            return self.plain
        shown, places = self._shown.copy(), self._places
        for name, text in given.items():
            place = places.get(name)
            if place is not None:
                shown[place] = text
        return "\0".join(shown)


def _entry(part: Part) -> tuple[str, frozenset[str], Callable[[str], str]]:
    reader, plain = _READERS[part.kind]
    if part.shown:
        plain |= {part.shown}
    if part.kind is Kind.NUMBER and part.shown in _ZEROS:
        plain |= _ZEROS
    return part.name, plain, reader


_TEXT, _NUMBER, _INTEGER, _FLAG = Kind.TEXT, Kind.NUMBER, Kind.INTEGER, Kind.FLAG
_PARTS = (
    Part("action"), Part("totalQuantity", _NUMBER), Part("orderType"),
    Part("lmtPrice", _NUMBER), Part("auxPrice", _NUMBER), Part("tif"),
    Part("ocaGroup"), Part("account"), Part("openClose"), Part("origin", _INTEGER, "0"),
    Part("orderRef"), Part("transmit", _FLAG), Part("parentId", _INTEGER, "0"),
    Part("blockOrder", _FLAG, "0"), Part("sweepToFill", _FLAG, "0"),
    Part("displaySize", _INTEGER, UNSET_INTEGER), Part("triggerMethod", _INTEGER, "0"),
    Part("outsideRth", _FLAG, "0"), Part("hidden", _FLAG, "0"),
    Part("sharesAllocation"), Part("discretionaryAmt", _NUMBER, "0"), Part("goodAfterTime"),
    Part("goodTillDate"), Part("faGroup"), Part("faMethod"), Part("faPercentage"),
    Part("faProfile"), Part("modelCode"), Part("shortSaleSlot", _INTEGER, "0"),
    Part("designatedLocation"), Part("exemptCode", Kind.CODE, "-1"),
    Part("ocaType", _INTEGER, "3"), Part("rule80A"), Part("settlingFirm"),
    Part("allOrNone", _FLAG, "0"), Part("minQty", _INTEGER), Part("percentOffset", _NUMBER),
    Part("eTradeOnly", _FLAG, "0"), Part("firmQuoteOnly", _FLAG, "0"),
    Part("nbboPriceCap", _NUMBER), Part("auctionStrategy", _INTEGER, "0"),
    Part("startingPrice", _NUMBER), Part("stockRefPrice", _NUMBER), Part("delta", _NUMBER),
    Part("stockRangeLower", _NUMBER), Part("stockRangeUpper", _NUMBER),
    Part("overridePercentageConstraints", _FLAG, "0"), Part("volatility", _NUMBER),
    Part("volatilityType", _INTEGER, "0"),
    # The gateway says None in words, and so the eight fields after it are always there.
    Part("deltaNeutralOrderType", _TEXT, "None"), Part("deltaNeutralAuxPrice", _NUMBER),
    Part("deltaNeutralConId", _INTEGER, "0"), Part("deltaNeutralSettlingFirm"),
    Part("deltaNeutralClearingAccount"), Part("deltaNeutralClearingIntent"),
    Part("deltaNeutralOpenClose", _TEXT, "?"), Part("deltaNeutralShortSale", _FLAG, "0"),
    Part("deltaNeutralShortSaleSlot", _INTEGER, "0"), Part("deltaNeutralDesignatedLocation"),
    Part("continuousUpdate", _FLAG, "0"), Part("referencePriceType", _INTEGER, "0"),
    Part("trailStopPrice", _NUMBER), Part("trailingPercent", _NUMBER),
    Part("basisPoints"), Part("basisPointsType"),
    Part("scaleInitLevelSize", _INTEGER, UNSET_INTEGER),
    Part("scaleSubsLevelSize", _INTEGER, UNSET_INTEGER), Part("scalePriceIncrement", _NUMBER),
    Part("scalePriceAdjustValue", _NUMBER), Part("scalePriceAdjustInterval", _INTEGER),
    Part("scaleProfitOffset", _NUMBER), Part("scaleAutoReset", _FLAG, "0"),
    Part("scaleInitPosition", _INTEGER), Part("scaleInitFillQty", _INTEGER),
    Part("scaleRandomPercent", _FLAG, "0"), Part("scaleTable"), Part("activeStartTime"),
    Part("activeStopTime"), Part("hedgeType"), Part("hedgeParam"),
    Part("optOutSmartRouting", _FLAG, "0"), Part("clearingAccount"),
    Part("clearingIntent", _TEXT, "IB"), Part("notHeld", _FLAG, "0"), Part("algoStrategy"),
    Part("algoId"), Part("whatIf", _FLAG, "0"), Part("orderMiscOptions"),
    Part("solicited", _FLAG, "0"), Part("randomizeSize", _FLAG, "0"),
    Part("randomizePrice", _FLAG, "0"), Part("referenceContractId", _INTEGER, "0"),
    Part("isPeggedChangeAmountDecrease", _FLAG, "0"), Part("peggedChangeAmount", _NUMBER, "0.0"),
    Part("referenceChangeAmount", _NUMBER, "0.0"), Part("referenceExchangeId"),
    Part("adjustedOrderType", _TEXT, "None"), Part("triggerPrice", _NUMBER, UNSET_DOUBLE),
    Part("lmtPriceOffset", _NUMBER, UNSET_DOUBLE),
    Part("adjustedStopPrice", _NUMBER, UNSET_DOUBLE),
    Part("adjustedStopLimitPrice", _NUMBER, UNSET_DOUBLE),
    Part("adjustedTrailingAmount", _NUMBER, UNSET_DOUBLE),
    Part("adjustableTrailingUnit", _INTEGER, "0"), Part("extOperator"),
    Part("softDollarTierName"), Part("softDollarTierValue"), Part("softDollarTierDisplayName"),
    Part("cashQty", _NUMBER, "0"), Part("mifid2DecisionMaker"), Part("mifid2DecisionAlgo"),
    Part("mifid2ExecutionTrader"), Part("mifid2ExecutionAlgo"),
    Part("dontUseAutoPriceForHedge", _FLAG, "0"), Part("isOmsContainer", _FLAG, "0"),
    Part("discretionaryUpToLimitPrice", _FLAG, "0"), Part("usePriceMgmtAlgo", _INTEGER, "0"),
    Part("duration", _INTEGER), Part("postToAts", _INTEGER), Part("autoCancelParent", _FLAG, "0"),
    Part("advancedErrorOverride"), Part("manualOrderTime"), Part("minTradeQty", _INTEGER),
    Part("minCompeteSize", _INTEGER), Part("competeAgainstBestOffset", Kind.OFFSET),
    Part("midOffsetAtWhole", _NUMBER), Part("midOffsetAtHalf", _NUMBER),
    Part("customerAccount"), Part("professionalCustomer", _FLAG, "0"),
    Part("includeOvernight", _FLAG, "0"), Part("manualOrderIndicator", Kind.CODE),
    Part("imbalanceOnly", _FLAG, "0"), Part("rfqText"), Part("rfqNumber", _INTEGER),
)  # fmt: skip
PARTS: Mapping[str, Part] = {part.name: part for part in _PARTS}


def layout(names: str) -> Layout:
    """Return the run of the fields that a text names, parted by white space."""
    return Layout(*[PARTS[name] for name in names.split()])


DELTA_NEUTRAL = (
    "deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount"
    " deltaNeutralClearingIntent deltaNeutralOpenClose deltaNeutralShortSale"
    " deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation"
)
SCALE = layout(
    "scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset"
    " scaleInitPosition scaleInitFillQty scaleRandomPercent"
)
BENCHMARK = layout(
    "referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount"
    " referenceExchangeId"
)
PEG_BENCHMARK_TYPES = ("PEG BENCH", "PEGBENCH")
PEG_BEST_TYPES = ("PEG BEST", "PEGBEST")
PEG_MID_TYPES = ("PEG MID", "PEGMID")
