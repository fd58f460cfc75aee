"""Checking a file imports the nodes that it names: that must not cost what running them costs."""

import subprocess
import sys

import pytest

MODULES = [f"pipelines.nodes.{name}" for name in ("image", "detections", "masks", "draw", "export")]


@pytest.mark.parametrize("module", [*MODULES, "plugins.instructions.nodes"])
def test_importing_a_node_imports_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{'supervision', 'cv2', 'torch', 'matplotlib'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
