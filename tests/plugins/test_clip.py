"""The adapter of CLIP: tiny random weights in the published formats give what transformers itself gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors import InstructionError, ModelError
from pipelines.models import Model, ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.clip.adapter import load
from plugins.clip.crops import Framing
from plugins.clip.models import FAMILY, Clip
from plugins.clip.nodes import image, text

LETTERS = "abcdefghijklmnopqrstuvwxyz."
VISION = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def write_processor(directory: Path) -> None:
    from transformers import CLIPImageProcessorPil

    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(directory)


@pytest.fixture(scope="module")
def clip_directory(tmp_path_factory) -> Path:
    """A `CLIPModel` of one layer a tower that reads 16 tokens, each a letter."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    directory = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    tokens = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    ends = {"bos_token_id": 0, "eos_token_id": 1}
    words = {**VISION, **ends, "vocab_size": len(tokens), "max_position_embeddings": 16}
    config = CLIPConfig(
        text_config=words, vision_config={**VISION, "image_size": 32, "patch_size": 16}, projection_dim=24
    )
    CLIPModel(config).save_pretrained(directory)
    CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[]).save_pretrained(directory)
    write_processor(directory)
    return directory


@pytest.fixture(scope="module")
def dual_directory(tmp_path_factory) -> Path:
    """A convolutional image tower and a BERT in one `VisionTextDualEncoderModel`."""
    from transformers import (
        BertConfig,
        BertModel,
        BertTokenizer,
        EfficientNetConfig,
        EfficientNetModel,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
    )

    directory = tmp_path_factory.mktemp("dual")
    torch.manual_seed(0)
    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "dog": 5, "cat": 6}
    blocks = {"in_channels": [8], "out_channels": [8], "kernel_sizes": [3], "strides": [2], "num_block_repeats": [1]}
    vision = EfficientNetModel(
        EfficientNetConfig(
            image_size=32,
            width_coefficient=0.1,
            depth_coefficient=1.0,
            hidden_dim=128,
            hidden_size=128,
            expand_ratios=[1],
            initializer_range=0.5,
            **blocks,
        )
    )
    reader = BertModel(BertConfig(vocab_size=len(words), **VISION, max_position_embeddings=16))
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision.config, reader.config, projection_dim=24)
    VisionTextDualEncoderModel(config, vision, reader).save_pretrained(directory)
    BertTokenizer(vocab=words).save_pretrained(directory)
    write_processor(directory)
    return directory


@pytest.fixture(scope="module")
def clip(clip_directory) -> Clip:
    return load(clip_directory, device="cpu", dtype="float32")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_pictures_are_placed_where_transformers_places_them(clip_directory, clip) -> None:
    from transformers import CLIPModel

    pictures = [noise(40, 60), noise(33, 32, 1)]
    model = CLIPModel.from_pretrained(clip_directory).eval()
    with torch.no_grad():
        theirs = model.get_image_features(**clip.processor(pictures, return_tensors="pt")).pooler_output
    expected = torch.nn.functional.normalize(theirs, dim=-1).numpy()
    np.testing.assert_allclose(clip.embed_images(pictures), expected, atol=1e-5)


def test_texts_are_placed_where_transformers_places_them_however_long_their_neighbours_are(
    clip_directory, clip
) -> None:
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(clip_directory).eval()
    with torch.no_grad():
        theirs = model.get_text_features(**clip.tokenizer("dog", return_tensors="pt")).pooler_output
    expected = torch.nn.functional.normalize(theirs, dim=-1).numpy()
    np.testing.assert_allclose(clip.embed_texts(["dog", "a large cat"])[:1], expected, atol=1e-5)


@pytest.mark.parametrize("directory", ["clip_directory", "dual_directory"])
def test_many_at_a_time_are_as_one_by_one(directory, request) -> None:
    loaded = load(request.getfixturevalue(directory), device="cpu", dtype="float32")
    pictures = [noise(32, 32, seed) for seed in range(20)]
    together = loaded.embed_images(pictures)
    one_by_one = np.concatenate([loaded.embed_images([picture]) for picture in pictures])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    texts = ["dog", "cat", "a dog"] * 7
    np.testing.assert_allclose(
        loaded.embed_texts(texts), np.concatenate([loaded.embed_texts([one]) for one in texts]), atol=1e-5
    )


def test_nothing_to_embed_is_no_rows(clip) -> None:
    assert clip.embed_images([]).shape == clip.embed_texts([]).shape == (0, 24)


def test_the_scale_is_the_models_own(clip) -> None:
    assert clip.scale == pytest.approx(clip.model.logit_scale.exp().item())


def test_a_text_that_the_model_cannot_hold_is_the_users_mistake(clip) -> None:
    with pytest.raises(InstructionError, match=r"^'dogdogdog.*…' is too long: 62 tokens where the model reads 16\."):
        clip.embed_texts(["dog", "dog" * 20])


def test_recommendations_beside_the_weights_are_heeded(clip_directory, clip, tmp_path) -> None:
    shutil.copytree(clip_directory, tmp_path, dirs_exist_ok=True)
    advice = {"threshold": 0.25, "framing": {"context": 0.3, "fade": 1.0}, "template": "{}", "alike": 0.4}
    (tmp_path / "samloom.json").write_text(json.dumps(advice))
    advised = load(tmp_path, device="cpu", dtype="float32")
    assert (advised.threshold, advised.framing, advised.alike) == (0.25, Framing(context=0.3, fade=1.0), 0.4)
    np.testing.assert_allclose(advised.embed_phrases(["dog"]), clip.embed_texts(["dog"]), atol=1e-6)
    assert clip.threshold == Clip.threshold


def test_another_kind_of_model_is_told_in_one_line(clip_directory, tmp_path) -> None:
    shutil.copytree(clip_directory, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    with pytest.raises(ModelError, match=r"is no CLIP: its model_type is 'siglip'; 'clip' and 'vision-text-dual-enc"):
        load(tmp_path, device="cpu", dtype="float32")


def test_a_tensor_too_few_is_told_in_one_line(clip_directory, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(clip_directory, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"is no CLIP: 1 tensors do not fit, the first is visual_projection\.weight"):
        load(tmp_path, device="cpu", dtype="float32")


def test_nodes_give_vectors_of_one_space(clip_directory, clip) -> None:
    with use_scope(Scope(pool=ModelPool(families={"clip": FAMILY}, offline=True))):
        words = text("dog.", model=Model(str(clip_directory))).array
        seen = image(Image(noise(40, 60)), model=Model(str(clip_directory))).array
    np.testing.assert_allclose(words, clip.embed_texts(["a photo of a dog."])[0], atol=1e-6)
    np.testing.assert_allclose(seen, clip.embed_images([noise(40, 60)])[0], atol=1e-6)
