"""What `sam.py` measures: pieces of work, and how each contender does them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HEIGHT, WIDTH = 768, 1024
BOX = (100.0, 80.0, 700.0, 500.0)
POINTS = 64
WEIGHTS, PICTURE, THRESHOLDS = "weights.pth", "picture.npy", "thresholds.json"


@dataclass(frozen=True)
class Setting:
    """Where the shared files lie, and how to compute."""

    folder: Path
    model: str
    device: str
    threads: int
    grid: int


Run = Callable[[], object]


def prepare(folder: Path, model: str) -> None:
    """Write weights, a picture, and thresholds that let through about as many masks as trained weights do."""
    import numpy as np
    import torch
    from segment_anything import sam_model_registry

    torch.manual_seed(0)
    meta = sam_model_registry[model]()
    _liven(meta)
    torch.save(meta.state_dict(), folder / WEIGHTS)
    np.save(folder / PICTURE, np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    (folder / THRESHOLDS).write_text(json.dumps(_thresholds(Setting(folder, model, "cpu", 2, 8))))


def _liven(network: Any) -> None:
    """Give mask decoder and prompt encoder weights that tell prompts apart: fresh ones answer the same everywhere."""
    import torch

    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if name.startswith(("mask_decoder", "prompt_encoder")) and tensor.ndim > 1:
                tensor.normal_(std=tensor[0].numel() ** -0.5)


def _thresholds(setting: Setting) -> dict[str, float]:
    """Of predicted IoU what a quarter of the masks pass, of stability what half of those pass."""
    import numpy as np

    from sam_model import Points

    predictor, embedding = _ours(setting)
    points = np.random.default_rng(1).random((POINTS, 1, 2)) * (WIDTH, HEIGHT)
    answer = predictor.predict(embedding, Points(points, np.ones((POINTS, 1))), multimask=True)
    iou = float(np.quantile(answer.iou, 0.75))
    logits = answer.low_res_logits[answer.iou > iou]
    stability = (logits > 1).sum((1, 2)) / np.maximum((logits > -1).sum((1, 2)), 1)
    return {"iou": iou, "stability": float(np.median(stability))}


def _picture(setting: Setting) -> Any:
    import numpy as np

    return np.load(setting.folder / PICTURE)


def our_predictor(setting: Setting, dtype: str = "float32") -> Any:
    import torch

    from sam_model import Predictor, load_sam
    from sam_model.memory import keep_freed_memory

    keep_freed_memory()
    sam = load_sam(setting.folder / WEIGHTS, variant=setting.model, device=setting.device, dtype=getattr(torch, dtype))
    return Predictor(sam)


def _ours(setting: Setting, dtype: str = "float32") -> tuple[Any, Any]:
    predictor = our_predictor(setting, dtype)
    return predictor, predictor.embed(_picture(setting))


def meta_predictor(setting: Setting) -> Any:
    from segment_anything import SamPredictor, sam_model_registry

    return SamPredictor(sam_model_registry[setting.model](str(setting.folder / WEIGHTS)).to(setting.device))


def _transformers(setting: Setting) -> Any:
    from transformers import SamConfig, SamModel, SamVisionConfig

    from sam_model import load_sam
    from sam_model.config import PRESETS
    from sam_model.names import to_transformers

    sizes = PRESETS[setting.model]
    vision = SamVisionConfig(
        hidden_size=sizes.encoder_width,
        num_hidden_layers=sizes.encoder_depth,
        num_attention_heads=sizes.encoder_heads,
        global_attn_indexes=list(sizes.global_blocks),
        mlp_dim=4 * sizes.encoder_width,
    )
    model = SamModel(SamConfig(vision_config=vision)).eval()
    ours = load_sam(setting.folder / WEIGHTS, variant=setting.model)
    model.load_state_dict(to_transformers(ours.state_dict()), strict=False)
    return model.to(setting.device)


def encode_ours(setting: Setting, dtype: str = "float32") -> Run:
    """Picture → embedding."""
    predictor, picture = our_predictor(setting, dtype), _picture(setting)
    return lambda: predictor.embed(picture)


def encode_ours_bf16(setting: Setting) -> Run:
    """The same with half the bits."""
    return encode_ours(setting, "bfloat16")


def encode_meta(setting: Setting) -> Run:
    """`SamPredictor.set_image`."""
    predictor, picture = meta_predictor(setting), _picture(setting)
    return lambda: predictor.set_image(picture)


def encode_transformers(setting: Setting) -> Run:
    """`SamModel.get_image_embeddings` of a prepared square."""
    import torch

    model, square = _transformers(setting), torch.randn(1, 3, 1024, 1024, device=setting.device)
    return lambda: torch.no_grad()(model.get_image_embeddings)(square)


def box_ours(setting: Setting) -> Run:
    """One box, one mask."""
    from sam_model import Box

    predictor, embedding = _ours(setting)
    return lambda: predictor.predict(embedding, Box(BOX))


def box_meta(setting: Setting) -> Run:
    """The same."""
    import numpy as np

    predictor = meta_predictor(setting)
    predictor.set_image(_picture(setting))
    return lambda: predictor.predict(box=np.array(BOX), multimask_output=False)


def box_transformers(setting: Setting) -> Run:
    """The same, with its masks brought to the picture by its own processor."""
    return _decode_transformers(setting, "input_boxes", [[list(BOX)]], multimask=False)


def points_ours(setting: Setting) -> Run:
    """64 points, three masks each."""
    import numpy as np

    from sam_model import Points

    predictor, embedding = _ours(setting)
    points = Points(_points(), np.ones((POINTS, 1)))
    return lambda: predictor.predict(embedding, points, multimask=True)


def points_meta(setting: Setting) -> Run:
    """The same, in one call of `predict_torch`."""
    import torch

    predictor = meta_predictor(setting)
    predictor.set_image(_picture(setting))
    points = torch.as_tensor(_points(), dtype=torch.float32, device=setting.device)
    labels = torch.ones(POINTS, 1, dtype=torch.int, device=setting.device)
    return lambda: predictor.predict_torch(points, labels, multimask_output=True)


def points_transformers(setting: Setting) -> Run:
    """The same."""
    return _decode_transformers(setting, "input_points", [_points().tolist()], multimask=True)


def _points() -> Any:
    import numpy as np

    return np.random.default_rng(1).random((POINTS, 1, 2)) * (WIDTH, HEIGHT)


def _decode_transformers(setting: Setting, name: str, prompts: Any, *, multimask: bool) -> Run:
    import torch
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    model, processor = _transformers(setting), SamImageProcessorPil()
    embedding = torch.randn(1, 256, 64, 64, device=setting.device)
    asked = {name: torch.tensor(prompts, dtype=torch.float32, device=setting.device)}
    sizes = torch.tensor([[HEIGHT, WIDTH]])

    def run() -> object:
        with torch.no_grad():
            answer = model(image_embeddings=embedding, multimask_output=multimask, **asked)
        return processor.post_process_masks(answer.pred_masks.cpu(), sizes, sizes)

    return run


def everything_ours(setting: Setting, *, fast: bool = False) -> Run:
    """All masks of the picture."""
    from sam_model.everything import CODE_DEFAULTS, segment_everything

    limits = json.loads((setting.folder / THRESHOLDS).read_text())
    settings = replace(
        CODE_DEFAULTS, points_per_side=setting.grid, min_iou=limits["iou"], min_stability=limits["stability"]
    )
    predictor, picture = our_predictor(setting), _picture(setting)
    return lambda: segment_everything(predictor, picture, settings, fast=fast)


def everything_fast(setting: Setting) -> Run:
    """The same, filtered before masks are upscaled."""
    return everything_ours(setting, fast=True)


def everything_meta(setting: Setting) -> Run:
    """`SamAutomaticMaskGenerator`."""
    from segment_anything import SamAutomaticMaskGenerator

    limits = json.loads((setting.folder / THRESHOLDS).read_text())
    generator = SamAutomaticMaskGenerator(
        meta_predictor(setting).model,
        points_per_side=setting.grid,
        pred_iou_thresh=limits["iou"],
        stability_score_thresh=limits["stability"],
        output_mode="uncompressed_rle",
    )
    picture = _picture(setting)
    return lambda: generator.generate(picture)
