/**
 * Segment Anything by hand: hover, click, draw a box, choose, keep, take along.
 *
 * @typedef {import("./decoder.js").Mask} Mask
 * @typedef {{mask: Mask, colour: string, name: string, prompts: import("./decoder.js").Prompts}} Thing
 * @typedef {{frame: import("./scaling.js").Frame, graph: string, look: string, picture: string, name: string}} Opened
 *   What the server says of a picture: where its decoder, its features and its pixels can be fetched.
 */

import { Decoder } from "./decoder.js";
import { cleared, isEmpty, NOTHING, redone, START, undone, withBox, withPoint } from "./history.js";
import { Pointing } from "./pointing.js";
import { cutOut, download, maskPicture } from "./saving.js";
import { Stage } from "./stage.js";
import { build, percent, showCandidates } from "./view.js";

const COLOURS = ["#0ea5e9", "#f97316", "#22c55e", "#d946ef", "#eab308", "#ef4444", "#6366f1", "#14b8a6"];
const HOVERED = 0.75;
const KEPT = 0.55;

export class Clicker {
  #decoder = new Decoder();
  #history = START;
  /** @type {readonly Mask[]} */
  #masks = [];
  #chosen = 0;
  /** @type {Mask | null} */
  #hovered = null;
  /** @type {Thing[]} */
  #kept = [];
  /** @type {number[] | null} */
  #dragged = null;
  /** @type {[number, number] | null} */
  #cross = null;
  /** @type {{stage: Stage, pointing: Pointing, opened: Opened} | null} */
  #open = null;
  #isHovering = false;

  /**
   * @param {HTMLElement} host is filled
   * @param {(thing: {name: string} & import("./decoder.js").Prompts) => void} sendToEdit
   */
  constructor(host, sendToEdit) {
    this.view = build(host);
    this.sendToEdit = sendToEdit;
    const actions = { undo: () => this.#go(undone), redo: () => this.#go(redone), reset: () => this.#go(cleared), keep: () => this.#keep() };
    for (const [name, act] of Object.entries(actions)) this.view.button(name).onclick = act;
    this.view.button("cutout").onclick = () => this.#take("cutout", this.#thing());
    this.view.button("mask").onclick = () => this.#take("mask", this.#thing());
    this.view.button("edit").onclick = () => this.#take("edit", this.#thing());
    this.view.wanted.onchange = () => this.#ask();
    for (const mode of this.view.modes) mode.onclick = () => this.#setMode(String(mode.dataset.mode));
    this.#refresh();
  }

  /** Show a picture and get ready to answer. Raises if its parts cannot be fetched. @param {Opened} opened */
  async open(opened) {
    this.#busy("Fetching the decoder …");
    this.view.image.src = opened.picture;
    await Promise.all([this.view.image.decode(), this.#decoder.open(opened.graph, opened.look, opened.frame)]);
    this.#open?.stage.close();
    const stage = new Stage(this.view.canvas, opened.frame);
    this.view.stage.style.setProperty("--ratio", String(opened.frame.width / opened.frame.height));
    this.#open = { stage, opened, pointing: new Pointing(this.view.canvas, opened.frame, this.#heard()) };
    [this.#history, this.#masks, this.#kept, this.#hovered] = [START, [], [], null];
    this.#setMode("add");
    this.#busy(null);
    this.#refresh();
    this.#say("Ready. Move over the picture, and click on a thing.");
  }

  /** End the decoder's thread. */
  close() {
    this.#open?.stage.close();
    this.#decoder.close();
  }

  /** @returns {import("./pointing.js").Heard} */
  #heard() {
    const commands = { undo: () => this.#go(undone), redo: () => this.#go(redone), reset: () => this.#go(cleared), keep: () => this.#keep() };
    return {
      hover: (place) => this.#hover(place),
      point: (x, y, label) => this.#go((history) => withPoint(history, x, y, label)),
      box: (box) => this.#go((history) => withBox(history, box)),
      drag: (box) => this.#set(() => (this.#dragged = box)),
      cross: (cross) => this.#set(() => (this.#cross = cross), cross),
      command: (name, argument = 0) => {
        if (name === "choose") this.#choose(argument);
        else if (name === "corner") this.#say("A corner of the box is set. Move, then press B again.");
        else commands[/** @type {keyof typeof commands} */ (name)]();
      },
    };
  }

  /** @param {() => void} change @param {[number, number] | null} hovered */
  #set(change, hovered = null) {
    change();
    if (hovered) this.#hover(hovered);
    this.#refresh();
  }

  /** Show what a click would take, while nothing is asked yet. @param {[number, number] | null} place */
  async #hover(place) {
    this.#isHovering = place !== null;
    if (!place || !isEmpty(this.#history.present)) {
      if (this.#hovered) this.#set(() => (this.#hovered = null));
      return;
    }
    const wanted = this.view.wanted.value === "one" ? "one" : "three";
    const found = await this.#decoder.askNewest({ points: [[...place, 1]], box: null }, wanted);
    if (!found || !this.#isHovering || !isEmpty(this.#history.present)) return;
    this.#set(() => (this.#hovered = found.masks[best(found.masks)]));
  }

  /** Take a step in what is asked, and ask. @param {(history: import("./history.js").History) => import("./history.js").History} step */
  #go(step) {
    this.#history = step(this.#history);
    [this.#hovered, this.#dragged] = [null, null];
    return this.#ask();
  }

  async #ask() {
    const prompts = this.#history.present;
    if (isEmpty(prompts)) {
      this.#masks = [];
      this.#refresh();
      if (this.#open) this.#say("Nothing is chosen.");
      return;
    }
    this.#refresh();
    const isOneClick = prompts.points.length === 1 && !prompts.box;
    const wanted = this.view.wanted.value === "auto" ? (isOneClick ? "three" : "one") : this.view.wanted.value;
    const found = await this.#decoder.ask(prompts, /** @type {"one" | "three"} */ (wanted)).catch((error) => this.fail(error));
    if (!found || prompts !== this.#history.present) return;
    this.#masks = found.masks;
    this.view.stage.dataset.milliseconds = found.milliseconds.toFixed(1);
    this.#choose(best(found.masks));
  }

  /** @param {number} index */
  #choose(index) {
    if (index >= this.#masks.length) return;
    this.#chosen = index;
    this.#refresh();
    this.#say(this.#describe());
  }

  #describe() {
    const mask = this.#masks[this.#chosen];
    const share = (100 * areaOf(mask.rings)) / (this.view.image.naturalWidth * this.view.image.naturalHeight);
    if (!mask.rings.length) return "Nothing is there, says the model. Click elsewhere.";
    const which = this.#masks.length > 1 ? `Mask ${this.#chosen + 1} of ${this.#masks.length}` : "The mask";
    return `${which} covers ${share < 1 ? "less than 1" : Math.round(share)} % of the picture; the model trusts it by ${percent(mask.iou)}.`;
  }

  /** @returns {Thing | null} */
  #thing() {
    const mask = this.#masks[this.#chosen];
    if (!mask?.rings.length) return null;
    return { mask, colour: this.#colour(), name: `thing ${this.#kept.length + 1}`, prompts: this.#history.present };
  }

  #keep() {
    const thing = this.#thing();
    if (!thing) return this.#say("There is no mask to keep yet. Click on a thing first.");
    this.#kept = [...this.#kept, thing];
    [this.#history, this.#masks, this.#hovered] = [START, [], null];
    this.#refresh();
    this.#say(`Kept as ${thing.name}. Click on the next thing.`);
  }

  /** Cut out, save or send a thing. @param {string} how @param {Thing | null} thing */
  async #take(how, thing) {
    if (!thing || !this.#open) return;
    if (how === "edit") {
      this.#say(`${thing.name} goes to the tab Edit.`);
      this.sendToEdit({ name: thing.name, ...thing.prompts });
      return;
    }
    const { width, height } = this.#open.opened.frame;
    const mask = await this.#decoder.mask(thing.mask.logits);
    const stem = `${this.#open.opened.name}-${thing.name.replace(/\W+/g, "-")}`;
    if (how === "mask") download(await maskPicture(mask, width, height), `${stem}-mask.png`);
    else download(await cutOut(this.view.image, mask), `${stem}.png`);
  }

  #colour() {
    return COLOURS[this.#kept.length % COLOURS.length];
  }

  /** @param {string} name */
  #setMode(name) {
    for (const mode of this.view.modes) mode.setAttribute("aria-checked", String(mode.dataset.mode === name));
    this.view.stage.dataset.mode = name;
    if (this.#open) this.#open.pointing.mode = name;
  }

  #refresh() {
    const { past, future } = this.#history;
    const current = this.#masks[this.#chosen] ?? null;
    this.view.button("undo").disabled = past.length === 0;
    this.view.button("redo").disabled = future.length === 0;
    this.view.button("reset").disabled = isEmpty(this.#history.present);
    for (const name of ["keep", "cutout", "mask", "edit"]) this.view.button(name).disabled = !current?.rings.length;
    showCandidates(this.view.candidates, this.#masks, this.#chosen, (index) => this.#choose(index));
    this.#listKept();
    this.#open?.stage.show({
      layers: this.#layers(current),
      prompts: this.#history.present ?? NOTHING,
      dragged: this.#dragged,
      cross: this.#cross,
    });
  }

  /** @param {Mask | null} current */
  #layers(current) {
    const kept = this.#kept.map(({ mask: { rings }, colour }) => ({ rings, colour, strength: KEPT }));
    if (current) return [...kept, { rings: current.rings, colour: this.#colour(), strength: 1 }];
    return this.#hovered ? [...kept, { rings: this.#hovered.rings, colour: this.#colour(), strength: HOVERED }] : kept;
  }

  #listKept() {
    const actions = { cutout: "Cut out", mask: "Mask", edit: "Send to Edit" };
    this.view.kept.replaceChildren(
      ...this.#kept.map((thing) => {
        const row = document.createElement("li");
        const swatch = document.createElement("span");
        swatch.className = "clicker-swatch";
        swatch.style.background = thing.colour;
        const name = document.createElement("input");
        name.value = thing.name;
        name.setAttribute("aria-label", `Name of ${thing.name}`);
        name.onchange = () => (thing.name = name.value.trim() || thing.name);
        const buttons = Object.entries(actions).map(([how, label]) => button(label, thing.name, () => this.#take(how, thing)));
        const drop = () => this.#set(() => (this.#kept = this.#kept.filter((other) => other !== thing)));
        row.append(swatch, name, ...buttons, button("Remove", thing.name, drop));
        return row;
      }),
    );
  }

  /** @param {string} text */
  #say(text) {
    this.view.said.textContent = text;
  }

  /** @param {string | null} text */
  #busy(text) {
    this.view.busy.hidden = text === null;
    /** @type {HTMLElement} */ (this.view.busy.firstElementChild).textContent = text ?? "";
  }

  /** Say what went wrong. @param {Error} error */
  fail(error) {
    this.#busy(null);
    this.#say(`That did not work: ${error.message}.`);
    return null;
  }
}

/** @param {readonly Mask[]} masks the index of the one that the model trusts most */
function best(masks) {
  return masks.reduce((found, { iou }, index) => (iou > masks[found].iou ? index : found), 0);
}

/** What rings enclose, holes taken off, in pixels (shoelace formula). @param {Float32Array[]} rings */
function areaOf(rings) {
  let twice = 0;
  for (const ring of rings) {
    for (let at = 0; at < ring.length; at += 2) {
      const next = (at + 2) % ring.length;
      twice += ring[at + 1] * ring[next] - ring[at] * ring[next + 1];
    }
  }
  return Math.abs(twice) / 2;
}

/** @param {string} label @param {string} thing @param {() => void} act */
function button(label, thing, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.setAttribute("aria-label", `${label}: ${thing}`);
  made.onclick = act;
  return made;
}
