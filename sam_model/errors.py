"""Everything that `sam_model` raises on purpose.

SamModelError
├── ConfigError            a network that cannot be built
├── CheckpointError        weights that cannot be used
│   ├── CheckpointNotFoundError    no such file or directory, or no weights in it
│   ├── UnreadableCheckpointError  damaged, of an unknown format, or a pickle that would run code
│   └── CheckpointMismatchError    readable, but not the weights of this network
├── DatasetError           pictures and masks to learn from that are missing or make no sense
├── DivergedError          a training whose loss is no number any more
├── ImageError             a picture that is not (height, width, 3) uint8
├── MaskError              masks or run lengths that describe no mask
├── PromptError            points, boxes or mask hints that make no sense for the picture
├── RecordError            a file of masks that cannot be read or written
├── ExportError            a network that cannot be written in another format
└── SettingsError          settings out of their range
"""

from __future__ import annotations


class SamModelError(Exception):
    """The root: catch this to catch them all. Every message is one clear line."""


class ConfigError(SamModelError):
    """The configuration describes no network."""


class CheckpointError(SamModelError):
    """The weights cannot be used."""


class CheckpointNotFoundError(CheckpointError):
    """There is nothing to load at the given path."""


class UnreadableCheckpointError(CheckpointError):
    """The file is damaged, of an unknown format, or would execute code when unpickled."""


class CheckpointMismatchError(CheckpointError):
    """The file can be read, but its tensors or its configuration belong to another network."""


class DatasetError(SamModelError):
    """Pictures and masks to learn from are missing, or make no sense."""


class DivergedError(SamModelError):
    """A training's loss is no number any more: nothing more can be learnt."""


class ImageError(SamModelError):
    """The picture is not an RGB array of bytes."""


class PromptError(SamModelError):
    """A prompt has the wrong shape, labels or coordinates."""


class MaskError(SamModelError):
    """Masks have the wrong shape or type, or run lengths do not fill their size."""


class RecordError(SamModelError):
    """A file of masks (SA-1B) cannot be read or written."""


class SettingsError(SamModelError):
    """A setting lies outside the range in which it makes sense."""


class ExportError(SamModelError):
    """The network cannot be written in another format."""
