/**
 * The decoder as the page sees it: a worker that answers, one question at a time.
 *
 * @typedef {{points: [number, number, number][], box: [number, number, number, number] | null}} Prompts
 *   Points as x, y and 1 on the thing or 0 off it, a box as left, top, right, bottom; in pixels of the picture.
 * @typedef {{logits: Float32Array, iou: number, rings: Float32Array[]}} Mask
 */

export class Decoder {
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "decoder" });
  #last = 0;
  #isAsking = false;
  /** @type {{prompts: Prompts, wanted: string, settle: (answer: any) => void} | null} */
  #newest = null;

  constructor() {
    this.#worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = /** @type {any} */ (this.#waiting.get(id));
      this.#waiting.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failAll(new Error(event.message || "the decoder could not be started"));
    };
  }

  /**
   * Get ready to answer about a picture: fetch the decoder and what the server saw.
   * @param {string} graph @param {string} look @param {import("./scaling.js").Frame} frame
   */
  open(graph, look, frame) {
    return this.#send({ kind: "open", graph, look, frame });
  }

  /**
   * The masks for some prompts.
   * @param {Prompts} prompts
   * @param {"one" | "three"} wanted
   * @returns {Promise<{masks: Mask[], milliseconds: number}>}
   */
  ask(prompts, wanted) {
    return this.#send({ kind: "ask", prompts, wanted });
  }

  /**
   * Like `ask`, for prompts that are overtaken by newer ones: while one is being answered only the newest waits, and
   * those in between are given null.
   * @param {Prompts} prompts
   * @param {"one" | "three"} wanted
   * @returns {Promise<{masks: Mask[], milliseconds: number} | null>}
   */
  askNewest(prompts, wanted) {
    return new Promise((settle) => {
      this.#newest?.settle(null);
      this.#newest = { prompts, wanted, settle };
      this.#pump();
    });
  }

  /** Every pixel of the picture, 1 in the mask. @param {Float32Array} logits @returns {Promise<Uint8Array>} */
  mask(logits) {
    return this.#send({ kind: "mask", logits });
  }

  /** End the thread. */
  close() {
    this.#worker.terminate();
    this.#failAll(new Error("the decoder was closed"));
  }

  async #pump() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#newest) {
      const { prompts, wanted, settle } = this.#newest;
      this.#newest = null;
      settle(await this.ask(prompts, /** @type {any} */ (wanted)).catch(() => null));
    }
    this.#isAsking = false;
  }

  /** @param {Record<string, unknown>} message @returns {Promise<any>} */
  #send(message) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...message });
    });
  }

  /** @param {Error} error */
  #failAll(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
