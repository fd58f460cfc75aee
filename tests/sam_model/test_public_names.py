"""What `import sam_model` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sam_model


def test_importing_the_package_imports_no_torch():
    code = "import sam_model, sys; sam_model.VIT_B; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_is_there():
    for name in sam_model.__all__:
        assert getattr(sam_model, name) is not None
    assert dir(sam_model) == sorted(sam_model.__all__)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'sam_model' has no attribute 'SamPredictor'"):
        _ = sam_model.SamPredictor
