"""A whole folder: what has been done is looked up, the rest is done, and each result is written down as it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.batch.journal import Journal, Record
from pipelines.batch.threads import Task

Engine = Callable[[Iterator[Task]], Iterator[Record]]
"""Does tasks, in any order, and gives what came of each."""


@dataclass
class Tally:
    """How far a folder is. `unchanged` counts what the journal knew already, done or failed."""

    total: int
    done: int = 0
    unchanged: int = 0
    failures: list[Record] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.total - self.done - self.unchanged - len(self.failures)

    def count(self, record: Record, *, is_new: bool) -> None:
        """Take in what came of one picture; a failure counts as one, old or new."""
        if record.status == "failed":
            self.failures.append(record)
        elif is_new:
            self.done += 1
        else:
            self.unchanged += 1


def run_folder(
    names: Sequence[str],
    journal: Journal,
    engine: Engine,
    tally: Tally,
    *,
    stop: threading.Event,
    show: Callable[[Tally], None],
) -> None:
    """Do every picture that the journal does not have as it is now; `tally` counts them, `show` gets it after each.

    Setting `stop` lets nothing new begin; what is under way is ended and written down. Raises what an engine raises.
    """
    show(tally)
    for record in engine(_until(stop, names, journal)):
        is_new = journal.records.get(record.picture) != record
        if is_new:
            journal.add(record)
        tally.count(record, is_new=is_new)
        show(tally)


def _until(stop: threading.Event, names: Sequence[str], journal: Journal) -> Iterator[Task]:
    for name in names:
        if stop.is_set():
            return
        yield name, journal.records.get(name)
