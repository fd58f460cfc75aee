/** The clicker's markup, the elements in it by name, and what they show. */

import { percent } from "./masks.js";

const MARKUP = `
<div class="clicker-frame" part="frame">
  <div class="clicker-stage">
    <img alt="" draggable="false">
    <canvas tabindex="0" role="application" aria-label="The picture. Arrow keys move a cross." aria-describedby="clicker-keys"></canvas>
    <p class="clicker-busy" hidden><span></span></p>
  </div>
</div>
<div class="clicker-tools" role="toolbar" aria-label="Tools">
  <div class="clicker-group" role="radiogroup" aria-label="What a click does">
    <button type="button" role="radio" data-mode="add" aria-checked="true" title="Clicks say: this belongs to it">+ Add</button>
    <button type="button" role="radio" data-mode="leave" aria-checked="false" title="Clicks say: this does not belong to it (also Alt or the right button)">− Leave out</button>
    <button type="button" role="radio" data-mode="box" aria-checked="false" title="Draw a box (with the mouse, drag at any time)">▢ Box</button>
  </div>
  <div class="clicker-group">
    <button type="button" data-do="undo" title="Undo (Backspace)">Undo</button>
    <button type="button" data-do="redo" title="Redo (Shift Backspace)">Redo</button>
    <button type="button" data-do="reset" title="Begin again (Escape)">Reset</button>
  </div>
  <label class="clicker-group clicker-choice">Masks
    <select data-name="wanted">
      <option value="auto">three for one click</option>
      <option value="three">always three</option>
      <option value="one">always one</option>
    </select>
  </label>
  <div class="clicker-group" role="radiogroup" aria-label="Which mask" data-name="candidates" hidden></div>
</div>
<p class="clicker-said" role="status" aria-live="polite" data-name="said"></p>
<div class="clicker-take">
  <button type="button" class="primary" data-do="keep">Keep this thing</button>
  <button type="button" data-do="cutout">Cut out (PNG)</button>
  <button type="button" data-do="mask">Mask (PNG)</button>
  <button type="button" data-do="edit">Send to Edit</button>
</div>
<ul class="clicker-kept" aria-label="Kept things" data-name="kept"></ul>
<details class="clicker-help"><summary>Keys and gestures</summary>
  <p id="clicker-keys">Move over the picture to see what a click would take. Click to add a point; Alt-click or right-click to leave something out;
  drag to draw a box. With the keyboard: arrow keys move the cross, with Shift by single pixels; Enter adds a point, Delete leaves out,
  B begins and ends a box, Backspace undoes, Shift Backspace redoes, Escape begins again, 1 to 3 choose a mask, K keeps the thing.</p>
</details>`;

/**
 * @typedef {{image: HTMLImageElement, canvas: HTMLCanvasElement, stage: HTMLElement, kept: HTMLElement,
 *   candidates: HTMLElement, wanted: HTMLSelectElement, modes: HTMLElement[]}} Parts
 * @typedef {Parts & {
 *   button: (name: string) => HTMLButtonElement,
 *   enable: (buttons: Record<string, boolean>) => void,
 *   showMode: (name: string) => void,
 *   say: (text: string) => void,
 *   busy: (text: string | null) => void,
 * }} View
 */

/** @param {HTMLElement} host @returns {View} */
export function build(host) {
  host.classList.add("clicker");
  host.innerHTML = MARKUP;
  const find = (/** @type {string} */ selector) => /** @type {any} */ (host.querySelector(selector));
  const button = (/** @type {string} */ name) => find(`[data-do="${name}"]`);
  const [busy, said, parts] = [find(".clicker-busy"), find('[data-name="said"]'), partsOf(host)];
  return {
    ...parts,
    button,
    enable: (buttons) => {
      for (const [name, can] of Object.entries(buttons)) button(name).disabled = !can;
    },
    showMode: (name) => {
      for (const mode of parts.modes) mode.setAttribute("aria-checked", String(mode.dataset.mode === name));
      parts.stage.dataset.mode = name;
    },
    say: (text) => (said.textContent = text),
    busy: (text) => {
      busy.hidden = text === null;
      busy.firstElementChild.textContent = text ?? "";
    },
  };
}

/** @param {HTMLElement} host @returns {Parts} */
function partsOf(host) {
  const find = (/** @type {string} */ selector) => /** @type {any} */ (host.querySelector(selector));
  return {
    image: find("img"),
    canvas: find("canvas"),
    stage: find(".clicker-stage"),
    kept: find('[data-name="kept"]'),
    candidates: find('[data-name="candidates"]'),
    wanted: find('[data-name="wanted"]'),
    modes: [...host.querySelectorAll("[data-mode]")].map((mode) => /** @type {HTMLElement} */ (mode)),
  };
}

/**
 * The buttons that choose among several masks; none where there is no choice.
 * @param {HTMLElement} host
 * @param {readonly {iou: number}[]} masks
 * @param {number} chosen
 * @param {(index: number) => void} choose
 */
export function showCandidates(host, masks, chosen, choose) {
  host.hidden = masks.length < 2;
  host.replaceChildren(
    ...masks.map(({ iou }, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(index === chosen));
      button.textContent = `${index + 1} · ${percent(iou)}`;
      button.title = "How well the model thinks that this mask fits";
      button.onclick = () => choose(index);
      return button;
    }),
  );
}
