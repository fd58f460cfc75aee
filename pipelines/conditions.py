"""The conditions under which a step runs: a fixed list of comparisons, checked before the run.

| in a file                          | runs when the value is                    | on                          |
|------------------------------------|-------------------------------------------|-----------------------------|
| `{value: "${x}", equals: fast}`    | equal                                     | text, numbers, flags        |
| `{value: "${x}", differs: fast}`   | not equal                                 | text, numbers, flags        |
| `{value: "${x}", one_of: [a, b]}`  | equal to one of these                     | text, numbers, flags        |
| `{value: "${x}", above: 0}`        | greater                                   | numbers                     |
| `{value: "${x}", at_least: 1}`     | greater or equal                          | numbers                     |
| `{value: "${x}", below: 0.5}`      | less                                      | numbers                     |
| `{value: "${x}", at_most: 0.5}`    | less or equal                             | numbers                     |
| `{value: "${x}", empty: false}`    | something: detections were found, text    | detections, text, lists     |
|                                    | stands there (`empty: true`: nothing)     | and whatever may be nothing |

What is compared with is a constant, not a reference; a text that begins with `${` is written `$${`. A number that may
be nothing can be compared too: nothing is neither above nor below any number, so the step is skipped.
"""

from __future__ import annotations

from pipelines.errors import PortError
from pipelines.graph import When
from pipelines.ports import PortType, constant
from pipelines.values import Detections

NUMBER_COMPARISONS = ("above", "at_least", "below", "at_most")


def condition_problem(when: When, given: PortType) -> str:
    """Why a condition cannot be asked of a value of the type `given`; "" if it can."""
    given = given.single()  # along an axis, a condition is asked key by key
    if when.op == "empty":
        return _empty_problem(when, given)
    if given.is_model or given.base not in (str, bool, int, float):
        works = "'empty' works." if _can_be_empty(given) else "Only text, numbers and flags can be compared."
        return f"'{when.op}' cannot compare {given}, which '{when.ref}' gives. {works}"
    if when.op in NUMBER_COMPARISONS and given.base not in (int, float):
        return f"'{when.op}' compares numbers, but '{when.ref}' gives {given}. 'equals' or 'one_of' work."
    return _limit_problem(when, given)


def _empty_problem(when: When, given: PortType) -> str:
    if not isinstance(when.value, bool):
        return "'empty' is true or false."
    return "" if _can_be_empty(given) else f"{given}, which '{when.ref}' gives, is never empty."


def _limit_problem(when: When, given: PortType) -> str:
    if when.op == "one_of" and not isinstance(when.value, (list, tuple)):
        return "'one_of' takes a list."
    limits = when.value if when.op == "one_of" else [when.value]
    # A whole number may well be compared with 0.5.
    wanted = PortType(float) if when.op in NUMBER_COMPARISONS else given
    for limit in limits:
        try:
            constant(wanted, limit)
        except PortError as error:
            return f"'{when.op}' {error}"
    return ""


def _can_be_empty(given: PortType) -> bool:
    return given.optional or given.base in (Detections, str, tuple)
