/**
 * Where a map crosses zero, as closed lines: marching squares with linear interpolation.
 *
 * @typedef {Float32Array} Ring x and y by turns, in pixels of the map, whose corners are the pixels' outer corners.
 */

/**
 * For each of the 16 ways in which a cell's corners lie inside (bit 1 upper left, 2 upper right, 4 lower right, 8 lower
 * left): the edges that a line enters and leaves by, with the inside on its left. 0 top, 1 right, 2 bottom, 3 left.
 */
const LINES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];

/**
 * The outlines of all that is above zero, holes included; what touches the map's edge is closed along it.
 * @param {Float32Array} map row by row
 * @param {number} width
 * @param {number} height
 * @returns {Ring[]}
 */
export function contours(map, width, height) {
  const grid = { map, width, height };
  const next = segments(grid);
  const rings = [];
  for (const start of next.keys()) {
    if (next.has(start)) rings.push(follow(grid, next, start));
  }
  return rings;
}

/**
 * From each crossed edge of the grid to the next one along the line. Cells begin at -1, for around the map is outside.
 * @param {{map: Float32Array, width: number, height: number}} grid
 * @returns {Map<number, number>}
 */
function segments(grid) {
  const next = new Map();
  for (let y = -1; y < grid.height; y++) {
    for (let x = -1; x < grid.width; x++) {
      for (const [from, to] of LINES[corners(grid, x, y)]) {
        next.set(edge(grid, x, y, from), edge(grid, x, y, to));
      }
    }
  }
  return next;
}

/** @param {{map: Float32Array, width: number, height: number}} grid @param {number} x @param {number} y */
function corners(grid, x, y) {
  return (
    (value(grid, x, y) > 0 ? 1 : 0) |
    (value(grid, x + 1, y) > 0 ? 2 : 0) |
    (value(grid, x + 1, y + 1) > 0 ? 4 : 0) |
    (value(grid, x, y + 1) > 0 ? 8 : 0)
  );
}

/** @param {{map: Float32Array, width: number, height: number}} grid @param {number} x @param {number} y */
function value({ map, width, height }, x, y) {
  return x < 0 || y < 0 || x >= width || y >= height ? -Infinity : map[y * width + x];
}

/**
 * A number for an edge of a cell, the same seen from both its sides: twice the number of the node at its upper left, and
 * one more where it runs down.
 * @param {{width: number}} grid @param {number} x @param {number} y @param {number} side
 */
function edge({ width }, x, y, side) {
  const stride = width + 2;
  const node = (y + 1) * stride + x + 1;
  return [2 * node, 2 * (node + 1) + 1, 2 * (node + stride), 2 * node + 1][side];
}

/**
 * Walk along a line until it closes, taking its edges away.
 * @param {{map: Float32Array, width: number, height: number}} grid
 * @param {Map<number, number>} next @param {number} start
 * @returns {Ring}
 */
function follow(grid, next, start) {
  const places = [];
  for (let at = start; next.has(at); ) {
    places.push(...crossing(grid, at));
    const following = /** @type {number} */ (next.get(at));
    next.delete(at);
    at = following;
  }
  return Float32Array.from(places);
}

/**
 * Where on an edge the map is zero; pixel centres lie at halves.
 * @param {{map: Float32Array, width: number, height: number}} grid @param {number} number
 * @returns {[number, number]}
 */
function crossing(grid, number) {
  const stride = grid.width + 2;
  const node = number >> 1;
  const x = (node % stride) - 1;
  const y = Math.floor(node / stride) - 1;
  const isDown = number & 1;
  const here = value(grid, x, y);
  const there = isDown ? value(grid, x, y + 1) : value(grid, x + 1, y);
  const part = share(here, there);
  return [clamp(x + 0.5 + (isDown ? 0 : part), grid.width), clamp(y + 0.5 + (isDown ? part : 0), grid.height)];
}

/** @param {number} here @param {number} there */
function share(here, there) {
  if (here === -Infinity) return 0.5;
  if (there === -Infinity) return 0.5;
  return here / (here - there);
}

/** @param {number} place @param {number} most */
function clamp(place, most) {
  return Math.min(Math.max(place, 0), most);
}
