"""Which files of a folder are pictures, and which names would meet."""

from __future__ import annotations

import pytest

from pipelines.batch.pictures import check_names, find_pictures
from pipelines.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "deep/c.webp", "deep/er/d.png", "out/b.image.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_pictures_are_told_by_their_suffix_and_sorted(folder):
    assert find_pictures(folder, folder / "out") == ["a.JPG", "b.png"]


def test_a_recursive_search_leaves_out_the_results(folder):
    found = find_pictures(folder, folder / "out", recursive=True)
    assert found == ["a.JPG", "b.png", "deep/c.webp", "deep/er/d.png"]


def test_globs_choose_and_may_name_a_folder(folder):
    globs = ("*.txt", "er/*.png")
    assert find_pictures(folder, folder / "out", globs=globs, recursive=True) == ["deep/er/d.png", "notes.txt"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("none", {}, "none does not exist. Give the folder that holds the pictures."),
        ("b.png", {}, "b.png is a file, not a folder. Give the folder that holds the pictures."),
        ("empty", {}, "empty holds no pictures (.bmp, .gif,"),
        ("shallow", {}, ".webp). --recursive looks into its folders too."),
        (".", {"globs": ["*.gif", "*.bmp"], "recursive": True}, "holds no file like *.gif or *.bmp."),
        ("out", {}, "out holds the pictures themselves, and the results would be taken for more of them."),
    ],
)
def test_a_folder_without_pictures_says_what_would_work(folder, name, options, message):
    (folder / "empty").mkdir()
    (folder / "shallow" / "more").mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        find_pictures(folder / name, folder / "out", **options)
    assert message in str(caught.value)


def test_names_that_differ_by_their_suffix_only_are_all_told():
    with pytest.raises(UserError) as caught:
        check_names(["a.jpg", "a.png", "b.png", "c/a.png", "c/b.gif", "c/b.png"])
    assert str(caught.value).splitlines() == [
        "a.jpg and a.png would both write a.*",
        "c/b.gif and c/b.png would both write c/b.*",
        "Rename pictures, or choose some of them with --glob.",
    ]
