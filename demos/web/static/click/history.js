/**
 * What has been asked about one thing, with undo and redo. All values are frozen; each step gives a new one.
 *
 * @typedef {import("./decoder.js").Prompts} Prompts
 * @typedef {{past: readonly Prompts[], present: Prompts, future: readonly Prompts[]}} History
 * @typedef {(history: History) => History} Step
 */

/** @type {Prompts} */
export const NOTHING = Object.freeze({ points: [], box: null });

/** @type {History} */
export const START = Object.freeze({ past: [], present: NOTHING, future: [] });

/** @param {Prompts} prompts */
export function isEmpty({ points, box }) {
  return points.length === 0 && box === null;
}

/** @param {History} history @param {Prompts} present @returns {History} */
function step({ past, present: before }, present) {
  return { past: [...past, before], present, future: [] };
}

/** @param {History} history @param {number} x @param {number} y @param {0 | 1} label */
export function withPoint(history, x, y, label) {
  const { points, box } = history.present;
  return step(history, { points: [...points, [x, y, label]], box });
}

/** A thing has one box; a new one replaces it. @param {History} history @param {[number, number, number, number]} box */
export function withBox(history, box) {
  return step(history, { points: history.present.points, box });
}

/** @param {History} history */
export function cleared(history) {
  return isEmpty(history.present) ? history : step(history, NOTHING);
}

/** @param {History} history @returns {History} */
export function undone({ past, present, future }) {
  if (past.length === 0) return { past, present, future };
  return { past: past.slice(0, -1), present: past[past.length - 1], future: [present, ...future] };
}

/** @param {History} history @returns {History} */
export function redone({ past, present, future }) {
  if (future.length === 0) return { past, present, future };
  return { past: [...past, present], present: future[0], future: future.slice(1) };
}
