/**
 * The picture with what lies on it: masks, points, a box, the keyboard's cross.
 *
 * @typedef {{rings: Float32Array[], colour: string, strength: number}} Layer
 * @typedef {{layers: Layer[], prompts: import("./decoder.js").Prompts, dragged: number[] | null, cross: [number, number] | null}} Scene
 */

const DASH = [7, 5];
const DASHES_A_SECOND = 14;
/** Between two pictures of the walking dashes: no more than the eye needs, for the decoder needs the processor. */
const STEP_MS = 80;
/** The outline from its soft edge inwards: thickness in screen pixels, and how much of the colour. */
const HALO = [
  [9, 0.15],
  [5.5, 0.3],
  [2.5, 1],
];
const POINT_RADIUS = 6;
const STRENGTHEN_MS = 140;

export class Stage {
  /** @type {Scene} */
  #scene = { layers: [], prompts: { points: [], box: null }, dragged: null, cross: null };
  #isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  #frame = 0;
  #timer = 0;
  #shownSince = 0;
  #key = "";

  /**
   * @param {HTMLCanvasElement} canvas lies over the picture, of the same size
   * @param {{width: number, height: number}} picture in its own pixels
   */
  constructor(canvas, picture) {
    this.canvas = canvas;
    this.picture = picture;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(canvas);
  }

  /** Show something else; masks that were not there before come softly. @param {Scene} scene */
  show(scene) {
    const key = scene.layers.map(({ rings }) => rings.length && rings[0].length).join();
    if (key !== this.#key && scene.layers.length !== this.#scene.layers.length) this.#shownSince = performance.now();
    this.#key = key;
    this.#scene = scene;
    this.draw();
  }

  /** Stop drawing. */
  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.observer.disconnect();
  }

  draw() {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame((now) => this.#paint(now));
  }

  /** @param {number} now */
  #paint(now) {
    const { context, canvas } = this;
    const density = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * density));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.clearRect(0, 0, width, height);
    const zoom = canvas.width / this.picture.width;
    const shown = this.#isCalm.matches ? 1 : Math.min(1, (now - this.#shownSince) / STRENGTHEN_MS);
    for (const layer of this.#scene.layers) this.#paintLayer(layer, zoom, density, shown, now);
    this.#paintBox(this.#scene.dragged ?? this.#scene.prompts.box, zoom, density);
    for (const point of this.#scene.prompts.points) this.#paintPoint(point, zoom, density);
    if (this.#scene.cross) this.#paintCross(this.#scene.cross, zoom, density);
    context.globalAlpha = 1;
    if (shown < 1) this.draw();
    else if (this.#scene.layers.some(isWalking) && !this.#isCalm.matches) this.#timer = setTimeout(() => this.draw(), STEP_MS);
  }

  /** @param {Layer} layer @param {number} zoom @param {number} density @param {number} shown @param {number} now */
  #paintLayer({ rings, colour, strength }, zoom, density, shown, now) {
    const { context } = this;
    const path = pathOf(rings, zoom);
    context.fillStyle = colour;
    context.globalAlpha = 0.38 * strength * shown;
    context.fill(path, "evenodd");
    context.lineJoin = "round";
    context.strokeStyle = colour;
    for (const [thickness, share] of HALO) {
      context.globalAlpha = share * strength * shown;
      context.lineWidth = thickness * density;
      context.stroke(path);
    }
    if (!isWalking({ strength })) return;
    context.strokeStyle = "white";
    context.lineWidth = 1.5 * density;
    context.setLineDash(DASH.map((part) => part * density));
    context.lineDashOffset = this.#isCalm.matches ? 0 : (-now / 1000) * DASHES_A_SECOND * density;
    context.stroke(path);
    context.setLineDash([]);
  }

  /** @param {number[] | null} box @param {number} zoom @param {number} density */
  #paintBox(box, zoom, density) {
    if (!box) return;
    const [left, top, right, bottom] = box.map((place) => place * zoom);
    const { context } = this;
    context.globalAlpha = 1;
    for (const [colour, width] of /** @type {[string, number][]} */ ([["rgb(0 0 0 / .55)", 4], ["white", 2]])) {
      context.strokeStyle = colour;
      context.lineWidth = width * density;
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }

  /** @param {[number, number, number]} point @param {number} zoom @param {number} density */
  #paintPoint([x, y, label], zoom, density) {
    const { context } = this;
    const [centreX, centreY, radius] = [x * zoom, y * zoom, POINT_RADIUS * density];
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(centreX, centreY, radius, 0, 2 * Math.PI);
    context.fillStyle = label ? "#0d9488" : "#e11d48";
    context.fill();
    context.strokeStyle = "white";
    context.lineWidth = 2 * density;
    context.stroke();
    context.beginPath();
    context.moveTo(centreX - radius / 2, centreY);
    context.lineTo(centreX + radius / 2, centreY);
    if (label) {
      context.moveTo(centreX, centreY - radius / 2);
      context.lineTo(centreX, centreY + radius / 2);
    }
    context.stroke();
  }

  /** @param {[number, number]} place @param {number} zoom @param {number} density */
  #paintCross([x, y], zoom, density) {
    const { context } = this;
    const arm = 14 * density;
    context.globalAlpha = 1;
    for (const [colour, width] of /** @type {[string, number][]} */ ([["black", 4], ["white", 2]])) {
      context.strokeStyle = colour;
      context.lineWidth = width * density;
      context.beginPath();
      context.moveTo(x * zoom - arm, y * zoom);
      context.lineTo(x * zoom + arm, y * zoom);
      context.moveTo(x * zoom, y * zoom - arm);
      context.lineTo(x * zoom, y * zoom + arm);
      context.stroke();
    }
  }
}

/** The chosen mask's outline walks; those that are hovered over or kept stand still. @param {{strength: number}} layer */
function isWalking({ strength }) {
  return strength === 1;
}

/** @param {Float32Array[]} rings in pixels of the picture @param {number} zoom */
export function pathOf(rings, zoom) {
  const path = new Path2D();
  for (const ring of rings) {
    path.moveTo(ring[0] * zoom, ring[1] * zoom);
    for (let at = 2; at < ring.length; at += 2) path.lineTo(ring[at] * zoom, ring[at + 1] * zoom);
    path.closePath();
  }
  return path;
}
