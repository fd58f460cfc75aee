/**
 * What may be written at the cursor: a list below it, used by keys or by the mouse.
 *
 * @typedef {{label: string, insert: string, detail: string}} Suggestion what is shown, and what is written
 * @typedef {{start: number, end: number, items: Suggestion[]}} Completion the part of the text that is written over
 */

import { insert, seenAt } from "./area.js";
import { element } from "./elements.js";

const SEEN = 8; // suggestions at once, as high as the list is
const MARGIN = 4; // pixels that the list keeps from the frame's sides
/** After these something must follow, so it is suggested at once. */
const OPENING = /[:{]\s$/;
/** @type {Record<string, number>} */
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: SEEN, PageUp: -SEEN };
/** @type {Completion} */
const NOTHING = Object.freeze({ start: 0, end: 0, items: [] });

export class Suggestions {
  #found = NOTHING;
  #chosen = 0;
  /** How often the list was asked for or closed: an answer that comes after that is too late. */
  #asked = 0;

  /**
   * @param {HTMLTextAreaElement} area
   * @param {HTMLElement} list is filled
   * @param {(text: string, cursor: number) => Promise<Completion>} complete
   */
  constructor(area, list, complete) {
    this.area = area;
    this.list = list;
    this.complete = complete;
    area.addEventListener("blur", () => this.close());
    area.addEventListener("click", () => this.close());
    list.addEventListener("mousedown", (event) => this.#pick(event));
  }

  /** Ask for suggestions at the cursor, and show them. */
  async ask() {
    const ask = ++this.#asked;
    const found = await this.complete(this.area.value, this.area.selectionStart);
    if (ask !== this.#asked || document.activeElement !== this.area) return;
    const [only, ...others] = found.items;
    const isThere = only && !others.length && only.insert === this.area.value.slice(found.start, found.end);
    if (!only || isThere) return this.close();
    this.#found = found;
    this.#show();
  }

  /** What a key does to the list; whether it does anything. @param {string} key */
  steer(key) {
    if (!this.#found.items.length) return false;
    if (key in MOVES) this.#choose(this.#chosen + MOVES[key]);
    else if (key === "Enter" || key === "Tab") return this.#accept();
    else if (key === "Escape") this.close();
    else return false;
    return true;
  }

  close() {
    this.#asked++;
    this.#found = NOTHING;
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  #show() {
    this.list.replaceChildren(...this.#found.items.map(option));
    this.list.hidden = false; // before it is placed: what is hidden has no width
    this.#place();
    this.#choose(0);
  }

  /** Below what is written over, as far as the frame is wide enough. */
  #place() {
    const frame = /** @type {HTMLElement} */ (this.list.parentElement);
    const { left, bottom } = seenAt(this.area, this.#found.start, frame);
    const room = frame.clientWidth - this.list.offsetWidth - MARGIN;
    this.list.style.left = `${Math.max(MARGIN, Math.min(left, room))}px`;
    this.list.style.top = `${bottom + 2}px`;
  }

  /** @param {number} index may lie before the first or behind the last, and comes round */
  #choose(index) {
    const options = [...this.list.children];
    this.#chosen = (index + options.length) % options.length;
    options.forEach((made, at) => made.setAttribute("aria-selected", String(at === this.#chosen)));
    options[this.#chosen].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", options[this.#chosen].id);
  }

  /** Write the chosen suggestion; false if it is there already. */
  #accept() {
    const { start, end, items } = this.#found;
    const text = items[this.#chosen].insert;
    this.close();
    if (text === this.area.value.slice(start, end)) return false;
    insert(this.area, start, end, text);
    if (OPENING.test(text)) this.ask();
    return true;
  }

  /** @param {MouseEvent} event */
  #pick(event) {
    event.preventDefault(); // the text area keeps the focus
    const picked = /** @type {Element} */ (event.target).closest("li");
    if (!picked) return;
    this.#chosen = [...this.list.children].indexOf(picked);
    this.#accept();
  }
}

/** @param {Suggestion} suggestion @param {number} index */
function option({ label, detail }, index) {
  const made = element("li", "", element("span", "label", label), element("span", "detail", detail));
  made.id = `bench-suggestion-${index}`;
  made.role = "option";
  return made;
}
