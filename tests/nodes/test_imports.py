"""Checking a file imports the nodes that it names: that must not cost what running them costs."""

import subprocess
import sys

MODULES = (
    "pipelines.nodes.image",
    "pipelines.nodes.detections",
    "pipelines.nodes.masks",
    "pipelines.nodes.draw",
    "pipelines.nodes.export",
    "pipelines.nodes.tiles",
    "plugins.instructions.nodes",
)


def test_importing_the_nodes_imports_no_heavy_library() -> None:
    code = (
        f"import sys, {', '.join(MODULES)}; print(*{{'supervision', 'cv2', 'torch', 'matplotlib'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
