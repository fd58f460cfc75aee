"""The small vocabularies of the grammar."""

from __future__ import annotations

from typing import Final

from pipelines.plans import Attribute, Order, Position, Relation, Side
from plugins.instructions.tokens import Table


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DEFINITE: Final = _words("the this that these those my your his her our their its both all every each")
QUANTIFIERS: Final = frozenset({"all", "every", "each", "both"})
DETERMINERS: Final = DEFINITE | {"a", "an", "some", "another"}
ARTICLES: Final = frozenset({"a", "an", "some"})
QUOTES: Final = frozenset("\"'‘’“”")
MARKS: Final = frozenset(",.;:!?…-–—()") | QUOTES
# A name does not end in one of these: "give the dog with | a collar a hat" parts too early.
LINKS: Final = _words("with of in on to into for and by wearing holding from at near behind") | DETERMINERS

# Courtesies and joints.
POLITE_START = Table.of(
    [*_words("please pls plz kindly hi hello hey now then first firstly just ok okay next finally lastly also")]
    + [f"{verb} {who}" for verb in ("can", "could", "would", "will") for who in ("you", "we")]
    + [f"{who} {wish}to" for who in ("i want", "i need", "i would like", "i'd like") for wish in ("", "you ")]
    + ["let's", "let us"]
)
POLITE_END = Table.of(
    [
        "please",
        "pls",
        "thanks",
        "thx",
        "thank you",
        "a lot",
        "so much",
        "for me",
        "now",
        "instead",
        "first",
        "too",
        "as well",
    ]
)
JOINTS: Final = _words("and then also plus but while & , ; . : ! ?")
LIST_JOINTS = Table.of(["and", "&", ",", "as well as", "together with", "along with", "plus", ". also", "; also"])
ENDS: Final = frozenset({".", ";", "!", "?", ":"})
NEGATIONS: Final = _words("not never except without")
PICTURE = Table.of(
    f"{link} {which} {name}"
    for link in ("from", "into", "in", "of", "on", "to", "within")
    for which in ("the", "this", "that", "my")
    for name in ("picture", "photo", "photograph", "image", "scene", "shot", "frame")
)

# Which one.
SIDES: Final[dict[str, Side]] = {
    "left": "left", "left-hand": "left", "right": "right", "right-hand": "right", "top": "top", "upper": "top",
    "bottom": "bottom", "lower": "bottom",
}  # fmt: skip
MIDDLES: Final = frozenset({"middle", "center", "centre"})
CORNERS: Final[dict[tuple[str, str], Position]] = {
    ("top", "left"): "top left", ("top", "right"): "top right",
    ("bottom", "left"): "bottom left", ("bottom", "right"): "bottom right",
}  # fmt: skip
ORDERS: Table[Order] = Table(
    {
        **SIDES,
        **{f"{side}{most}": side for side in ("left", "right", "top", "bottom") for most in ("most", "-most", " most")},
        **{f"far{gap}{side}": side for side in ("left", "right") for gap in (" ", "-")},
        "uppermost": "top", "lowermost": "bottom", "lowest": "bottom", "highest": "top",
        "middle": "middle", "central": "middle",
        "largest": "largest", "biggest": "largest", "bigger": "largest", "larger": "largest",
        "smallest": "smallest", "tiniest": "smallest", "littlest": "smallest", "smaller": "smallest",
    }
)  # fmt: skip
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_SUFFIXES: Final = {1: "st", 2: "nd", 3: "rd"}
ORDINALS: Final[dict[str, int]] = {word: place for place, word in enumerate(_ORDINALS, start=1)} | {
    f"{place}{_SUFFIXES.get(place, 'th')}": place for place in range(1, 21)
}
NUMBERS: Final[dict[str, int]] = {
    word: number
    for number, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
} | {str(number): number for number in range(1, 21)}
LAST: Table[int] = Table(
    {
        "last": 1,
        **{
            f"{ordinal}{gap}last": place
            for ordinal, place in (("second", 2), ("third", 3))
            for gap in (" ", " to ", "-to-")
        },
    }
)
ALL = Table.of(["all", "every", "every single", "each", "both"])
SUPERLATIVES: Final = _words(
    "nearest closest farthest furthest oldest youngest newest tallest shortest longest widest fattest thinnest darkest "
    "brightest lightest fastest cutest nicest prettiest ugliest happiest saddest"
)
RELATIONS: Table[Relation] = Table(
    {
        **dict.fromkeys(("next to", "close to", "beside", "near"), "near"),
        **dict.fromkeys(("behind", "in front of", "on top of", "inside"), "near"),
        **{f"{link}{side} of": side for side in ("left", "right") for link in ("", "to the ", "on the ")},
        **dict.fromkeys(("above", "over"), "above"),
        **dict.fromkeys(("below", "under", "underneath", "beneath"), "below"),
    }
)  # fmt: skip
# These join parts of a name as well ("cat on a mat"): with "the" behind them they say where.
DEFINITE_RELATIONS: Final = frozenset({"on", "in", "from", "by", "at"})
PLURALS: Final = _words("people children men women feet teeth geese mice")
PRONOUNS: Final = _words(
    "it them him one ones thing things something anything everything nothing everyone everybody someone anyone others"
)
# Whose shadow is meant stands right before: "the dog and its shadow", "the girls with their shadows".
OWNERS: Final = _words("its his her their")
SHADOWS: Final = _words("shadow shadows")
# No box holds these.
DEPTHS: Final = frozenset({"background", "foreground", "distance", "corner", "front", "back"})

# Where new things go.
PLACES: Table[Position] = Table(
    {
        **dict.fromkeys(("on", "onto", "on top of", "to"), "on"),
        **dict.fromkeys(("in", "into", "inside"), "in"),
        **dict.fromkeys(("next to", "beside", "near", "by", "close to"), "beside"),
        "behind": "behind", "in front of": "in front",
        **dict.fromkeys(("above", "over"), "above"),
        **dict.fromkeys(("under", "below", "beneath", "underneath"), "below"),
        **{f"{link}{side} of": side for side in ("left", "right") for link in ("", "to the ", "on the ")},
    }
)  # fmt: skip
PICTURE_SIDES: Final[dict[str, Position]] = {"left": "left", "right": "right", "top": "top", "bottom": "bottom"}
INSTEAD = Table.of(["instead of", "in place of"])

# What things can be made.
SHADES: Final = _words(
    "bright dark light pale deep neon pastel metallic matte matt glossy hot shiny sky royal baby forest navy plain"
)
COLOURS: Final = _words(
    "red green blue yellow orange purple violet pink brown black white grey gray golden gold silver turquoise teal "
    "cyan magenta beige maroon crimson scarlet navy lime olive ivory lilac lavender indigo bronze rainbow"
)
MATERIALS: Final = _words(
    "wooden wood metal plastic stone brick marble leather glass paper concrete steel iron copper ceramic clay ice "
    "rusty knitted woollen woolen silk velvet denim fur straw bamboo porcelain crystal"
)
PATTERNS: Final = _words("striped spotted dotted polka-dot checkered chequered checked plaid floral tartan")
ATTRIBUTES: Final[dict[str, Attribute]] = {
    "colour": "colour", "color": "colour", "material": "material", "pattern": "pattern",
}  # fmt: skip
SIZES: Final = _words(
    "smaller bigger larger taller shorter wider thinner longer thicker huge tiny big small large tall"
)
MEASURES: Final = _words("twice as half much bit slightly even very three four times more far")
# Names in which a colour is no colour, and a light no light shade.
COMPOUNDS: Final = frozenset(
    {
        "top hat", "red panda", "red wine", "red carpet", "red cross", "red light", "orange juice", "orange tree",
        "orange peel", "green tea", "green beans", "green light", "white wine", "white board", "black board",
        "black hole", "black bear", "brown bear", "brown bread", "brown rice", "blue cheese", "blue jay", "blue whale",
        "gold medal", "silver medal", "bronze medal", "gold fish", "olive oil", "olive tree", "lime tree", "lime juice",
    }
)  # fmt: skip
# "The red light green": a light turns green, nothing turns light green.
LIGHTS: Final = COLOURS | _words("traffic street stop tail brake head warning christmas")
BACKGROUNDS: Final = frozenset(
    f"{size}{word}" for size in ("", "entire ", "whole ") for word in ("background", "backdrop")
)
