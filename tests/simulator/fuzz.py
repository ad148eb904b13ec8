"""Frames that no sane client sends: valid ones with wounds, random fields, broken lengths.

Everything is drawn from one generator, so a seed names a run.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.unit.sim.support import contract, place_fields
from trader.sim.wire.frames import encode

NASTY = (
    "", "0", "-1", "1", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
    "99999999999999999999999999", "1.7976931348623157E308", "1.7976931348623157e+308", "1e309",
    "-1e309", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "1_000", "٣", "½", "1,5",
    "1e999999999", "1e-999999999", "true", "True", "FALSE", " ", "\t", "\n", "\r\n", "'; --",
    "<xml>", "A" * 1000, "é" * 300, "\ufffd", "\u202e", "20260101 25:61:61", "20260230-00:00:00",
    "00000000", "29991231 00:00:00 Mars/Olympus", "3 D", "0 S", "-5 Y", "1 secs", "BUY", "SELL",
    "MKT", "LMT", "STP", "TRAIL", "BAG", "OPT", "STK", "AAPL", "SMART", "DAY", "GTC", "IOC",
)  # fmt: skip
# From a bare heading to every documented request and some that do not exist.
MESSAGE_IDS = (*range(1, 26), *range(49, 65), *range(71, 110), 0, 255, 999, 65536)


def sane_requests(rng: random.Random, version: int) -> Sequence[Sequence[object]]:
    """Return requests as real clients write them."""
    number = rng.randrange(1, 5000)
    side = rng.choice(("BUY", "SELL"))
    kind = rng.choice(("MKT", "LMT", "STP", "STP LMT"))
    price = f"{rng.uniform(1, 400):.2f}"
    order = place_fields(
        number, version, action=side, kind=kind, limit=price, stop=price,
        quantity=rng.randrange(1, 300), tif=rng.choice(("DAY", "GTC", "IOC", "FOK", "")),
        ref=f"f{number}", transmit=rng.choice((0, 1, 1, 1)), what_if=rng.choice((0, 0, 0, 1)),
    )  # fmt: skip
    stock = contract(rng.choice(("AAPL", "IBM", "VIX", "NOPE")))
    return (
        order, order, order, [4, 1, number, ""], [58, 1], [5, 1], [16, 1], [15, 1, 1],
        [99, rng.choice((0, 1))], [7, 3, number, 0, "", "", "", "", "", ""],
        [9, 8, number, *stock, 0, "", "", ""], [1, 11, number, *stock, 0, "", 0, 0, ""],
        [2, 1, number], [50, 3, number, *stock, 5, "TRADES", 0, ""], [51, 1, number],
        [20, number, *stock, 0, "", "1 day", "5 D", 1, "TRADES", 1, 0, ""], [25, 1, number],
        [10, 5, number, *stock, 5, 0, ""], [97, number, *stock, "Last", 0, 0], [98, number],
        [6, 2, 1, ""], [61, 1], [62, 1, number, "All", "NetLiquidation,BuyingPower"],
        [63, 1, number], [76, 1, number, "", "", 0], [92, number, "", ""], [94, number, "", "", 1],
        [87, number, *stock, 0, 0, "TRADES", 1], [91, 26], [81, number, "AA"],
        [78, number, "AAPL", "", "STK", 265598], [59, 1, rng.randrange(0, 6)], [49, 1], [8, 1, 1],
        [96, number, *stock, 0, "", "", 10, "TRADES", 0, 0, ""], [105], [104, number],
    )  # fmt: skip


def wound(rng: random.Random, fields: list[object]) -> list[object]:
    """Return the request with one to three wounds."""
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(fields)) if fields else 0
        match rng.randrange(6):
            case 0 | 1 | 2 if fields:
                fields[place] = rng.choice(NASTY)
            case 3 if fields:
                del fields[place:]
            case 4:
                fields.insert(place, rng.choice(NASTY))
            case _:
                fields += [rng.choice(NASTY) for _ in range(rng.randrange(1, 40))]
    return fields


def random_frame(rng: random.Random, version: int) -> bytes:
    """Return one frame, mostly well framed, mostly with something wrong inside."""
    draw = rng.random()
    if draw < 0.35:
        return encode(*rng.choice(sane_requests(rng, version)))
    if draw < 0.80:
        return encode(*wound(rng, list(rng.choice(sane_requests(rng, version)))))
    if draw < 0.97:
        fields = [rng.choice(NASTY) for _ in range(rng.randrange(0, 30))]
        return encode(rng.choice(MESSAGE_IDS), *fields)
    return broken_frame(rng, version)


def broken_frame(rng: random.Random, version: int) -> bytes:
    """Return bytes that are no frame: a length or a payload is wrong."""
    frame = bytearray(encode(*rng.choice(sane_requests(rng, version))))
    match rng.randrange(4):
        case 0:
            frame[rng.randrange(4)] ^= 1 << rng.randrange(8)
        case 1:
            frame[rng.randrange(4, len(frame))] = rng.randrange(256)
        case 2:
            del frame[rng.randrange(len(frame)) :]
        case _:
            frame = bytearray(rng.randbytes(rng.randrange(1, 64)))
    return bytes(frame)


def chunks(rng: random.Random, data: bytes) -> list[bytes]:
    """Cut bytes anywhere, as a network does."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(3)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
