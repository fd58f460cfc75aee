/**
 * From pointers and keys to places in the picture.
 *
 * @typedef {{
 *   hover: (place: [number, number] | null) => void,
 *   point: (x: number, y: number, label: 0 | 1) => void,
 *   drag: (box: [number, number, number, number]) => void,
 *   box: (box: [number, number, number, number]) => void,
 *   cross: (place: [number, number]) => void,
 *   command: (name: string, argument?: number) => void,
 * }} Heard
 */

const DRAG_PIXELS = 6;
const STEPS = 40;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const COMMANDS = { Escape: "reset", k: "keep" };

export class Pointing {
  /** @type {{x: number, y: number, label: 0 | 1, isBox: boolean} | null} */
  #pressed = null;
  /** @type {[number, number] | null} */
  #cross = null;
  /** @type {[number, number] | null} */
  #corner = null;
  mode = "add";

  /**
   * @param {HTMLCanvasElement} canvas lies over the picture
   * @param {{width: number, height: number}} picture
   * @param {Heard} heard
   */
  constructor(canvas, picture, heard) {
    this.canvas = canvas;
    this.picture = picture;
    this.heard = heard;
    canvas.onpointerdown = (event) => this.#press(event);
    canvas.onpointermove = (event) => this.#move(event);
    canvas.onpointerup = (event) => this.#release(event);
    canvas.onpointercancel = () => (this.#pressed = null);
    canvas.onpointerleave = () => heard.hover(null);
    canvas.oncontextmenu = (event) => event.preventDefault();
    canvas.onkeydown = (event) => this.#key(event);
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  #place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const within = (/** @type {number} */ part, /** @type {number} */ side) => Math.min(Math.max(part, 0), 1) * side;
    return [
      Math.min(within((event.clientX - left) / width, this.picture.width), this.picture.width - 0.01),
      Math.min(within((event.clientY - top) / height, this.picture.height), this.picture.height - 0.01),
    ];
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const [x, y] = this.#place(event);
    const leaves = this.mode === "leave" || event.altKey || event.button === 2;
    this.#pressed = { x, y, label: leaves ? 0 : 1, isBox: this.mode === "box" };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const place = this.#place(event);
    if (!this.#pressed) {
      if (event.pointerType !== "touch") this.heard.hover(place);
    } else if (this.#drags(place, event)) {
      this.#pressed.isBox = true;
      this.heard.drag(boxOf(this.#pressed, place));
    }
  }

  /** @param {[number, number]} place @param {PointerEvent} event */
  #drags([x, y], event) {
    if (!this.#pressed || (event.pointerType === "touch" && this.mode !== "box")) return false;
    const zoom = this.canvas.clientWidth / this.picture.width;
    return this.#pressed.isBox || Math.hypot(x - this.#pressed.x, y - this.#pressed.y) * zoom > DRAG_PIXELS;
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (!pressed) return;
    const box = boxOf(pressed, this.#place(event));
    if (!pressed.isBox) this.heard.point(pressed.x, pressed.y, pressed.label);
    else if (box[2] > box[0] && box[3] > box[1]) this.heard.box(box);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const arrow = /** @type {Record<string, number[]>} */ (ARROWS)[event.key];
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "z") return;
      this.heard.command(event.shiftKey ? "redo" : "undo");
    } else if (arrow) this.#step(arrow, event.shiftKey);
    else if (!this.#act(event)) return;
    event.preventDefault();
  }

  /** @param {number[]} direction @param {boolean} isFine */
  #step([dx, dy], isFine) {
    const { width, height } = this.picture;
    const stride = isFine ? 1 : Math.max(1, Math.max(width, height) / STEPS);
    const [x, y] = this.#cross ?? [width / 2, height / 2];
    this.#cross = [clamp(x + dx * stride, width), clamp(y + dy * stride, height)];
    if (this.#corner) this.heard.drag(boxOf({ x: this.#corner[0], y: this.#corner[1] }, this.#cross));
    this.heard.cross(this.#cross);
  }

  /** What a key other than an arrow does; false if it is none of ours. @param {KeyboardEvent} event */
  #act(event) {
    const { key } = event;
    const cross = (this.#cross ??= [this.picture.width / 2, this.picture.height / 2]);
    if (key === "Enter" || key === " ") this.heard.point(...cross, this.mode === "leave" ? 0 : 1);
    else if (key === "Delete") this.heard.point(...cross, 0);
    else if (key === "Backspace") this.heard.command(event.shiftKey ? "redo" : "undo");
    else if (key.toLowerCase() === "b") this.#mark(cross);
    else if (/^[1-3]$/.test(key)) this.heard.command("choose", Number(key) - 1);
    else if (COMMANDS[/** @type {keyof typeof COMMANDS} */ (key)]) this.#command(/** @type {keyof typeof COMMANDS} */ (key));
    else return false;
    return true;
  }

  /** @param {keyof typeof COMMANDS} key */
  #command(key) {
    this.#corner = null;
    this.heard.command(COMMANDS[key]);
  }

  /** Begin a box at the cross, or end it there. @param {[number, number]} cross */
  #mark(cross) {
    const corner = this.#corner;
    this.#corner = corner ? null : cross;
    if (!corner) return this.heard.command("corner");
    const box = boxOf({ x: corner[0], y: corner[1] }, cross);
    if (box[2] > box[0] && box[3] > box[1]) this.heard.box(box);
  }
}

/** @param {{x: number, y: number}} one @param {[number, number]} other @returns {[number, number, number, number]} */
function boxOf({ x, y }, [otherX, otherY]) {
  return [Math.min(x, otherX), Math.min(y, otherY), Math.max(x, otherX), Math.max(y, otherY)];
}

/** @param {number} place @param {number} side */
function clamp(place, side) {
  return Math.min(Math.max(place, 0), side - 0.01);
}
