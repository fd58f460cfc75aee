/**
 * All masks of a picture, in colour: filtered as sliders move, named under the pointer, saved as files.
 *
 * @typedef {import("./masks.js").Found} Found
 * @typedef {{picture: string, coco: string, sa1b: string, name: string}} Shown where the picture and the files are
 */

import { download } from "../click/saving.js";
import { colourOf, lay, NOBODY, passes, readRecord } from "./masks.js";

const FILL = 0.5;
const FAINT = 0.16;
const STRONG = 0.72;
const LISTED = 200;

const MARKUP = `
<div class="explorer-frame"><div class="explorer-stage"><img alt=""><canvas aria-hidden="true"></canvas><p class="explorer-tip" hidden></p></div></div>
<p class="explorer-said" role="status" aria-live="polite"></p>
<div class="explorer-filters" role="group" aria-label="Filters">
  <label>Area, at least <output></output><input type="range" data-least="area" min="0" max="100" step="1" value="0"></label>
  <label>Confidence, at least <output></output><input type="range" data-least="iou" min="0" max="1" step="0.01" value="0"></label>
  <label>Stability, at least <output></output><input type="range" data-least="stability" min="0" max="1" step="0.01" value="0"></label>
</div>
<div class="explorer-take">
  <button type="button" data-save="coco">COCO JSON</button>
  <button type="button" data-save="sa1b">SA-1B record</button>
</div>
<details class="explorer-all"><summary>The masks as a list</summary><ol></ol></details>`;

export class Explorer {
  /** @type {Found[]} */
  #masks = [];
  /** @type {Record<"coco" | "sa1b", any>} */
  #files = { coco: null, sa1b: null };
  #picture = { width: 1, height: 1 };
  #name = "picture";
  /** @type {ReturnType<typeof lay> | null} */
  #laid = null;
  #marked = NOBODY;
  #frame = 0;

  /** @param {HTMLElement} host is filled */
  constructor(host) {
    host.classList.add("explorer");
    host.innerHTML = MARKUP;
    const find = (/** @type {string} */ selector) => /** @type {any} */ (host.querySelector(selector));
    this.image = /** @type {HTMLImageElement} */ (find("img"));
    this.canvas = /** @type {HTMLCanvasElement} */ (find("canvas"));
    this.stage = /** @type {HTMLElement} */ (find(".explorer-stage"));
    this.tip = /** @type {HTMLElement} */ (find(".explorer-tip"));
    this.said = /** @type {HTMLElement} */ (find(".explorer-said"));
    this.list = /** @type {HTMLElement} */ (find("ol"));
    this.sliders = /** @type {HTMLInputElement[]} */ ([...host.querySelectorAll("input[type=range]")]);
    for (const slider of this.sliders) slider.oninput = () => this.#filter();
    this.stage.onpointermove = (event) => this.#point(event);
    this.stage.onpointerleave = () => this.#mark(NOBODY);
    for (const button of host.querySelectorAll("[data-save]")) {
      /** @type {HTMLElement} */ (button).onclick = () => this.#save(/** @type {any} */ (button).dataset.save);
    }
  }

  /** Show what was found. Raises if a file cannot be fetched. @param {Shown} shown */
  async open({ picture, coco, sa1b, name }) {
    this.image.src = picture;
    const [cocoFile, record] = await Promise.all([json(coco), json(sa1b), this.image.decode()]);
    this.#files = { coco: cocoFile, sa1b: record };
    this.#picture = { width: record.image.width, height: record.image.height };
    this.#name = name;
    this.#masks = readRecord(record);
    this.stage.style.setProperty("--ratio", String(this.#picture.width / this.#picture.height));
    this.#setSliders();
    this.#filter();
  }

  /** Confidence and stability begin at the least that was found; the area's slider is quadratic, for most are small. */
  #setSliders() {
    const least = { area: 0, iou: floor(this.#masks.map(({ predicted_iou }) => predicted_iou)), stability: floor(this.#masks.map(({ stability_score }) => stability_score)) };
    for (const slider of this.sliders) {
      const name = /** @type {keyof typeof least} */ (slider.dataset.least);
      slider.min = slider.value = String(least[name]);
      slider.disabled = this.#masks.length === 0;
    }
  }

  /** @returns {import("./masks.js").Least} */
  #least() {
    const [area, iou, stability] = this.sliders.map((slider) => Number(slider.value));
    return { area: (area / 100) ** 2 * 0.5, iou, stability };
  }

  #kept() {
    const least = this.#least();
    const pixels = this.#picture.width * this.#picture.height;
    return (/** @type {Found} */ mask) => passes(mask, least, pixels);
  }

  #filter() {
    const isKept = this.#kept();
    const { area, iou, stability } = this.#least();
    [`${(100 * area).toFixed(1)} %`, iou.toFixed(2), stability.toFixed(2)].forEach((text, index) => {
      /** @type {HTMLOutputElement} */ (this.sliders[index].parentElement?.querySelector("output")).textContent = text;
    });
    this.#laid = lay(this.#masks, isKept, this.#picture);
    this.#marked = NOBODY;
    this.#list(this.#masks.filter(isKept));
    this.#paint();
  }

  /** @param {Found[]} kept */
  #list(kept) {
    const all = this.#masks.length;
    this.said.textContent = all ? `${kept.length} of ${all} masks` : "Nothing was found. More points, or a lower confidence, may find something.";
    this.list.replaceChildren(
      ...kept.slice(0, LISTED).map((mask) => {
        const row = document.createElement("li");
        const index = this.#masks.indexOf(mask);
        row.tabIndex = 0;
        row.textContent = this.#describe(index);
        row.onfocus = row.onpointerenter = () => this.#mark(index);
        row.onblur = row.onpointerleave = () => this.#mark(NOBODY);
        return row;
      }),
    );
  }

  /** @param {number} index */
  #describe(index) {
    const { area, predicted_iou, stability_score } = this.#masks[index];
    const share = ((100 * area) / (this.#picture.width * this.#picture.height)).toFixed(1);
    return `#${index + 1}: ${area.toLocaleString("en")} pixels (${share} %), confidence ${predicted_iou.toFixed(2)}, stability ${stability_score.toFixed(2)}`;
  }

  /** @param {PointerEvent} event */
  #point(event) {
    if (!this.#laid) return;
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    const place = Math.floor(y * this.#laid.height) * this.#laid.width + Math.floor(x * this.#laid.width);
    this.#mark(this.#laid.owners[place] ?? NOBODY);
    this.tip.style.left = `${100 * Math.min(Math.max(x, 0.02), 0.98)}%`;
    this.tip.style.top = `${100 * y}%`;
    this.tip.classList.toggle("left", x > 0.5);
  }

  /** @param {number} index */
  #mark(index) {
    if (index === this.#marked) return;
    this.#marked = index;
    this.tip.hidden = index === NOBODY;
    if (index !== NOBODY) this.tip.textContent = this.#describe(index);
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    if (!this.#laid) return;
    const { owners, width, height } = this.#laid;
    [this.canvas.width, this.canvas.height] = [width, height];
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const pixels = context.createImageData(width, height);
    const colours = this.#masks.map((_, index) => colourOf(index));
    const rest = this.#marked === NOBODY ? FILL : FAINT;
    for (let at = 0; at < owners.length; at++) {
      const owner = owners[at];
      if (owner === NOBODY) continue;
      const isEdge = owners[at + 1] !== owner || owners[at - 1] !== owner || owners[at + width] !== owner || owners[at - width] !== owner;
      const [red, green, blue] = isEdge && owner === this.#marked ? [255, 255, 255] : colours[owner];
      const strength = isEdge ? Math.min(1, 2 * (owner === this.#marked ? STRONG : rest)) : owner === this.#marked ? STRONG : rest;
      pixels.data[4 * at] = red;
      pixels.data[4 * at + 1] = green;
      pixels.data[4 * at + 2] = blue;
      pixels.data[4 * at + 3] = 255 * strength;
    }
    context.putImageData(pixels, 0, 0);
  }

  /** Save the masks that pass the filters. @param {"coco" | "sa1b"} kind */
  #save(kind) {
    const isKept = this.#kept();
    const file = this.#files[kind];
    const kept = file.annotations.filter((/** @type {any} */ _, /** @type {number} */ index) => isKept(this.#masks[index]));
    const blob = new Blob([JSON.stringify({ ...file, annotations: kept })], { type: "application/json" });
    download(blob, `${this.#name}-${kind}.json`);
  }
}

/** @param {string} url */
async function json(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`a file cannot be fetched (${response.status})`);
  return response.json();
}

/** @param {number[]} values the least of them, in hundredths */
function floor(values) {
  return Math.max(0, Math.floor(100 * Math.min(1, ...values)) / 100);
}
