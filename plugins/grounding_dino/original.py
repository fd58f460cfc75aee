"""The one file that knows the original Grounding DINO: a published checkpoint, run by the package groundingdino.

Both distributions of it serve, groundingdino-py and the fork rf-groundingdino. Neither was made for transformers 5, in
which BERT no longer has what their wrapper around it takes apart. Here BERT stays whole: their constructors run as they
are, but with another BERT under the name that they look up. Nothing of theirs is changed for anybody else.

Deformable attention is theirs in plain PyTorch, on every device.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertModel, BertTokenizer

from pipelines.errors import ModelError
from plugins.grounding_dino.captions import CaptionReader
from plugins.grounding_dino.models import GroundingDino
from plugins.grounding_dino.published_config import find_config, read_config
from sam_model.errors import SamModelError
from sam_model.tensor_files import read_tensors

# In published checkpoints, but in no network: training's labels, and positions that older versions of BERT saved.
_LEFT_OVER = {"label_enc.weight", "bert.embeddings.position_ids"}
# Recomputing activations saves memory in training and nothing here.
_FOR_INFERENCE = {"use_checkpoint": False, "use_transformer_ckpt": False}
_WRONG_CONFIG = (AssertionError, KeyError, NotImplementedError, TypeError, ValueError)

# The package uses names of timm and of torch that newer ones have renamed, some of them for every picture.
for _package in ("timm", "groundingdino"):
    warnings.filterwarnings("ignore", category=FutureWarning, module=rf"{_package}\.")
warnings.filterwarnings("ignore", message="torch.meshgrid: in an upcoming release", category=UserWarning)


class PairMaskedBert(BertModel):  # type: ignore[misc]
    """BERT that also takes an attention mask for each pair of tokens, `(B, T, T)`."""

    def forward(self, *, attention_mask: Tensor, **inputs: Any) -> Any:
        """As `BertModel.forward`; `attention_mask` is true where a token may look."""
        if attention_mask.dim() == 3:
            least = torch.finfo(self.dtype).min
            attention_mask = torch.zeros_like(attention_mask, dtype=self.dtype).masked_fill(~attention_mask, least)
            attention_mask = attention_mask[:, None]
        return super().forward(attention_mask=attention_mask, **inputs)


class OriginalGroundingDino(CaptionReader):
    """The network of the package groundingdino."""

    def __init__(self, network: Any, processor: Any, *, device: str, dtype: str) -> None:
        super().__init__(network.tokenizer, processor, {})
        self.network = network.eval().to(device)
        self.device = torch.device(device)
        self.dtype = getattr(torch, dtype)
        # The fork keeps a picture's features in the network itself until its boxes are known.
        self._one_at_a_time = threading.Lock()

    @property
    def most_tokens(self) -> int:
        limit: int = self.network.max_text_len
        return limit

    def logits_and_boxes(self, image: Any, text: str, encoded: Any) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        pixels = image["pixel_values"].to(self.device)
        with self._one_at_a_time, torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output = self.network(pixels, captions=[text])
        return output["pred_logits"][0], output["pred_boxes"][0]


def load(path: Path, *, device: str, dtype: str) -> GroundingDino:
    """Load a published checkpoint: the tensors as they are, by their published names, all of them and no others.

    In another precision than float32 the network runs under autocast. Raises `ModelError` for a checkpoint, a config
    or words that are missing or do not fit, and where the package is not installed.
    """
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    if find_spec("groundingdino") is None:
        raise ModelError(
            f"{path} is an original checkpoint, which needs the package groundingdino: "
            "pip install 'samloom[groundingdino]'."
        )
    config = find_config(path)
    network = _network(config, path)
    _fill(network, path, config)
    return OriginalGroundingDino(network, GroundingDinoImageProcessorPil(), device=device, dtype=dtype)


def _network(config: Path, checkpoint: Path) -> Any:
    """The network that a config describes, with whatever weights its constructor gives it."""
    settings = {**read_config(config), **_FOR_INFERENCE}
    if not str(settings.get("backbone", "")).startswith("swin_"):
        raise ModelError(f"{config}: the backbone is {settings.get('backbone')!r}; published ones begin with 'swin_'.")
    words = _words(str(settings.get("text_encoder_type")), checkpoint)
    try:
        with warnings.catch_warnings():
            # Newer Pythons warn of groundingdino-py's source as well, when they read it for the first time.
            warnings.simplefilter("ignore")
            return _builder(*words)(SimpleNamespace(**settings))
    except AttributeError as error:
        raise ModelError(f"{config} does not say '{error.name}', without which no network can be built.") from error
    except _WRONG_CONFIG as error:
        raise ModelError(f"{config} describes no Grounding DINO: {str(error) or type(error).__name__}.") from error


def _words(name: str, checkpoint: Path) -> tuple[BertTokenizer, BertConfig]:
    """How a text encoder reads: from a folder of its name beside the checkpoint, or from the hub's cache on disk."""
    folder = checkpoint.parent / name
    try:
        tokenizer = BertTokenizer.from_pretrained(folder if folder.is_dir() else name, local_files_only=True)
        config = BertConfig.from_pretrained(folder if folder.is_dir() else name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{checkpoint} needs the words of '{name}', which are not on this machine. Where there is a network, run "
            f"`hf download {name} config.json tokenizer.json tokenizer_config.json vocab.txt --local-dir {folder}`."
        ) from error
    return tokenizer, config


def _builder(tokenizer: BertTokenizer, bert: BertConfig) -> Callable[[SimpleNamespace], Any]:
    """The package's own function that builds a network, which gets its text encoder from here."""
    from groundingdino.models.GroundingDINO import groundingdino as package

    encoders = SimpleNamespace(
        get_tokenlizer=lambda _: tokenizer, get_pretrained_language_model=lambda _: PairMaskedBert(bert)
    )

    class Network(package.GroundingDINO):  # type: ignore[misc]
        __init__ = _seeing(
            package.GroundingDINO.__init__, get_tokenlizer=encoders, BertModelWarper=lambda bert_model: bert_model
        )

    build: Callable[[SimpleNamespace], Any] = _seeing(package.build_groundingdino, GroundingDINO=Network)
    return build


def _seeing(function: Any, **names: Any) -> Any:
    """A copy of a function that finds other things under these global names; the function itself stays as it is."""
    sight = {**function.__globals__, **names}
    return FunctionType(function.__code__, sight, function.__name__, function.__defaults__, function.__closure__)


def _fill(network: Any, path: Path, config: Path) -> None:
    """Give the network the tensors of a checkpoint. Raises `ModelError` unless they are exactly those that it has."""
    try:
        tensors = read_tensors(path, under="model")
    except SamModelError as error:
        raise ModelError(f"{error}.") from error
    given = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    fitting = {name: tensor for name, tensor in given.items() if wanted.get(name) == tensor.shape}
    if unfit := sorted((given.keys() | wanted.keys()) - fitting.keys() - _LEFT_OVER):
        raise ModelError(
            f"{path} is no Grounding DINO as {config.name} describes it: {len(unfit)} tensors do not fit, "
            f"the first is {unfit[0]}."
        )
    network.load_state_dict(fitting)
