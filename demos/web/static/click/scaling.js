/**
 * From the network's logits to the pixels of a picture: the two bilinear steps of the official code (`align_corners`
 * false, as PyTorch does them), joined to one linear map for each axis.
 *
 * @typedef {{height: number, width: number, square: number, logits: number}} Frame
 *   A picture's size in pixels, the side of the model's square, and the side of the logits over it.
 * @typedef {{index: Int32Array, weight: Float32Array}} Taps
 *   For each pixel of an axis four logits and their shares.
 */

const TAPS = 4;

/**
 * The height and width that a picture has inside the model's square.
 * @param {Frame} frame
 * @returns {[number, number]}
 */
export function inner({ height, width, square }) {
  const scale = square / Math.max(height, width);
  return [Math.max(1, Math.floor(height * scale + 0.5)), Math.max(1, Math.floor(width * scale + 0.5))];
}

/**
 * Move a place from the picture's pixels to the model's square.
 * @param {Frame} frame
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function toModel(frame, x, y) {
  const [height, width] = inner(frame);
  return [(x * width) / frame.width, (y * height) / frame.height];
}

/**
 * Logits at the resolution `height` × `width` of the whole picture.
 * @param {Float32Array} logits of one mask, `frame.logits` squared
 * @param {Frame} frame
 * @param {number} height
 * @param {number} width
 * @returns {Float32Array} row by row
 */
export function scale(logits, frame, height, width) {
  const side = frame.logits;
  const [innerHeight, innerWidth] = inner(frame);
  const rows = taps(side, frame.square, innerHeight, height);
  const columns = taps(side, frame.square, innerWidth, width);
  const scaled = new Float32Array(height * width);
  const row = new Float32Array(side);
  for (let y = 0; y < height; y++) {
    mixRows(logits, side, rows, y, row);
    mixColumns(row, columns, scaled.subarray(y * width, (y + 1) * width));
  }
  return scaled;
}

/**
 * Which pixels of the whole picture are in the mask.
 * @param {Float32Array} logits
 * @param {Frame} frame
 * @returns {Uint8Array} 1 inside, row by row
 */
export function maskOf(logits, frame) {
  return Uint8Array.from(scale(logits, frame, frame.height, frame.width), (value) => (value > 0 ? 1 : 0));
}

/** @param {Float32Array} logits @param {number} side @param {Taps} rows @param {number} y @param {Float32Array} row */
function mixRows(logits, side, { index, weight }, y, row) {
  row.fill(0);
  for (let tap = y * TAPS; tap < (y + 1) * TAPS; tap++) {
    const start = index[tap] * side;
    const share = weight[tap];
    if (share === 0) continue;
    for (let x = 0; x < side; x++) row[x] += share * logits[start + x];
  }
}

/** @param {Float32Array} row @param {Taps} columns @param {Float32Array} into */
function mixColumns(row, { index, weight }, into) {
  for (let x = 0, tap = 0; x < into.length; x++, tap += TAPS) {
    into[x] =
      weight[tap] * row[index[tap]] +
      weight[tap + 1] * row[index[tap + 1]] +
      weight[tap + 2] * row[index[tap + 2]] +
      weight[tap + 3] * row[index[tap + 3]];
  }
}

/**
 * Logits → square → cut to the picture → the wished size.
 * @param {number} logits @param {number} square @param {number} cut @param {number} size
 * @returns {Taps}
 */
function taps(logits, square, cut, size) {
  const index = new Int32Array(size * TAPS);
  const weight = new Float32Array(size * TAPS);
  for (let pixel = 0; pixel < size; pixel++) {
    between(pixel, cut, size).forEach(([place, share], outer) => {
      between(place, logits, square).forEach(([logit, part], within) => {
        const tap = pixel * TAPS + outer * 2 + within;
        index[tap] = logit;
        weight[tap] = share * part;
      });
    });
  }
  return { index, weight };
}

/**
 * The two of `from` places that a place of `to` lies between, and their shares.
 * @param {number} place @param {number} from @param {number} to
 * @returns {[number, number][]}
 */
function between(place, from, to) {
  const exact = Math.max(0, ((place + 0.5) * from) / to - 0.5);
  const first = Math.min(Math.floor(exact), from - 1);
  const share = exact - first;
  return [
    [first, 1 - share],
    [Math.min(first + 1, from - 1), share],
  ];
}
