"""ONNX graphs in onnxruntime beside the network in torch, and beside the official export's own module."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from segment_anything.utils.onnx import SamOnnxModel

from sam_model import VIT_T, Box, MaskHint, Points, Predictor, TinyVitConfig, build_sam
from sam_model.errors import ExportError
from sam_model.export import Decoder, export_onnx
from sam_model.export.webassembly import PlainNorm, TanhGelu
from sam_model.preprocess import Frame, resize_longest_side

CLOSE = {"atol": 1e-3, "rtol": 0}
READ = ("pixels", "key", "value", "query")


@pytest.fixture(scope="module")
def twins(build_twins, odd):
    return build_twins(odd)


@pytest.fixture(scope="module")
def run(twins, tmp_path_factory):
    """Run an exported graph on named inputs."""
    return runner(twins.ours, tmp_path_factory.mktemp("onnx"), ("encoder", "look", "answer", "logits", "web"))


def runner(sam, folder, graphs):
    files = export_onnx(sam, folder, graphs)
    assert all(file.difference is not None for file in files.values())
    sessions = {name: onnxruntime.InferenceSession(file.path) for name, file in files.items()}
    return lambda name, **feed: sessions[name].run(None, {key: as_input(value) for key, value in feed.items()})


def as_input(value):
    return np.asarray(value, dtype=np.float32)


@pytest.fixture(scope="module")
def predictor(twins):
    return Predictor(twins.ours)


@pytest.fixture(scope="module")
def embedding(predictor, picture):
    return predictor.embed(picture)


def hint_inputs(hint=None, side=48):
    """An earlier answer, or none."""
    none = np.zeros((1, 1, side, side))
    return {"mask_input": none if hint is None else hint, "has_mask_input": [0 if hint is None else 1]}


def prompt_inputs(frame: Frame, xy, labels):
    """Points of the picture and its size."""
    places = frame.to_model(np.asarray(xy, dtype=float))
    return {"point_coords": places, "point_labels": labels, "orig_im_size": [frame.height, frame.width]}


def answer(run, embedding, xy, labels, hint=None):
    """Look at the picture and answer."""
    read = run("look", image_embeddings=embedding.features, **hint_inputs(hint))
    return run("answer", **dict(zip(READ, read, strict=True)), **prompt_inputs(embedding.frame, xy, labels))


@pytest.mark.parametrize("shape", [(131, 203), (203, 131), (96, 96), (20, 300)])
def test_the_encoder_takes_pictures_of_any_shape(predictor, run, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    expected = predictor.embed(image)
    (found,) = run("encoder", image=resize_longest_side(image, expected.frame))
    np.testing.assert_allclose(found, expected.features, **CLOSE)


def test_two_prompts_of_one_click(predictor, run, embedding):
    expected = predictor.predict(embedding, Points([[[50, 60]], [[150, 30]]], [[1], [1]]), multimask=True)
    masks, iou, low = answer(run, embedding, [[[50, 60], [0, 0]], [[150, 30], [0, 0]]], [[1, -1], [1, -1]])
    np.testing.assert_allclose(low[:, 1:], expected.low_res_logits, **CLOSE)
    np.testing.assert_allclose(iou[:, 1:], expected.iou, **CLOSE)
    assert masks[:, 1:].shape == expected.masks.shape
    assert ((masks[:, 1:] > 0) != expected.masks).mean() < 1e-4


@pytest.mark.parametrize("graph", ["logits", "web"])
def test_logits_are_those_of_the_answer(run, embedding, graph):
    xy, labels = [[[50, 60], [30, 40], [0, 0]]], [[1, 0, -1]]
    read = dict(zip(READ, run("look", image_embeddings=embedding.features, **hint_inputs()), strict=True))
    asked = {name: value for name, value in prompt_inputs(embedding.frame, xy, labels).items() if "point" in name}
    _, *expected = answer(run, embedding, xy, labels)
    for one, other in zip(run(graph, **read, **asked), expected, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_gelu_by_the_hyperbolic_tangent_is_gelu():
    x = torch.cat((torch.linspace(-12, 12, 48_001, dtype=torch.float64), torch.tensor([-1e4, -50.0, 50.0, 1e4])))
    assert (TanhGelu()(x) - torch.nn.functional.gelu(x)).abs().max() < 4e-6


def test_a_norm_of_sums_and_products_is_layer_norm():
    norm = torch.nn.LayerNorm(24, eps=1e-3)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.cat((torch.randn(5, 24) * 3 + 7, torch.full((1, 24), 2.0)))
    torch.testing.assert_close(PlainNorm(norm)(x), norm(x), atol=1e-5, rtol=0)


def test_a_box_points_and_a_hint(predictor, run, embedding):
    hint = predictor.predict(embedding, Box([20, 30, 120, 90])).low_res_logits
    prompts = Points([[60, 60], [30, 40]], [1, 0]), Box([20, 30, 120, 90]), MaskHint(hint[0])
    expected = predictor.predict(embedding, prompts)
    _, iou, low = answer(run, embedding, [[[60, 60], [30, 40], [20, 30], [120, 90]]], [[1, 0, 2, 3]], hint)
    np.testing.assert_allclose(low[:, :1], expected.low_res_logits, **CLOSE)
    np.testing.assert_allclose(iou[:, :1], expected.iou, **CLOSE)


def test_more_points_than_the_graph_was_traced_with(predictor, run, embedding):
    xy, labels = np.random.default_rng(1).random((1, 30, 2)) * 130, [[1, 0, 1] * 10]
    expected = predictor.predict(embedding, Points(xy, labels))
    _, _, low = answer(run, embedding, [[*xy[0], [0, 0]]], [[*labels[0], -1]])
    np.testing.assert_allclose(low[:, :1], expected.low_res_logits, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("best_mask", [False, True], ids=["all masks", "best mask"])
@pytest.mark.parametrize("points", [1, 3])
@pytest.mark.parametrize("hinted", [False, True], ids=["", "hint"])
def test_the_decoder_answers_as_the_official_module(twins, embedding, best_mask, points, hinted):
    xy, labels = [[[50, 60], [80, 70], [90, 20]][:points]], [[1, 0, 1][:points]]
    hint = np.random.default_rng(2).standard_normal((1, 1, 48, 48)) if hinted else None
    feed = {**prompt_inputs(embedding.frame, xy, labels), **hint_inputs(hint)}
    named = {name: torch.from_numpy(as_input(value)) for name, value in feed.items()}
    official = SamOnnxModel(twins.metas, return_single_mask=best_mask)
    expected = official(image_embeddings=embedding.features, **named)
    found = Decoder(twins.ours, best_mask=best_mask)(image_embeddings=embedding.features, **named)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.slow
def test_the_decoder_in_one_file_is_named_as_the_official_one(twins, run, embedding, tmp_path):
    whole = runner(twins.ours, tmp_path, ["decoder"])
    graph = onnx.load(tmp_path / "decoder.onnx")
    onnx.checker.check_model(graph)
    assert [value.name for value in graph.graph.input] == [
        "image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size",
    ]  # fmt: skip
    assert [value.name for value in graph.graph.output] == ["masks", "iou_predictions", "low_res_masks"]
    feed = {**prompt_inputs(embedding.frame, [[[50, 60], [0, 0]]], [[1, -1]]), **hint_inputs()}
    halves = answer(run, embedding, [[[50, 60], [0, 0]]], [[1, -1]])
    for one, other in zip(whole("decoder", image_embeddings=embedding.features, **feed), halves, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


@pytest.mark.slow
def test_the_encoder_of_mobile_sam(tmp_path):
    torch.manual_seed(0)
    encoder = TinyVitConfig(widths=(16, 32, 32, 40), depths=(1, 1, 1, 1), heads=(2, 2, 2), windows=(4, 4, 4), classes=0)
    sam = build_sam(replace(VIT_T, image_size=128, width=32, tiny_vit=encoder)).eval()
    image = np.random.default_rng(0).integers(0, 256, (100, 128, 3)).astype(np.uint8)
    (found,) = runner(sam, tmp_path, ["encoder"])("encoder", image=image)
    np.testing.assert_allclose(found, Predictor(sam).embed(image).features, **CLOSE)


def test_an_unknown_graph_is_named(lively_sam, tmp_path):
    with pytest.raises(ExportError, match=r"^no graph 'decodr': there are encoder, .*, web$"):
        export_onnx(lively_sam, tmp_path, ["decodr"])


def test_missing_packages_are_named(lively_sam, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match=r"^ONNX graphs need the packages of samloom\[onnx\]: onnxscript is missing$"):
        export_onnx(lively_sam, tmp_path, ["look"])
