/**
 * Reading safetensors (https://github.com/huggingface/safetensors): a length, a JSON header, the arrays.
 *
 * @typedef {{shape: number[], data: Float32Array}} Array32
 */

/**
 * All arrays of a file of float16, as float32.
 * @param {ArrayBuffer} file
 * @returns {Record<string, Array32>}
 */
export function readHalves(file) {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  const arrays = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return Object.fromEntries(
    arrays.map(([name, { shape, dtype, data_offsets: [start, end] }]) => {
      if (dtype !== "F16") throw new Error(`${name} is ${dtype}, not F16`);
      const halves = new Uint16Array(file.slice(8 + length + start, 8 + length + end));
      return [name, { shape, data: toFloats(halves) }];
    }),
  );
}

/**
 * Half precision to single, exactly. (Float16Array is younger than many browsers in use.)
 * @param {Uint16Array} halves
 * @returns {Float32Array}
 */
export function toFloats(halves) {
  const table = floatsOfHalves();
  const floats = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index++) floats[index] = table[halves[index]];
  return floats;
}

/** @type {Float32Array | undefined} */
let known;

/** The value of each of the 65,536 halves. */
function floatsOfHalves() {
  known ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => floatOf(bits));
  return known;
}

/** @param {number} bits sign, five bits of exponent, ten of fraction */
function floatOf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
