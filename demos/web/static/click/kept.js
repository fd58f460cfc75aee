/**
 * The things that a visitor keeps, as a list in which they are named, taken along and removed.
 *
 * @typedef {import("./decoder.js").Mask} Mask
 * @typedef {import("./decoder.js").Prompts} Prompts
 * @typedef {{mask: Mask, prompts: Prompts, colour: string, name: string}} Thing
 */

const COLOURS = ["#0ea5e9", "#f97316", "#22c55e", "#d946ef", "#eab308", "#ef4444", "#6366f1", "#14b8a6"];
const STRENGTH = 0.55;
const WAYS = { cutout: "Cut out", mask: "Mask", edit: "Send to Edit" };

export class Kept {
  /** @type {readonly Thing[]} */
  #things = [];

  /**
   * @param {HTMLElement} list is filled
   * @param {(way: string, thing: Thing) => void} take is called when a thing shall be taken along
   * @param {() => void} removed is called when a thing is gone
   */
  constructor(list, take, removed) {
    this.list = list;
    this.take = take;
    this.removed = removed;
  }

  /** The colour of the next thing. */
  get colour() {
    return COLOURS[this.#things.length % COLOURS.length];
  }

  /** As the stage paints them. @returns {import("./stage.js").Layer[]} */
  get layers() {
    return this.#things.map(({ mask: { rings }, colour }) => ({ rings, colour, strength: STRENGTH }));
  }

  /** What would be kept next. @param {Mask} mask @param {Prompts} prompts @returns {Thing} */
  next(mask, prompts) {
    return { mask, prompts, colour: this.colour, name: `thing ${this.#things.length + 1}` };
  }

  /** @param {Thing} thing */
  add(thing) {
    this.#show([...this.#things, thing]);
  }

  clear() {
    this.#show([]);
  }

  /** @param {readonly Thing[]} things */
  #show(things) {
    this.#things = things;
    this.list.replaceChildren(...things.map((thing) => this.#row(thing)));
  }

  /** @param {Thing} thing */
  #row(thing) {
    const row = document.createElement("li");
    const name = document.createElement("input");
    const ways = Object.entries(WAYS).map(([way, label]) => button(label, () => this.take(way, thing)));
    const buttons = [...ways, button("Remove", () => this.#remove(thing))];
    name.onchange = () => {
      thing.name = name.value.trim() || thing.name;
      address(thing.name, name, buttons);
    };
    address(thing.name, name, buttons);
    row.append(swatch(thing.colour), name, ...buttons);
    return row;
  }

  /** @param {Thing} thing */
  #remove(thing) {
    this.#show(this.#things.filter((other) => other !== thing));
    this.removed();
  }
}

/**
 * Say in a row which thing it is about.
 * @param {string} thing @param {HTMLInputElement} name @param {HTMLElement[]} buttons
 */
function address(thing, name, buttons) {
  name.value = thing;
  name.setAttribute("aria-label", `Name of ${thing}`);
  for (const made of buttons) made.setAttribute("aria-label", `${made.textContent}: ${thing}`);
}

/** @param {string} colour */
function swatch(colour) {
  const made = document.createElement("span");
  made.className = "clicker-swatch";
  made.style.background = colour;
  return made;
}

/** @param {string} label @param {() => void} act */
function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.onclick = act;
  return made;
}
