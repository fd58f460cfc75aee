"""Run lengths ⇄ COCO's printable text (`rleToString` and `rleFrString` of pycocotools' maskApi.c).

From the fourth run on, a run is written as its difference to the run before the last. Each number becomes groups of
five bits, lowest first, as characters from "0" (48) on; a sixth bit says that more groups follow, and the highest bit
of the last group is the sign.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt8

from sam_model.errors import MaskError

FIRST, LAST, MORE, SIGN = 48, 111, 32, 16
LONGEST = 12
"""Groups that fit into 64 bits; a longer number is damage."""


def to_text(runs: Int64[np.ndarray, " total"], lengths: Int64[np.ndarray, " masks"]) -> list[str]:
    """Write the runs of several masks, which stand one after another.

    Args:
        runs: of all masks.
        lengths: how many of them belong to each mask.
    """
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(runs)) - np.repeat(starts, lengths)
    numbers = runs.copy()
    later = np.flatnonzero(place > 2)
    numbers[later] -= runs[later - 2]
    text, widths = _grouped(numbers)
    ends = np.cumsum(np.concatenate(([0], widths)))[np.concatenate((starts, [len(runs)]))]
    return [text[start:end] for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]


def from_text(text: str) -> Int64[np.ndarray, " runs"]:
    """Read the runs of one mask.

    Raises:
        MaskError: for a character that no encoder writes, and for text that breaks off inside a number.
    """
    # JSON can hold half of a pair of surrogates, which is no character; it is strange like any other.
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    strange = np.flatnonzero((codes < FIRST) | (codes > LAST))
    if strange.size:
        raise MaskError(f"run lengths hold {text[strange[0]]!r}, which is no character of COCO's compressed form")
    codes -= FIRST
    if not codes.size:
        return codes
    if codes[-1] & MORE:
        raise MaskError("run lengths break off inside a number")
    numbers = _ungrouped(codes)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def from_texts(
    text: bytes, letters: Int64[np.ndarray, " masks"]
) -> tuple[Int64[np.ndarray, " total"], Int64[np.ndarray, " masks"]]:
    """Read the runs of several masks: what `to_text` was given.

    Args:
        text: of all masks, one after another.
        letters: how many characters belong to each mask; a mask of none has no runs.

    Raises:
        MaskError: as `from_text` does.
    """
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - FIRST
    if ((codes < 0) | (codes > LAST - FIRST)).any():
        raise MaskError("run lengths hold a character that is none of COCO's compressed form")
    ends = np.cumsum(letters)
    if (codes[ends[letters > 0] - 1] & MORE).any():
        raise MaskError("run lengths break off inside a number")
    if not codes.size:
        return codes, np.zeros_like(letters)
    numbers, counted = _ungrouped(codes), np.concatenate(([0], np.cumsum(codes < MORE)))
    lengths = counted[ends] - counted[ends - letters]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    for parity in (0, 1):
        own = np.flatnonzero((place > 0) & (place % 2 == parity))
        sums = np.concatenate(([0], np.cumsum(numbers[own])))
        numbers[own] = sums[1:] - sums[np.searchsorted(owner[own], owner[own])]
    return numbers, lengths


def _grouped(numbers: Int64[np.ndarray, " numbers"]) -> tuple[str, Int64[np.ndarray, " numbers"]]:
    """All numbers as one text, and how many characters each has; most have one, so few go on to the next round."""
    widths = np.ones(len(numbers), np.int64)
    going, rest, rounds = np.arange(len(numbers)), numbers, []
    while going.size:
        group, rest = rest & (MORE - 1), rest >> 5
        more = rest != -(group // SIGN)
        rounds.append((going, (group + FIRST + MORE * more).astype(np.uint8)))
        longer = np.flatnonzero(more)
        going, rest = going[longer], rest[longer]
        widths[going] += 1
    starts = np.cumsum(widths) - widths
    text: UInt8[np.ndarray, " characters"] = np.empty(widths.sum(), np.uint8)
    for place, (own, characters) in enumerate(rounds):
        text[starts[own] + place if place else starts] = characters
    return text.tobytes().decode("ascii"), widths


def _ungrouped(codes: Int64[np.ndarray, " characters"]) -> Int64[np.ndarray, " numbers"]:
    ends = np.flatnonzero(codes < MORE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if place.max() >= LONGEST:
        raise MaskError("run lengths hold a number too large for any picture")
    numbers = np.add.reduceat((codes & (MORE - 1)) << (5 * place), starts)
    negative = (codes[ends] & SIGN) > 0
    return np.asarray(numbers - (negative.astype(np.int64) << (5 * (place[ends] + 1))))
