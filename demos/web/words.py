"""What goes wrong, in words for whoever stands before the page."""

from __future__ import annotations

import logging

from pipelines.errors import Cancelled, RunError, SamloomError, UserError

_log = logging.getLogger(__name__)


def told(error: BaseException) -> str:
    """What an error says to a visitor; what is no mistake of theirs is logged, and told without its innards."""
    match error:
        case Cancelled():
            return "Stopped. Everything is as it was before."
        case RunError(cause=UserError() as cause):
            return str(cause)
        case UserError():
            return str(error)
        case RunError():
            _log.error("a run from the page failed", exc_info=error)
            return f"The step '{error.node}' failed: {type(error.cause).__name__}. The server's log has the details."
        case SamloomError():
            _log.error("a run from the page failed", exc_info=error)
            return str(error)
    _log.error("the page failed", exc_info=error)
    return "Something went wrong here, which is not your fault. The server's log has the details."


def headline(message: str) -> str:
    """The first sentence's line of what `told` gives; the lines after it point at words."""
    return message.partition("\n")[0]


def listed(names: list[str]) -> str:
    """ "dog", "dog and cat", "dog, cat and bus"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(number: int, one: str) -> str:
    """ "1 mask", "3 masks"."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def several(number: int, name: str) -> str:
    """ "1 bus", "bus (2)": of a visitor's own word nobody knows the plural."""
    return f"1 {name}" if number == 1 else f"{name} ({number:,})"
