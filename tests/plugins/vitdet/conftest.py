"""A tiny ViTDet whose weights anyone can make again, and what the reference implementation says about it."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

# Too large for the repository: a folder `goldens` in any folder beside the checkout.
GOLDENS = next(Path(__file__).parents[4].glob("*/goldens"), Path("goldens"))


def tiny_config(*, cascade: bool):
    from plugins.vitdet.config import VitDetConfig

    return VitDetConfig(
        image_size=256, encoder_width=96, encoder_depth=4, encoder_heads=3, global_blocks=(1, 3), cascade=cascade
    )


def by_rule(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weight of a name: seeded by the name, scaled so that activations keep their size."""
    drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith(".bias"):
        return np.float32(0.05) * drawn
    if not name.endswith(".weight"):
        return np.float32(0.02) * drawn
    return 1 + np.float32(0.1) * drawn if drawn.ndim == 1 else drawn / np.float32(np.sqrt(np.prod(shape[1:])))


def build(config):
    import torch

    from plugins.vitdet.modeling import VitDet

    network = VitDet(config).eval()
    weights = {name: torch.from_numpy(by_rule(name, value.shape)) for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    return network


@pytest.fixture(scope="session", params=[False, True], ids=["mask_rcnn", "cascade"])
def cascade(request) -> bool:
    return request.param


@pytest.fixture(scope="session")
def network(cascade):
    """The network of the reference values."""
    return build(tiny_config(cascade=cascade))


@pytest.fixture(scope="session")
def narrow(cascade):
    """A network of few channels, quick to save and to ask."""
    return build(replace(tiny_config(cascade=cascade), width=16, box_width=32))


@pytest.fixture(scope="session")
def mask_rcnn():
    return build(replace(tiny_config(cascade=False), width=16, box_width=32))


@pytest.fixture(scope="session")
def golden():
    """Reads a file of reference values, or skips the test where they are absent."""

    def read(name: str) -> Path:
        if not (GOLDENS / name).is_file():
            pytest.skip(f"the reference values {name} are not on this machine")
        return GOLDENS / name

    return read
