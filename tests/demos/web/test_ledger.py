"""Whose a stored file is."""

import pytest

from demos.web.ledger import Ledger, program

HASH = "0123456789abcdef" * 4


@pytest.fixture
def ledger(tmp_path, clock):
    return Ledger(tmp_path, keep_seconds=60, clock=clock)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / HASH / "dog.png"
    path.parent.mkdir()
    path.write_bytes(b"x")
    return path


def told(file):
    return f'data: {{"path": "{file}"}}'.encode()


def test_only_who_was_told_of_a_file_may_fetch_it(ledger, file):
    ledger.grant(told(file), "anna")
    assert ledger.may_fetch(str(file), "anna")
    assert not ledger.may_fetch(str(file), "bert")
    assert not ledger.may_fetch(str(file), None)


def test_a_file_that_nobody_was_told_of_is_nobodys(ledger, file):
    assert not ledger.may_fetch(str(file), "anna")


def test_what_was_there_from_the_start_is_everybodys(ledger, file):
    ledger.publish()
    assert ledger.may_fetch(str(file), None)
    ledger.grant(told(file), "anna")
    ledger.release("anna")
    assert file.exists()


def test_a_program_has_no_cookie_and_its_address_is_enough(ledger, file):
    ledger.grant(told(file), program("session"))
    assert ledger.may_fetch(str(file), None)


def test_nothing_outside_the_store_is_given(ledger, tmp_path):
    assert not ledger.may_fetch("/etc/passwd", "anna")
    assert not ledger.may_fetch(f"{tmp_path}/../{HASH}/x", "anna")
    assert not ledger.may_fetch("http://example.com/x.png", "anna")


def test_a_file_goes_with_the_last_who_holds_it(ledger, file):
    for holder in ("anna", "bert"):
        ledger.grant(told(file), holder)
    ledger.release("anna")
    assert file.exists()
    assert not ledger.may_fetch(str(file), "anna")
    ledger.release("bert")
    assert not file.exists()


def test_a_way_around_through_the_own_folder_leads_nowhere(ledger, file):
    mine = file.parents[1] / ("ab" * 32) / "cat.png"
    ledger.grant(told(mine), "anna")
    assert not ledger.may_fetch(f"{mine.parent}/../{HASH}/dog.png", "anna")
    assert ledger.may_fetch(f"{file.parent}/../{mine.parent.name}/cat.png", "anna")


def is_kept(ledger, file, clock, now):
    """Whether a file is still there after a sweep at that time."""
    clock.now = now
    ledger.sweep()
    return file.exists()


@pytest.mark.parametrize("using", ["may_fetch", "use"])
def test_what_is_used_is_kept(ledger, file, clock, using):
    ledger.grant(told(file), "anna")
    clock.now = 50
    ledger.may_fetch(str(file), "anna") if using == "may_fetch" else ledger.use(str(file))
    assert [is_kept(ledger, file, clock, now) for now in (100, 111)] == [True, False]


def test_what_others_ask_for_in_vain_is_not_used(ledger, file, clock):
    ledger.grant(told(file), "anna")
    clock.now = 50
    assert not ledger.may_fetch(str(file), "bert")
    clock.now = 61
    ledger.sweep()
    assert not file.exists()


def test_what_nobody_was_told_of_goes_too(ledger, file, clock):
    (stray := file.parents[1] / "tmp1").touch()
    ledger.sweep()
    assert [is_kept(ledger, file, clock, now) for now in (60, 61)] == [True, False]
    assert not stray.exists()


def test_examples_are_never_swept(ledger, file, clock):
    ledger.publish()
    ledger.sweep()
    ledger.use(str(file))
    clock.now = 1000
    ledger.sweep()
    assert file.exists()


def test_files_go_by_age(ledger, file, clock):
    ledger.grant(told(file), program("session"))
    clock.now = 61
    ledger.sweep()
    assert not file.exists()
