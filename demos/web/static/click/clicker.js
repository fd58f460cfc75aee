/**
 * Segment Anything by hand: hover, click, draw a box, choose, keep, take along.
 *
 * @typedef {import("./kept.js").Thing} Thing
 * @typedef {{frame: import("./scaling.js").Frame, graph: string, look: string, picture: string, name: string}} Opened
 *   What the server says of a picture: where its decoder, its features and its pixels can be fetched.
 */

import { Decoder } from "./decoder.js";
import { cleared, redone, undone, withBox, withPoint } from "./history.js";
import { Kept } from "./kept.js";
import { describe } from "./masks.js";
import { Pointing } from "./pointing.js";
import { Question } from "./question.js";
import { cutOut, download, maskPicture } from "./saving.js";
import { Stage } from "./stage.js";
import { build, showCandidates } from "./view.js";

const HOVERED = 0.75;
const CHOSEN = 1;

export class Clicker {
  #decoder = new Decoder();
  #question = new Question(this.#decoder);
  /** The box that is being drawn. @type {number[] | null} */
  #dragged = null;
  /** Where the keyboard points. @type {[number, number] | null} */
  #cross = null;
  /** @type {{stage: Stage, pointing: Pointing, opened: Opened} | null} */
  #open = null;
  /** What buttons and keys do, by their names. @type {Record<string, () => void>} */
  #commands = {
    undo: () => this.#go(undone),
    redo: () => this.#go(redone),
    reset: () => this.#go(cleared),
    keep: () => this.#keep(),
  };

  /**
   * @param {HTMLElement} host is filled
   * @param {(thing: {name: string} & import("./decoder.js").Prompts) => void} sendToEdit
   */
  constructor(host, sendToEdit) {
    this.sendToEdit = sendToEdit;
    this.view = build(host);
    this.kept = new Kept(this.view.kept, (way, thing) => this.#take(way, thing), () => this.#refresh());
    for (const [name, act] of Object.entries(this.#commands)) this.view.button(name).onclick = act;
    for (const way of ["cutout", "mask", "edit"]) this.view.button(way).onclick = () => this.#take(way, this.#thing());
    for (const mode of this.view.modes) mode.onclick = () => this.#setMode(String(mode.dataset.mode));
    this.view.wanted.onchange = () => this.#ask();
    this.#refresh();
  }

  /** Show a picture and get ready to answer. Raises if its parts cannot be fetched. @param {Opened} opened */
  async open(opened) {
    const { canvas, image, stage } = this.view;
    const { frame } = opened;
    this.view.busy("Fetching the decoder …");
    image.src = opened.picture;
    await Promise.all([image.decode(), this.#decoder.open(opened.graph, opened.look, frame)]);
    this.#open?.stage.close();
    stage.style.setProperty("--ratio", String(frame.width / frame.height));
    this.#open = { opened, stage: new Stage(canvas, frame), pointing: new Pointing(canvas, frame, this.#heard()) };
    this.#question.clear();
    this.kept.clear();
    this.#draw(null, null); // what was drawn on the picture before
    this.#setMode("add");
    this.view.busy(null);
    this.#refresh();
    this.view.say("Ready. Move over the picture, and click on a thing.");
  }

  /** End the decoder's thread. */
  close() {
    this.#open?.stage.close();
    this.#decoder.close();
  }

  /** Say what went wrong. @param {Error} error */
  fail(error) {
    this.view.busy(null);
    this.view.say(`That did not work: ${error.message}.`);
    return null;
  }

  /** @returns {import("./pointing.js").Heard} */
  #heard() {
    return {
      hover: (place) => this.#hover(place),
      point: (x, y, label) => this.#go((history) => withPoint(history, x, y, label)),
      box: (box) => this.#go((history) => withBox(history, box)),
      drag: (box) => this.#draw(box, this.#cross),
      cross: (cross) => {
        this.#hover(cross);
        this.#draw(this.#dragged, cross);
      },
      command: (name, argument = 0) => {
        if (name === "choose") this.#choose(argument);
        else if (name === "corner") this.view.say("A corner of the box is set. Move, then press B again.");
        else this.#commands[name]();
      },
    };
  }

  /** @param {number[] | null} dragged @param {[number, number] | null} cross */
  #draw(dragged, cross) {
    [this.#dragged, this.#cross] = [dragged, cross];
    this.#refresh();
  }

  /** @param {[number, number] | null} place */
  async #hover(place) {
    if (await this.#question.hover(place, this.#wanted)) this.#refresh();
  }

  /** Take a step in what is asked, and ask. @param {import("./history.js").Step} step */
  #go(step) {
    this.#question.take(step);
    this.#dragged = null;
    return this.#ask();
  }

  async #ask() {
    this.#refresh();
    if (this.#question.isEmpty) {
      if (this.#open) this.view.say("Nothing is chosen.");
      return;
    }
    const found = await this.#question.answer(this.#wanted).catch((error) => this.fail(error));
    if (!found) return;
    this.view.stage.dataset.milliseconds = found.milliseconds.toFixed(1);
    this.#choose(this.#question.chosen);
  }

  /** @param {number} index */
  #choose(index) {
    if (!this.#question.choose(index)) return;
    this.#refresh();
    this.view.say(describe(this.#question.masks, index, this.view.image));
  }

  #keep() {
    const thing = this.#thing();
    if (!thing) return this.view.say("There is no mask to keep yet. Click on a thing first.");
    this.kept.add(thing);
    this.#question.clear();
    this.#refresh();
    this.view.say(`Kept as ${thing.name}. Click on the next thing.`);
  }

  /** Cut out, save or send a thing. @param {string} way @param {Thing | null} thing */
  async #take(way, thing) {
    if (!thing || !this.#open) return;
    if (way === "edit") return this.#send(thing);
    const { frame, name } = this.#open.opened;
    const mask = await this.#decoder.mask(thing.mask.logits);
    const stem = `${name}-${thing.name.replace(/\W+/g, "-")}`;
    if (way === "mask") download(await maskPicture(mask, frame.width, frame.height), `${stem}-mask.png`);
    else download(await cutOut(this.view.image, mask), `${stem}.png`);
  }

  /** @param {Thing} thing */
  #send({ name, prompts }) {
    this.view.say(`${name} goes to the tab Edit.`);
    this.sendToEdit({ name, ...prompts });
  }

  /** What is outlined now, as it would be kept. */
  #thing() {
    const { mask, prompts } = this.#question;
    return mask?.rings.length ? this.kept.next(mask, prompts) : null;
  }

  get #wanted() {
    return /** @type {import("./question.js").Wanted} */ (this.view.wanted.value);
  }

  /** @param {string} name */
  #setMode(name) {
    this.view.showMode(name);
    if (this.#open) this.#open.pointing.mode = name;
  }

  #refresh() {
    const { masks, chosen, prompts, isEmpty, canUndo, canRedo } = this.#question;
    const hasThing = this.#thing() !== null;
    this.view.enable({ undo: canUndo, redo: canRedo, reset: !isEmpty });
    this.view.enable({ keep: hasThing, cutout: hasThing, mask: hasThing, edit: hasThing });
    showCandidates(this.view.candidates, masks, chosen, (index) => this.#choose(index));
    this.#open?.stage.show({ layers: this.#layers(), prompts, dragged: this.#dragged, cross: this.#cross });
  }

  /** What is kept, and over it the chosen mask, or else the one that a click would choose. */
  #layers() {
    const { mask, hovered } = this.#question;
    const { layers, colour } = this.kept;
    const top = mask ?? hovered;
    return top ? [...layers, { rings: top.rings, colour, strength: mask ? CHOSEN : HOVERED }] : layers;
  }
}
