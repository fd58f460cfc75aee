"""The whole chain at its published size in one process: what is loaded, what has to go, and the most memory held.

    python benchmarks/memory.py [GIGABYTES]

Grounding DINO-T, Segment Anything's ViT-H and Stable Diffusion 1.5 for inpainting with its safety checker, in the
formats in which they are published, 8.7 GB in float32. Their weights are random, made here in a temporary folder that
takes as much room, so what comes out is noise; what is loaded, and what it costs, does not depend on that. Something
is added to the picture, since a mask of noise may be empty. The chain itself runs in a process of its own, on a CPU,
within a budget of 8 GB for weights.

Prints the trace and the peak of resident memory, as the kernel counts it; the last line is JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE"}

import numpy as np

BUDGET, STEPS, SIZE = 8.0, 2, (480, 640)
# The kernel gives peak memory in KiB, except on macOS.
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
CHAIN = """
version: 1
inputs:
  photo: {{type: Image}}
nodes:
  plan:  {{use: instructions/parse, text: add a cat to the picture}}
  found:
    use: grounding_dino/detect
    image: "${{photo}}"
    prompt: dog.
    model: {folder}/dino
    box_threshold: 0.0
  best:  {{use: detections/best, boxes: "${{found}}"}}
  cut:   {{use: sam/masks, image: "${{photo}}", boxes: "${{best}}", model: {folder}/sam}}
  paint:
    use: stable_diffusion/edit
    image: "${{photo}}"
    masks: "${{cut}}"
    plan: "${{plan}}"
    model: {folder}/sd
    steps: {steps}
outputs:
  image: "${{paint.image}}"
  report: "${{paint.report}}"
"""


def main() -> None:
    """Make the weights, each in a process of its own, and run the chain in another."""
    match sys.argv[1:]:
        case ["make", what, folder]:
            MAKERS[what](Path(folder))
        case ["chain", folder, budget]:
            run_chain(Path(folder), float(budget))
        case given:
            with TemporaryDirectory() as folder:
                for what in MAKERS:
                    again("make", what, str(Path(folder, what)))
                again("chain", folder, given[0] if given else str(BUDGET))


def again(*arguments: str) -> None:
    """This script in a process of its own, so that nothing of one step is left in the next one's memory."""
    subprocess.run([sys.executable, __file__, *arguments], check=True)


def run_chain(folder: Path, budget: float) -> None:
    """Detect, cut out and paint, with one pool of models, and print where the memory went."""
    from pipelines.pool import ModelPool
    from pipelines.runner import run
    from pipelines.spec import load_pipeline
    from pipelines.values import Image

    file = folder / "chain.yaml"
    file.write_text(CHAIN.format(folder=folder, steps=STEPS))
    photo = Image(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8))
    pool = ModelPool(offline=True, budget_bytes=int(budget * 1e9), device="cpu")
    result = run(load_pipeline(file), {"photo": photo}, pool=pool)
    print(result.trace.table())
    said = json.loads(result.outputs["report"])
    told = {
        "models": [[span.outcome, span.name.split()[1]] for span in result.trace.models],
        "weights_gb": {name: size_of(folder / name) / 1e9 for name in MAKERS},
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT / 1e9,
        "peak_of_nodes_gb": {span.name: span.peak_bytes / 1e9 for span in result.trace.nodes},
        "verify": said["verify"],
        "painted": [len(edit["painted"]) for edit in said["edits"]],
    }
    print(json.dumps(told))


def size_of(directory: Path) -> int:
    """Bytes of the weights of a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*.safetensors"))


def make_dino(directory: Path) -> None:
    """`IDEA-Research/grounding-dino-tiny`: Swin-T, six and six layers, 900 queries, BERT's base."""
    from transformers import BertTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    swin = SwinConfig(embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7, out_indices=[2, 3, 4])
    GroundingDinoForObjectDetection(GroundingDinoConfig(backbone_config=swin)).save_pretrained(directory)
    special = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029, "dog": 3899}
    taken = {index: word for word, index in special.items()}
    vocabulary = {taken.get(index, f"[unused{index}]"): index for index in range(30522)}
    BertTokenizer(vocab=vocabulary).save_pretrained(directory)
    GroundingDinoImageProcessorPil().save_pretrained(directory)


def make_sam(directory: Path) -> None:
    """ViT-H, 641 million parameters."""
    from sam_model.checkpoints import save_sam
    from sam_model.config import PRESETS
    from sam_model.modeling import Sam

    save_sam(Sam(PRESETS["vit_h"]), directory)


def make_sd(directory: Path) -> None:
    """`stable-diffusion-v1-5/stable-diffusion-inpainting`, safety checker included."""
    from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    StableDiffusionInpaintPipeline(
        vae=autoencoder(),
        text_encoder=text_encoder(),
        tokenizer=letters(),
        unet=UNet2DConditionModel(sample_size=64, in_channels=9, cross_attention_dim=768, attention_head_dim=8),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=StableDiffusionSafetyChecker(CLIPConfig(projection_dim=768, vision_config=VISION)),
        feature_extractor=CLIPImageProcessor(),
    ).save_pretrained(directory)


VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
}


def autoencoder() -> Any:
    """The one of all Stable Diffusions before 3: eight pixels to a latent."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
    )


def text_encoder() -> Any:
    """CLIP's of ViT-L/14, with ends of text where the tokenizer below has them."""
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12}
    return CLIPTextModel(CLIPTextConfig(vocab_size=49408, projection_dim=768, bos_token_id=0, eos_token_id=1, **sizes))


def letters() -> Any:
    """A tokenizer that spells: as good as any for weights that have read nothing."""
    from transformers import CLIPTokenizer

    alphabet = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(f"{letter}</w>" for letter in alphabet)]
    return CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[], model_max_length=77)


MAKERS = {"dino": make_dino, "sam": make_sam, "sd": make_sd}

if __name__ == "__main__":
    main()
