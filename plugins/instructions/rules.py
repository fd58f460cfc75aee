"""The shapes of a clause that are understood: verbs, and what goes with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from plugins.instructions import words

Action = Literal["replace", "remove", "add", "recolour", "background"]
FLAGS = re.IGNORECASE | re.DOTALL

EXAMPLES: dict[Action, str] = {
    "replace": "'replace the dog with a cat'",
    "remove": "'remove the dog'",
    "add": "'add a hat to the dog'",
    "recolour": "'make the car red'",
    "background": "'change the background to a beach'",
}

_TARGET = rf"(?P<target>\S.*?){words.DANGLING}"
_ONE_WORD = rf"(?P<target>(?:{words.DETERMINER}\s+)*\S+)"
_NEW = r"(?P<new>\S.*)"
_NEW_FIRST = rf"(?P<new>\S.*?){words.DANGLING}"
# "an orange" is a fruit and "a bright orange" a colour.
_COLOUR = rf"(?:in\s+|an?\s+(?={words.SHADE}))?(?P<new>{words.COLOUR})(?:\s+colou?r)?"
_TO_COLOUR = rf"(?:(?:in)?to\s+)?{_COLOUR}"
_CHANGE = r"change|turn|transform|convert|morph"
_REMOVE = (
    r"remove|erase|delete|eliminate|discard|hide|clear|drop|get\s+rid\s+of|take\s+(?:out|away|off)|"
    r"(?:cut|edit|wipe|crop|rub)\s+out|wipe(?:\s+away)?"
)


@dataclass(frozen=True)
class Rule:
    """A verb and what follows it: the group `target` and, where something comes in its place or to it, `new`."""

    action: Action
    verb: str
    shape: str
    starts: re.Pattern[str] = field(init=False, repr=False)
    body: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", re.compile(rf"(?:{self.verb})\b\s*", FLAGS))
        object.__setattr__(self, "body", re.compile(self.shape, FLAGS))


def _exchange(verb: str, separator: str) -> tuple[Rule, Rule]:
    """The new thing tends to be "a …", what is in the picture already "the …".

    "Replace the girl with the red hat with a boy" therefore parts before "a boy"; the first separator comes second.
    """
    known = rf"{_TARGET}\s+{separator}\s+"
    return (
        Rule("replace", verb, rf"{known}(?!{words.DEFINITE}\b){_NEW}"),
        Rule("replace", verb, known + _NEW),
    )


RULES = (
    Rule("recolour", r"change|turn|set|make|paint", rf"the\s+colou?r\s+of\s+{_TARGET}\s+{_TO_COLOUR}"),
    Rule("recolour", r"change|turn|set|make|paint", rf"{_TARGET}['\u2019]s?\s+colou?r\s+{_TO_COLOUR}"),
    Rule("recolour", rf"{_CHANGE}|make|paint|(?:re)?colou?r|dye|tint", rf"{_TARGET}\s+{_TO_COLOUR}"),
    Rule("remove", r"make", rf"{_TARGET}\s+(?:disappear|vanish|go\s+away|invisible)"),
    Rule("remove", r"take|edit|cut|wipe", rf"{_TARGET}\s+(?:out|away|off)"),
    Rule("remove", r"replace", rf"{_TARGET}\s+(?:with|by)\s+nothing"),
    *_exchange(r"replace|substitute", r"(?:with|by)"),
    *_exchange(r"(?:swap|exchange|switch|trade)(?:\s+out)?", r"(?:for|with|by|to)"),
    *_exchange(rf"{_CHANGE}|make|set", r"(?:into|to|for)"),
    Rule("replace", r"substitute", rf"{_NEW_FIRST}\s+(?:for|in\s+place\s+of)\s+{_TARGET}"),
    Rule(
        "replace",
        r"put|place|use|draw|paint|show|insert|i\s+want|i['\u2019]d\s+like",
        rf"{_NEW_FIRST}\s+(?:instead\s+of|in\s+place\s+of)\s+{_TARGET}",
    ),
    Rule("replace", r"make", rf"{_ONE_WORD}\s+(?P<new>an?\s+\S.*)"),
    Rule("add", r"add|put|place|draw|insert", rf"{_NEW_FIRST}\s+{words.PLACE}\s+{_TARGET}"),
    Rule("add", r"give", rf"{_TARGET}\s+(?P<new>(?:an?|some)\s+\S.*)"),
    Rule("add", r"make", rf"{_TARGET}\s+wear\s+(?P<new>\S.*)"),
    Rule("remove", _REMOVE, rf"{_TARGET}(?:\s+(?:out|away))?"),
)
VERB = "|".join(dict.fromkeys(rule.verb for rule in RULES))
