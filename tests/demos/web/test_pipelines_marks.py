"""Mistakes as the editor shows them."""

import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

from demos.web.bench.checked import NAME
from demos.web.bench.editor import marks
from pipelines.errors import Problem


def test_a_mistake_stands_at_its_place():
    (mark,) = marks([Problem("is no number.", ("nodes", "cut", "boxes"), NAME, 7, 3)])
    assert mark == {"line": 7, "column": 3, "path": "cut › boxes", "message": "is no number."}


def test_a_mistake_of_another_file_marks_no_line_of_this_one():
    (mark,) = marks([Problem("is no node.", ("nodes", "cut"), "pipeline/segment", 7, 3)])
    assert mark == {"line": 1, "column": 1, "path": "pipeline/segment, line 7 › cut", "message": "is no node."}
