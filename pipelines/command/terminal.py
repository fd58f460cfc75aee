"""What the command says: results on standard output, mistakes as one line on standard error, and the exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from pipelines.errors import Cancelled, RunError, SamloomError, UserError

if TYPE_CHECKING:
    import typer

DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130


def say(text: str) -> None:
    """Print a result, undecorated, so that it can be piped."""
    print(text)  # noqa: T201


def complain(text: str) -> None:
    """Print one line about what went wrong on standard error."""
    print(f"samloom: {text}", file=sys.stderr)  # noqa: T201


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header: drawn on a terminal, tab-separated into a pipe."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            say("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def exit_code(app: typer.Typer, arguments: list[str]) -> int:
    """Run one command line and say what its process should end with."""
    from typer.main import get_command

    _route_warnings()
    command = get_command(app)
    for step in ("make_context", "invoke"):
        setattr(command, step, _carried(getattr(command, step)))
    try:
        result = command.main(arguments, prog_name="samloom", standalone_mode=False)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - `_told` raises again what it does not know
        ended = error.reason if isinstance(error, _Ended) else error
        if isinstance(ended, BrokenPipeError):
            # The reader of our output has left, as `head` does; Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        code, text = _told(ended)
        complain(text)
        return code
    return result if isinstance(result, int) else DONE


class _Ended(Exception):  # noqa: N818 - not always an error
    """Carries what ended a command past the command-line parser, which would make an exit without a word of it."""

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason


def _carried(step: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(step)
    def carried(*arguments: Any, **options: Any) -> Any:
        try:
            return step(*arguments, **options)
        except (BrokenPipeError, KeyboardInterrupt) as error:
            raise _Ended(error) from error

    return carried


def _told(error: BaseException) -> tuple[int, str]:
    """Exit code and line for what ended a command; a defect of ours is raised again, to keep its traceback."""
    match error:
        case Cancelled() | KeyboardInterrupt():
            # Not "nothing was written": nodes may have written files of their own by then.
            return INTERRUPTED, "stopped; the outputs were not written." if isinstance(error, Cancelled) else "stopped."
        case RunError(cause=UserError() as cause):
            # What fails inside a node may still be the user's to put right: a missing checkpoint, words not understood.
            return MISTAKE, f"{error.node}: {cause}"
        case UserError():
            return MISTAKE, str(error)
        case SamloomError():
            return FAILED, str(error)
        case OSError(filename=str() | bytes() as file, strerror=str(reason)):
            # Whatever cannot be looked at, such as a name too long or a folder of somebody else's.
            return MISTAKE, f"{os.fsdecode(file)}: {reason}. Check the path."
    # The command-line parser's own errors: typer keeps their classes to itself.
    if (format_message := getattr(error, "format_message", None)) is None:
        raise error
    return MISTAKE, format_message()


def _route_warnings() -> None:
    """Warnings of samloom itself become one plain line; those of libraries are not the user's business."""
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.ERROR, format="samloom: %(message)s")
    for room in ("pipelines", "plugins", "sam_model"):
        logging.getLogger(room).setLevel(logging.WARNING)
