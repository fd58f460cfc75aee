"""One click in onnxruntime: our graphs and the official export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sam_works import HEIGHT, WIDTH, Run, Setting, meta_predictor, our_predictor


def click_ours(setting: Setting) -> Run:
    """One click on a picture that was looked at, masks at the size of the picture."""
    graphs = _exported(setting, "look", "answer")
    read = graphs["look"].run(None, {**_embedding(), **_no_hint()})
    feed = dict(zip(("pixels", "key", "value", "query"), read, strict=True)) | _click()
    return lambda: graphs["answer"].run(None, feed)


def click_ours_whole(setting: Setting) -> Run:
    """One click on an embedding, in the form of the official export."""
    graph = _exported(setting, "decoder")["decoder"]
    feed = {**_embedding(), **_click(), **_no_hint()}
    return lambda: graph.run(None, feed)


def click_meta(setting: Setting) -> Run:
    """The official export."""
    import torch
    from segment_anything.utils.onnx import SamOnnxModel

    wrapped = SamOnnxModel(meta_predictor(setting).model, return_single_mask=False)
    click = _click()
    size = {"orig_im_size": click.pop("orig_im_size")}
    feed = {**_embedding(), **click, **_no_hint(), **size}  # in the order of its arguments
    path = setting.folder / "official.onnx"
    torch.onnx.export(
        wrapped,
        tuple(torch.from_numpy(array) for array in feed.values()),
        path,
        input_names=list(feed),
        output_names=["masks", "iou_predictions", "low_res_masks"],
        dynamic_axes={"point_coords": {1: "points"}, "point_labels": {1: "points"}},
        opset_version=17,
        dynamo=False,
    )
    session = _session(path, setting)
    return lambda: session.run(None, feed)


def _exported(setting: Setting, *graphs: str) -> dict[str, Any]:
    from sam_model.export import export_onnx

    files = export_onnx(our_predictor(setting).sam, setting.folder / "onnx", graphs)
    return {name: _session(file.path, setting) for name, file in files.items()}


def _session(path: Path, setting: Setting) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    return onnxruntime.InferenceSession(path, options)


def _embedding() -> dict[str, Any]:
    import numpy as np

    return {"image_embeddings": np.random.default_rng(0).standard_normal((1, 256, 64, 64)).astype(np.float32)}


def _click() -> dict[str, Any]:
    import numpy as np

    return {
        "point_coords": np.array([[[500, 375], [0, 0]]], np.float32),
        "point_labels": np.array([[1, -1]], np.float32),
        "orig_im_size": np.array([HEIGHT, WIDTH], np.float32),
    }


def _no_hint() -> dict[str, Any]:
    import numpy as np

    return {"mask_input": np.zeros((1, 1, 256, 256), np.float32), "has_mask_input": np.zeros(1, np.float32)}
