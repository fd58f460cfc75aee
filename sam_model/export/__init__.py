"""The network as ONNX graphs, for onnxruntime on a server and in a browser.

    export_onnx(sam, "onnx")                              # encoder.onnx and decoder.onnx
    export_onnx(sam, "onnx", ("look", "answer"))          # the decoder in two: once for a picture, once for a prompt

`decoder` has the inputs and outputs of the official export (`segment_anything/utils/onnx.py`), so pages written for
that one take it. `look` and `answer` are its two halves: what depends on the picture and on a mask hint, and the rest;
`logits` is `answer` for those who bring masks to the size of the picture themselves, and `web` is `logits` from
operators that ONNX Runtime Web computes quickly. As in the official export prompts come as points of the model's
square, with labels 1, 0, -1 for padding, and 2 and 3 for the corners of a box; points without a box end with a padding
point.
"""

from sam_model.export.modules import READ, Answer, Decoder, Encoder, Logits, Look
from sam_model.export.writing import GRAPHS, Graph, Written, export_onnx, parts

__all__ = [
    "GRAPHS",
    "READ",
    "Answer",
    "Decoder",
    "Encoder",
    "Graph",
    "Logits",
    "Look",
    "Written",
    "export_onnx",
    "parts",
]
