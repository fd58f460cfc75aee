"""Original checkpoints of Grounding DINO: what they find is what transformers' port finds with the same weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipelines.errors import ModelError
from pipelines.models import Model, ModelPool
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.grounding_dino.adapter import load
from plugins.grounding_dino.models import FAMILY, Candidates, GroundingDino
from plugins.grounding_dino.nodes import detect
from plugins.grounding_dino.published_config import find_config, read_config

pytest.importorskip("groundingdino", reason="the original Grounding DINO is the extra 'groundingdino'")
import original_dino

from plugins.grounding_dino import original

PHRASES = ["traffic light", "a red dog", "aardvark"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, grounding_dino_directory) -> Path:
    """Swin-T with one encoder and two decoder layers, 50 queries, and a BERT of one layer that is 32 wide."""
    from transformers import BertConfig

    folder = tmp_path_factory.mktemp("original")
    return original_dino.write_checkpoint(
        folder,
        original_dino.SMALL,
        grounding_dino_directory,
        BertConfig(vocab_size=1050, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32),
    )


def seeing_less(dino: GroundingDino) -> GroundingDino:
    """Shows itself pictures with a shorter side of 224: enough for 50 queries, and quick."""
    dino.processor = type(dino.processor)(size={"shortest_edge": 224, "longest_edge": 448})
    return dino


@pytest.fixture(scope="module")
def dino(checkpoint) -> GroundingDino:
    return seeing_less(load(checkpoint, device="cpu", dtype="float32"))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    return {name.removeprefix("module."): tensor for name, tensor in torch.load(path)["model"].items()}


def ported(checkpoint: Path, folder: Path, sizes: dict[str, int]) -> GroundingDino:
    """The same weights in a directory of transformers."""
    from safetensors.torch import save_file
    from transformers import BertConfig, GroundingDinoConfig, SwinConfig
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    words = checkpoint.parent / "bert-base-uncased"
    shutil.copytree(words, folder, dirs_exist_ok=True)
    swin = SwinConfig(embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7, out_indices=[2, 3, 4])
    GroundingDinoConfig(
        backbone_config=swin,
        text_config=BertConfig.from_pretrained(words),
        num_queries=sizes["num_queries"],
        encoder_layers=sizes["enc_layers"],
        decoder_layers=sizes["dec_layers"],
        encoder_ffn_dim=sizes["dim_feedforward"],
        decoder_ffn_dim=sizes["dim_feedforward"],
        architectures=["GroundingDinoForObjectDetection"],
    ).save_pretrained(folder)
    GroundingDinoImageProcessorPil().save_pretrained(folder)
    hub = original_dino.to_hub(tensors_of(checkpoint))
    save_file({name: tensor.contiguous().clone() for name, tensor in hub.items()}, folder / "model.safetensors")
    return load(folder, device="cpu", dtype="float32")


def differences(found: Candidates, expected: Candidates, pixels: np.ndarray) -> np.ndarray:
    """The greatest difference of each query's scores and of its box as shares of the picture, `(N,)`."""
    height, width = pixels.shape[:2]
    boxes = (found.boxes - expected.boxes) / [width, height, width, height]
    scores = [found.scores - expected.scores, found.text_scores - expected.text_scores]
    return np.abs(np.column_stack([*scores, boxes])).max(axis=1)


def test_boxes_and_scores_are_those_of_transformers_port_with_the_same_weights(checkpoint, dino, tmp_path) -> None:
    pixels, theirs = noise(120, 90), seeing_less(ported(checkpoint, tmp_path, original_dino.SMALL))
    found, expected = dino.find(pixels, PHRASES), theirs.find(pixels, PHRASES)
    assert np.ptp(expected.scores) > 0.05
    assert differences(found, expected, pixels).max() <= 1e-3
    np.testing.assert_array_equal(found.phrases, expected.phrases)


def test_names_go_to_the_hubs_and_back_without_loss(checkpoint) -> None:
    original = tensors_of(checkpoint)
    back = original_dino.to_original(original_dino.to_hub(original))
    assert all(torch.equal(tensor, original[name]) for name, tensor in back.items())
    assert all(any(part in name for part in original_dino.ONLY_ORIGINAL) for name in original.keys() - back.keys())


def test_a_picture_is_prepared_as_the_package_itself_does(dino) -> None:
    from groundingdino.datasets import transforms
    from PIL import Image as Pil

    steps = [
        transforms.RandomResize([800], max_size=1333),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
    for pixels in (noise(48, 64), noise(64, 31)):
        theirs, _ = transforms.Compose(steps)(Pil.fromarray(pixels), None)
        ours = type(dino.processor)()(pixels, return_tensors="pt", input_data_format="channels_last")["pixel_values"][0]
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_node_finds_with_a_checkpoint_as_published(checkpoint, dino) -> None:
    family = SimpleNamespace(name=FAMILY.name, resolve=FAMILY.resolve, load=lambda source, **_: dino)
    with use_scope(Scope(pool=ModelPool(families={"grounding_dino": family}, offline=True, device="cpu"))):
        found = detect(Image(noise(40, 60)), "Traffic light. dog.", model=Model(str(checkpoint)), box_threshold=0.0)
    assert set(found.data["class_name"]) <= {"Traffic light", "dog"}
    assert len(found) > 0


def test_in_bfloat16_it_finds_nearly_the_same(dino) -> None:
    half = original.OriginalGroundingDino(dino.network, dino.processor, device="cpu", dtype="bfloat16")
    ours, theirs = half.find(noise(40, 60), PHRASES), dino.find(noise(40, 60), PHRASES)
    assert abs(ours.scores.max() - theirs.scores.max()) < 0.1


def test_nothing_of_the_package_is_changed(dino) -> None:
    from groundingdino.models.GroundingDINO import bertwarper, groundingdino
    from groundingdino.util import get_tokenlizer

    assert groundingdino.BertModelWarper is bertwarper.BertModelWarper
    assert groundingdino.get_tokenlizer is get_tokenlizer
    assert type(dino.network).__mro__[1] is groundingdino.GroundingDINO


def saved(folder: Path, **changed: torch.Tensor | None) -> tuple[torch.nn.Module, Path]:
    """A network of two tensors and its checkpoint, in which some are replaced, or left out where they are None."""
    network = torch.nn.Linear(2, 3)
    tensors = {f"module.{name}": tensor.clone() + 1 for name, tensor in network.state_dict().items()} | changed
    path = folder / "groundingdino_swint_ogc.pth"
    torch.save({"model": {name: tensor for name, tensor in tensors.items() if tensor is not None}}, path)
    return network, path


def test_a_network_gets_the_tensors_of_its_checkpoint_but_for_what_training_left_there(tmp_path) -> None:
    left_over = {"module.label_enc.weight": torch.zeros(2), "module.bert.embeddings.position_ids": torch.zeros(2)}
    network, path = saved(tmp_path, **left_over)
    before = network.bias.detach().clone()
    original._fill(network, path, Path("config.py"))
    assert torch.equal(network.bias, before + 1)


@pytest.mark.parametrize(
    ("name", "tensor"), [("weight", None), ("weight", torch.zeros(2)), ("no_such_thing", torch.zeros(2))]
)
def test_a_tensor_too_few_too_many_or_of_another_shape_is_told_in_one_line(tmp_path, name, tensor) -> None:
    network, path = saved(tmp_path, **{f"module.{name}": tensor})
    message = rf"^.*\.pth is no Grounding DINO as swin\.py describes it: 1 tensors do not fit, the first is {name}\.$"
    with pytest.raises(ModelError, match=message):
        original._fill(network, path, Path("swin.py"))


def test_a_pickle_that_would_run_code_is_refused(tmp_path) -> None:
    path = tmp_path / "groundingdino_swint_ogc.pth"
    torch.save({"model": {"a": Path("x")}}, path)
    with pytest.raises(ModelError, match=r"would run code when loaded"):
        original._fill(torch.nn.Linear(2, 3), path, Path("swin.py"))


def described(checkpoint: Path, folder: Path, old: str, new: str) -> object:
    """The network of a config in which something is replaced."""
    shutil.copytree(checkpoint.parent / "bert-base-uncased", folder / "bert-base-uncased")
    path = folder / checkpoint.name
    config = folder / "GroundingDINO_SwinT_OGC.cfg.py"
    config.write_text(find_config(checkpoint).read_text().replace(old, new, 1))
    return original._network(find_config(path), path)


def test_words_that_are_not_here_are_told_with_the_command_that_fetches_them(checkpoint, tmp_path) -> None:
    message = r"needs the words of 'somebody/bert', .*`hf download somebody/bert config\.json .* --local-dir .*bert`\.$"
    with pytest.raises(ModelError, match=message):
        described(checkpoint, tmp_path, "bert-base-uncased", "somebody/bert")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"swin_T_224_1k"', '"resnet50"', r"the backbone is 'resnet50'; published ones begin with 'swin_'\.$"),
        ("swin_T", "swin_X", r"describes no Grounding DINO: Unknown backbone swin_X_224_1k\.$"),
        ("enc_layers = 1", "", r"does not say 'enc_layers', without which no network can be built\.$"),
        ("modelname", "import os\nmodelname", r"\.py:3: a config is read, not run, so each line must be a name and a"),
        ("query_dim = 4", "query_dim = int('4')", r"\.py:\d+: a config is read, not run"),
        ("query_dim = 4", "query_dim = ", r"is no config in Python: invalid syntax"),
    ],
)
def test_a_config_that_describes_no_network_is_told_in_one_line(checkpoint, tmp_path, old, new, message) -> None:
    with pytest.raises(ModelError, match=message):
        described(checkpoint, tmp_path, old, new)


def test_published_names_find_their_configs(tmp_path) -> None:
    swin_t, swin_b = tmp_path / "groundingdino_swint_ogc.pth", tmp_path / "groundingdino_swinb_cogcoor.pth"
    assert find_config(swin_t).name == "GroundingDINO_SwinT_OGC.py"
    assert read_config(find_config(swin_b))["backbone"] == "swin_B_384_22k"
    (tmp_path / "GroundingDINO_SwinB.cfg.py").touch()
    (tmp_path / "GroundingDINO_SwinT_OGC.cfg.py").touch()
    assert find_config(swin_t) == tmp_path / "GroundingDINO_SwinT_OGC.cfg.py"
    assert find_config(swin_b) == tmp_path / "GroundingDINO_SwinB.cfg.py"
    with pytest.raises(ModelError, match=r"mine\.pth has no config: put the \.py file that it was published with"):
        find_config(tmp_path / "mine.pth")


def test_another_config_beside_the_same_checkpoint_is_another_model(tmp_path) -> None:
    checkpoint, config = tmp_path / "groundingdino_swint_ogc.pth", tmp_path / "GroundingDINO_SwinT_OGC.cfg.py"
    checkpoint.write_bytes(b"tensors")
    sources = []
    for queries in (900, 20):
        config.write_text(f"num_queries = {queries}")
        sources.append(FAMILY.resolve(str(checkpoint), offline=True))
    assert [source.size_bytes for source in sources] == [7, 7]
    assert sources[0].revision != sources[1].revision


def test_without_the_package_a_checkpoint_says_what_it_needs(checkpoint, monkeypatch) -> None:
    monkeypatch.setattr("plugins.grounding_dino.original.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"needs the package groundingdino: pip install 'samloom\[groundingdino\]'\.$"):
        load(checkpoint, device="cpu", dtype="float32")


@pytest.mark.slow
def test_the_same_at_the_published_size(tmp_path, grounding_dino_directory) -> None:
    """Swin-T, six and six layers, 900 queries, BERT's base: the whole of groundingdino_swint_ogc.

    Random weights of this depth make proposals and phrases alike, so rounding decides which of two proposals comes
    first, and which phrase is the surer one: a hundredth of the queries may have traded places.
    """
    from transformers import BertConfig

    (tmp_path / "original").mkdir()
    path = original_dino.write_checkpoint(
        tmp_path / "original", original_dino.PUBLISHED, grounding_dino_directory, BertConfig()
    )
    theirs = ported(path, tmp_path / "ported", original_dino.PUBLISHED)
    pixels, ours = noise(120, 160), load(path, device="cpu", dtype="float32")
    expected = theirs.find(pixels, PHRASES)
    assert np.ptp(expected.scores) > 0.05
    assert (differences(ours.find(pixels, PHRASES), expected, pixels) > 1e-3).mean() <= 0.01
