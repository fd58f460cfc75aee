"""Which work is measured, who does it, and what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sam_onnx import click_meta, click_ours, click_ours_whole
from sam_works import (
    Run,
    Setting,
    box_meta,
    box_ours,
    box_transformers,
    encode_meta,
    encode_ours,
    encode_ours_bf16,
    encode_transformers,
    everything_fast,
    everything_meta,
    everything_ours,
    points_meta,
    points_ours,
    points_transformers,
)

Contender = Callable[[Setting], Run]


@dataclass(frozen=True)
class Work:
    """Contenders by name; `peer` is the one that ratios are to, of the work `peer_of` if it is not of this one."""

    contenders: Mapping[str, Contender]
    limits: tuple[float, ...]
    peer: str = "meta"
    peer_of: str | None = None


WORKS: Mapping[str, Work] = {
    "encode": Work({"meta": encode_meta, "transformers": encode_transformers, "samloom": encode_ours}, (0.5, 0.4)),
    "encode-bf16": Work({"samloom": encode_ours_bf16}, (0.25, 0.4), peer_of="encode"),
    "box": Work({"meta": box_meta, "transformers": box_transformers, "samloom": box_ours}, (0.5,)),
    "points": Work({"meta": points_meta, "transformers": points_transformers, "samloom": points_ours}, (0.25,)),
    "everything": Work({"meta": everything_meta, "samloom exact": everything_ours}, (0.25, 0.3)),
    "everything-fast": Work({"samloom fast": everything_fast}, (0.1, 0.3), peer_of="everything"),
    "click": Work({"meta": click_meta, "samloom": click_ours, "samloom whole": click_ours_whole}, (0.7,)),
}
