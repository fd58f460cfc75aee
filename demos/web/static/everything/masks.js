/**
 * The masks of everything: which of them pass the filters, and which one lies on top at each place.
 *
 * @typedef {{id: number, bbox: number[], area: number, predicted_iou: number, stability_score: number, counts: number[]}} Found
 *   A mask as an SA-1B record has it, its run lengths read.
 * @typedef {{area: number, iou: number, stability: number}} Least
 *   What a mask must have at least: a share of the picture's area, predicted IoU, stability.
 */

import { forEachRun, readText } from "../click/runs.js";

/** More pixels than a screen has are not painted. */
const LONGEST = 1600;
export const NOBODY = -1;

/** @param {any} record of SA-1B @returns {Found[]} */
export function readRecord(record) {
  return record.annotations.map((/** @type {any} */ mask) => {
    const { counts } = mask.segmentation;
    return { ...mask, counts: typeof counts === "string" ? readText(counts) : counts };
  });
}

/** @param {Found} mask @param {Least} least @param {number} pixels of the picture */
export function passes(mask, least, pixels) {
  return mask.area >= least.area * pixels && mask.predicted_iou >= least.iou && mask.stability_score >= least.stability;
}

/**
 * The topmost mask at every place, smaller ones above larger ones, as indices into `masks`; `NOBODY` where there is none.
 * @param {readonly Found[]} masks
 * @param {(mask: Found) => boolean} isShown
 * @param {{width: number, height: number}} picture
 * @returns {{owners: Int32Array, width: number, height: number, stride: number}} every `stride`th pixel
 */
export function lay(masks, isShown, picture) {
  const stride = Math.ceil(Math.max(picture.width, picture.height) / LONGEST);
  const [width, height] = [Math.ceil(picture.width / stride), Math.ceil(picture.height / stride)];
  const owners = new Int32Array(width * height).fill(NOBODY);
  const order = masks.map((_, index) => index).filter((index) => isShown(masks[index]));
  order.sort((one, other) => masks[other].area - masks[one].area);
  for (const index of order) {
    forEachRun(masks[index].counts, (start, end) => {
      for (let at = start; at < end; ) {
        const column = Math.floor(at / picture.height);
        const bottom = Math.min(end, (column + 1) * picture.height);
        if (column % stride === 0) paintColumn(owners, width, column, at, bottom, picture.height, stride, index);
        at = bottom;
      }
    });
  }
  return { owners, width, height, stride };
}

/** @param {Int32Array} owners @param {number} width @param {number} column @param {number} at @param {number} bottom @param {number} tall @param {number} stride @param {number} index */
function paintColumn(owners, width, column, at, bottom, tall, stride, index) {
  const top = at - column * tall;
  for (let y = Math.ceil(top / stride) * stride; y < bottom - column * tall; y += stride) {
    owners[(y / stride) * width + column / stride] = index;
  }
}

/**
 * A colour that differs from its neighbours': hues a golden angle apart.
 * @param {number} index
 * @returns {[number, number, number]} 0 to 255
 */
export function colourOf(index) {
  const hue = (index * 137.508 + 190) % 360;
  const light = [0.55, 0.65, 0.48][index % 3];
  const channel = (/** @type {number} */ offset) => {
    const turn = (offset + hue / 30) % 12;
    return Math.round(255 * (light - 0.75 * Math.min(light, 1 - light) * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
