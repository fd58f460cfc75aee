"""The decoder in Chromium (onnxruntime-web, WebAssembly) beside onnxruntime on the same machine, thread for thread.

    python benchmarks/browser.py                      # bundled, and vit_b with random weights
    python benchmarks/browser.py --threads 2 --model vit_b

All answer one click on the same picture, in turn. Chromium runs what the page runs, the graph `web`; onnxruntime runs
`logits`, which is the same network from the operators that are quickest there, and `decoder`, which is the official
export's form: picture and prompt together. Time is the least of all runs on the clock; on a busy machine the processor
time a click, which stands below it, says more.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "demos" / "web" / "static" / "vendor" / "onnxruntime-web"
CHROMIUM = "/usr/bin/chromium"
PREPARE = """async ([threads, shapes]) => {
  const ort = await import("./ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { wasm: new URL("ort.wasm", location.href).href };
  window.session = await ort.InferenceSession.create("./web.onnx");
  window.feed = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = await (await fetch(`./${name}.f32`)).arrayBuffer();
    feed[name] = new ort.Tensor("float32", new Float32Array(bytes), shape);
  }
  await session.run(feed);
}"""
RUN = """async (runs) => {
  let least = Infinity;
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    await session.run(feed);
    least = Math.min(least, performance.now() - started);
  }
  return least;
}"""


@dataclass(frozen=True)
class Cost:
    """Milliseconds a click, on the clock and of the processor."""

    clock: float
    processor: float

    def least(self, other: Cost) -> Cost:
        """The smaller of each."""
        return Cost(min(self.clock, other.clock), min(self.processor, other.processor))


class Files(SimpleHTTPRequestHandler):
    """A folder, served so that the page may use threads."""

    extensions_map = {  # noqa: RUF012 (as the base class has it)
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=("bundled", "vit_b"), default=["bundled", "vit_b"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| model | time | `web` in Chromium | `logits` in onnxruntime | ratio | `decoder` in onnxruntime | ratio |")
    print("|---|---|---|---|---|---|---|")
    for model in options.model:
        with tempfile.TemporaryDirectory() as folder:
            print(measured(model, Path(folder), options), flush=True)


def measured(model: str, folder: Path, options: argparse.Namespace) -> str:
    """Two rows, of the clock and of the processor: browser and native in turn, the least of all rounds."""
    feed = prepare(model, folder)
    native = session_of(folder / "logits.onnx", feed, options.threads)
    whole_graph = session_of(folder / "decoder.onnx", whole_feed(model), options.threads)
    with browser(folder, options.threads, feed) as in_browser:
        rounds = [
            (in_browser(options.runs), native(options.runs), whole_graph(options.runs)) for _ in range(options.rounds)
        ]
    ours, theirs, whole = (_least(costs) for costs in zip(*rounds, strict=True))
    costs = ours, theirs, whole
    return "\n".join(
        (
            _row(f"{model}, {options.threads} thread{'s' * (options.threads > 1)}", "clock", [c.clock for c in costs]),
            _row("", "processor", [c.processor for c in costs]),
        )
    )


def _row(model: str, time_: str, costs: list[float]) -> str:
    ours, theirs, whole = costs
    ratios = f"{theirs:.1f} ms | {ours / theirs:.2f}× | {whole:.1f} ms | {ours / whole:.2f}×"
    return f"| {model} | {time_} | {ours:.1f} ms | {ratios} |"


def prepare(model: str, folder: Path) -> dict[str, np.ndarray]:
    """Write the graphs, the runtime and the inputs of one click into the folder."""
    import torch

    from sam_model.export import READ, Look, export_onnx

    sam = network(model)
    export_onnx(sam, folder, ("logits", "web", "decoder"))
    config = sam.config
    embedding = torch.randn(1, config.width, config.grid_size, config.grid_size)
    hint = torch.zeros(1, 1, config.logits_size, config.logits_size)
    with torch.no_grad():
        read = Look(sam)(embedding, hint, torch.zeros(1))
    feed = {name: tensor.numpy() for name, tensor in zip(READ, read, strict=True)}
    feed |= click(config.image_size)
    for name, array in feed.items():
        (folder / f"{name}.f32").write_bytes(np.ascontiguousarray(array, np.float32).tobytes())
    (folder / "ort.wasm.bundle.min.mjs").write_bytes((VENDOR / "ort.wasm.bundle.min.mjs").read_bytes())
    (folder / "ort.wasm").write_bytes(gzip.decompress((VENDOR / "ort-wasm-simd-threaded.wasm.gz").read_bytes()))
    (folder / "index.html").write_text("<!doctype html><title>Benchmark</title>")
    return feed


def network(model: str) -> Any:
    """The bundled network, or one of the published sizes with random weights and an encoder that is not used."""
    import torch

    from sam_model import VIT_B, build_sam, load_sam

    if model == "bundled":
        return load_sam(ROOT / "plugins" / "bundled" / "sam")
    torch.manual_seed(0)
    return build_sam(replace(VIT_B, encoder_depth=1, global_blocks=(0,))).eval()


def click(side: int) -> dict[str, np.ndarray]:
    """One click in the middle, and the padding point."""
    places = np.array([[[side / 2, side / 2], [0, 0]]], np.float32)
    return {"point_coords": places, "point_labels": np.array([[1, -1]], np.float32)}


def whole_feed(model: str) -> dict[str, np.ndarray]:
    """The inputs of the official form; the picture is no larger than the model's square."""
    config = network(model).config
    size = np.array([config.image_size * 0.75, config.image_size], np.float32)
    return {
        "image_embeddings": np.random.default_rng(0).normal(size=(1, config.width, *[config.grid_size] * 2)),
        "mask_input": np.zeros((1, 1, config.logits_size, config.logits_size)),
        "has_mask_input": np.zeros(1),
        "orig_im_size": size,
        **click(config.image_size),
    }


def session_of(file: Path, feed: dict[str, np.ndarray], threads: int) -> Callable[[int], Cost]:
    """A graph in onnxruntime, warm."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options)
    inputs = {name: np.asarray(array, np.float32) for name, array in feed.items()}
    session.run(None, inputs)

    def run(runs: int) -> Cost:
        least, used = float("inf"), time.process_time()
        for _ in range(runs):
            started = time.perf_counter()
            session.run(None, inputs)
            least = min(least, time.perf_counter() - started)
        return Cost(1e3 * least, 1e3 * (time.process_time() - used) / runs)

    return run


@contextmanager
def browser(folder: Path, threads: int, feed: dict[str, np.ndarray]) -> Iterator[Callable[[int], Cost]]:
    """The graph in Chromium, warm; processor time is that of the page's process."""
    from playwright.sync_api import sync_playwright

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM)
            machine, page = chromium.new_browser_cdp_session(), chromium.new_page()
            page.set_default_timeout(0)
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            page.evaluate(PREPARE, [threads, {name: list(array.shape) for name, array in feed.items()}])

            def run(runs: int) -> Cost:
                used = _renderers(machine)
                least = page.evaluate(RUN, runs)
                return Cost(least, 1e3 * (_renderers(machine) - used) / runs)

            yield run
            chromium.close()
    finally:
        server.shutdown()


def _renderers(machine: Any) -> float:
    """Seconds of processor time that the browser's pages have used."""
    found = machine.send("SystemInfo.getProcessInfo")["processInfo"]
    return float(sum(process["cpuTime"] for process in found if process["type"] == "renderer"))


def _least(costs: tuple[Cost, ...]) -> Cost:
    first, *others = costs
    for other in others:
        first = first.least(other)
    return first


if __name__ == "__main__":
    main()
