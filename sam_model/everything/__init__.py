"""Everything mode: all masks of a picture, without a prompt from anybody."""

from sam_model.everything.result import Everything
from sam_model.everything.search import segment_everything
from sam_model.everything.settings import CODE_DEFAULTS, PROFILES, SA_1B, EverythingSettings

__all__ = ["CODE_DEFAULTS", "PROFILES", "SA_1B", "Everything", "EverythingSettings", "segment_everything"]
