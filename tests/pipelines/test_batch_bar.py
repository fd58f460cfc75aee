"""The bar of a folder, as a terminal shows it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipelines.batch.bar import FolderBar
from pipelines.batch.folder import Tally
from pipelines.batch.journal import Record
from pipelines.events import ModelLoaded, ModelLoading

FAILURE = Record("b.png", "key", "failed", error="is empty.")


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_it_counts_what_is_done_failed_and_left_on_a_terminal_only(terminal, shown):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with FolderBar("segment", console) as bar:
        bar.show(Tally(9, done=3, unchanged=2, failures=[FAILURE]))
    text = console.file.getvalue()
    assert ("5 done, 1 failed, 3 left" in text) == shown
    assert ("segment" in text) == shown


def test_it_says_what_is_being_loaded_until_it_is():
    last = []
    for events in ([], [ModelLoaded("sam", "bundled", "cpu", 1.0)]):
        console = Console(file=io.StringIO(), force_terminal=True, width=120)
        with FolderBar("segment", console) as bar:
            for event in (ModelLoading("sam", "bundled", "cpu"), *events):
                bar(event)
        last.append(console.file.getvalue().rpartition("segment")[2])
    assert ["loading sam bundled" in text for text in last] == [True, False]
