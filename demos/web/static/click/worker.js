/**
 * The decoder, in a thread of its own so that the page never waits for it.
 *
 * Messages in: {id, kind: "open", graph, look, frame} | {id, kind: "ask", prompts, wanted} | {id, kind: "mask", logits}
 * and out: {id, answer} | {id, error}.
 */

import * as ort from "../vendor/onnxruntime-web/ort.wasm.bundle.min.mjs";
import { contours } from "./contour.js";
import { maskOf, scale, toModel } from "./scaling.js";
import { readHalves } from "./tensors.js";

/** The longest side of the map that outlines are drawn after: fine enough for any screen, and quick. */
const OUTLINE_SIDE = 640;
const MOST_THREADS = 4;
const PADDING = -1;
const CORNERS = [2, 3];

ort.env.wasm.wasmPaths = { wasm: new URL("../vendor/onnxruntime-web/ort-wasm-simd-threaded.wasm", import.meta.url).href };
ort.env.wasm.numThreads = self.crossOriginIsolated
  ? Math.max(1, Math.min(MOST_THREADS, Math.floor(navigator.hardwareConcurrency / 2)))
  : 1;

/** @type {{session: ort.InferenceSession, graph: string} | undefined} */
let decoder;
/** @type {{frame: import("./scaling.js").Frame, look: Record<string, ort.Tensor>} | undefined} */
let picture;

const KINDS = { open, ask, mask };

/** One after the other: the decoder answers one question at a time. */
let last = Promise.resolve();
self.onmessage = ({ data }) => {
  last = last.then(() => respond(data));
};

/** @param {{id: number, kind: keyof typeof KINDS}} message */
async function respond(message) {
  try {
    const { answer, moved = [] } = await KINDS[message.kind](/** @type {any} */ (message));
    self.postMessage({ id: message.id, answer }, moved);
  } catch (error) {
    self.postMessage({ id: message.id, error: String(error instanceof Error ? error.message : error) });
  }
}

/** Fetch the decoder, unless it is there, and what it is to know of a picture. */
async function open({ graph, look, frame }) {
  const [session, file] = await Promise.all([sessionOf(graph), bytesOf(look)]);
  decoder = { session, graph };
  const arrays = Object.entries(readHalves(file));
  const tensors = arrays.map(([name, { data, shape }]) => [name, new ort.Tensor("float32", data, shape)]);
  picture = { frame, look: Object.fromEntries(tensors) };
  await decoder.session.run({ ...picture.look, ...points(frame, { points: [[0, 0, 1]], box: null }) });
  return { answer: { threads: ort.env.wasm.numThreads } };
}

/** @param {string} graph */
async function sessionOf(graph) {
  if (decoder?.graph === graph) return decoder.session;
  return ort.InferenceSession.create(await bytesOf(graph), { executionProviders: ["wasm"] });
}

/** @param {string} url */
async function bytesOf(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`${new URL(url, self.location.href).pathname} cannot be fetched (${response.status})`);
  return response.arrayBuffer();
}

/**
 * The masks for some prompts: for each its logits, its predicted IoU, and its outline in pixels of the picture.
 * `wanted`: "one" for the mask of a clear prompt, "three" for those of an ambiguous one.
 */
async function ask({ prompts, wanted }) {
  if (!decoder || !picture) throw new Error("no picture is open");
  const started = performance.now();
  const found = await decoder.session.run({ ...picture.look, ...points(picture.frame, prompts) });
  const milliseconds = performance.now() - started;
  const [first, end] = wanted === "three" ? [1, 4] : [0, 1];
  const size = picture.frame.logits ** 2;
  const masks = [];
  for (let mask = first; mask < end; mask++) {
    const logits = /** @type {Float32Array} */ (found.low_res_masks.data).slice(mask * size, (mask + 1) * size);
    masks.push({ logits, iou: found.iou_predictions.data[mask], rings: outline(logits, picture.frame) });
  }
  return { answer: { masks, milliseconds }, moved: masks.flatMap(({ logits, rings }) => [logits.buffer, ...rings.map((ring) => ring.buffer)]) };
}

/** Every pixel of the picture: 1 in the mask, 0 outside. */
async function mask({ logits }) {
  if (!picture) throw new Error("no picture is open");
  const found = maskOf(logits, picture.frame);
  return { answer: found, moved: [found.buffer] };
}

/** Points and the corners of a box in the model's square; without a box a padding point ends them. */
function points(frame, prompts) {
  const places = prompts.points.map(([x, y, label]) => [...toModel(frame, x, y), label]);
  if (prompts.box) {
    const [left, top, right, bottom] = prompts.box;
    places.push([...toModel(frame, left, top), CORNERS[0]], [...toModel(frame, right, bottom), CORNERS[1]]);
  } else {
    places.push([0, 0, PADDING]);
  }
  const xy = Float32Array.from(places.flatMap(([x, y]) => [x, y]));
  const labels = Float32Array.from(places, ([, , label]) => label);
  return {
    point_coords: new ort.Tensor("float32", xy, [1, places.length, 2]),
    point_labels: new ort.Tensor("float32", labels, [1, places.length]),
  };
}

/** @param {Float32Array} logits @param {import("./scaling.js").Frame} frame */
function outline(logits, frame) {
  const shrink = Math.min(1, OUTLINE_SIDE / Math.max(frame.width, frame.height));
  const [width, height] = [frame.width, frame.height].map((side) => Math.max(1, Math.round(side * shrink)));
  const rings = contours(scale(logits, frame, height, width), width, height);
  for (const ring of rings) {
    for (let at = 0; at < ring.length; at += 2) {
      ring[at] *= frame.width / width;
      ring[at + 1] *= frame.height / height;
    }
  }
  return rings;
}
