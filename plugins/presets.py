"""The one table of presets: which weights stand behind `bundled`, `base` and `large` in each family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pipelines.errors import ModelError
from pipelines.families import ModelFamily, find_family

BUNDLED = "bundled"
PRESETS = (BUNDLED, "base", "large")


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint on the Hugging Face hub. `download_bytes`: its full-precision safetensors files, rounded."""

    hub_id: str
    download_bytes: int


# family → preset → checkpoint. `bundled` comes with the package and has no line.
CHECKPOINTS: Mapping[str, Mapping[str, Published]] = {
    # OpenAI's own ViT-B/32 and ViT-L/14@336 lie on the hub as pickles only.
    "clip": {
        "base": Published("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 1_210_000_000),
        "large": Published("openai/clip-vit-large-patch14", 1_710_000_000),
    },
    "grounding_dino": {
        "base": Published("IDEA-Research/grounding-dino-tiny", 690_000_000),
        "large": Published("IDEA-Research/grounding-dino-base", 930_000_000),
    },
    "sam": {
        "base": Published("facebook/sam-vit-base", 375_000_000),
        "large": Published("facebook/sam-vit-huge", 2_560_000_000),
    },
    "stable_diffusion": {
        "base": Published("stable-diffusion-v1-5/stable-diffusion-inpainting", 5_500_000_000),
        "large": Published("diffusers/stable-diffusion-xl-1.0-inpainting-0.1", 13_900_000_000),
    },
    # The published weights lie on no hub.
    "vitdet": {},
}


@dataclass(frozen=True, slots=True)
class PresetRow:
    """One line of `samloom models`. `size_bytes` is what lies on disk, or else what would be downloaded."""

    preset: str
    family: str
    location: str
    on_disk: bool
    size_bytes: int | None


def preset_rows(families: Mapping[str, ModelFamily] | None = None) -> Iterator[PresetRow]:
    """What each preset needs and what of it is on disk, found without the network and without loading a model."""
    for preset in PRESETS:
        for family, published in CHECKPOINTS.items():
            if preset == BUNDLED or preset in published:
                yield _row(preset, find_family(family, families))


def bundled_directory(family: str) -> Path:
    """Where the weights that come with the package lie; they may be missing in a source checkout without them."""
    return Path(str(files("plugins"))) / "bundled" / family


def location_of(preset: str, family: str) -> Path | str:
    """The bundled directory or the hub id that `preset` names in `family`."""
    return bundled_directory(family) if preset == BUNDLED else CHECKPOINTS[family][preset].hub_id


def _row(preset: str, family: ModelFamily) -> PresetRow:
    location = str(location_of(preset, family.name))
    try:
        source = family.resolve(preset, offline=True)
    except ModelError:
        size = None if preset == BUNDLED else CHECKPOINTS[family.name][preset].download_bytes
        return PresetRow(preset, family.name, location, on_disk=False, size_bytes=size)
    return PresetRow(preset, family.name, location, on_disk=True, size_bytes=source.size_bytes)
