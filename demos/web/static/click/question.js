/**
 * What is asked about one thing, and the masks that answer it.
 *
 * @typedef {import("./decoder.js").Decoder} Decoder
 * @typedef {import("./decoder.js").Mask} Mask
 * @typedef {import("./decoder.js").Prompts} Prompts
 * @typedef {import("./history.js").Step} Step
 * @typedef {"auto" | "one" | "three"} Wanted how many masks
 */

import { isEmpty, START } from "./history.js";
import { best } from "./masks.js";

export class Question {
  #history = START;
  /** @type {readonly Mask[]} */
  #masks = [];
  #chosen = 0;
  /** What a click would take, while nothing is asked yet. @type {Mask | null} */
  #hovered = null;
  #isHovering = false;

  /** @param {Decoder} decoder */
  constructor(decoder) {
    this.decoder = decoder;
  }

  get prompts() {
    return this.#history.present;
  }

  get isEmpty() {
    return isEmpty(this.prompts);
  }

  get canUndo() {
    return this.#history.past.length > 0;
  }

  get canRedo() {
    return this.#history.future.length > 0;
  }

  get masks() {
    return this.#masks;
  }

  get chosen() {
    return this.#chosen;
  }

  /** The chosen mask. */
  get mask() {
    return this.#masks[this.#chosen] ?? null;
  }

  get hovered() {
    return this.#hovered;
  }

  /** Begin with another thing. */
  clear() {
    [this.#history, this.#masks, this.#hovered] = [START, [], null];
  }

  /** Take a step in what is asked; the masks are those of before until `answer`. @param {Step} step */
  take(step) {
    this.#history = step(this.#history);
    this.#hovered = null;
    if (this.isEmpty) this.#masks = [];
  }

  /**
   * Fetch the masks, and choose the best; null if something else was asked meanwhile.
   * @param {Wanted} wanted
   * @returns {Promise<{milliseconds: number} | null>}
   */
  async answer(wanted) {
    const { prompts } = this;
    const found = await this.decoder.ask(prompts, countFor(prompts, wanted));
    if (prompts !== this.prompts) return null;
    this.#masks = found.masks;
    this.#chosen = best(found.masks);
    return found;
  }

  /** Choose another of the masks; whether there is such a one. @param {number} index */
  choose(index) {
    if (index >= this.#masks.length) return false;
    this.#chosen = index;
    return true;
  }

  /**
   * Find out what a click would take; null where the pointer is nowhere. Whether that is something else than before.
   * @param {[number, number] | null} place
   * @param {Wanted} wanted
   */
  async hover(place, wanted) {
    this.#isHovering = place !== null;
    if (!place || !this.isEmpty) return this.#hoverNothing();
    const prompts = { points: [/** @type {[number, number, number]} */ ([...place, 1])], box: null };
    const found = await this.decoder.askNewest(prompts, countFor(prompts, wanted));
    if (!found || !this.#isHovering || !this.isEmpty) return false;
    this.#hovered = found.masks[best(found.masks)];
    return true;
  }

  #hoverNothing() {
    const isChange = this.#hovered !== null;
    this.#hovered = null;
    return isChange;
  }
}

/**
 * A single click may mean a part or the whole, so there are three masks to choose from.
 * @param {Prompts} prompts @param {Wanted} wanted
 */
function countFor({ points, box }, wanted) {
  if (wanted !== "auto") return wanted;
  return points.length === 1 && !box ? "three" : "one";
}
