/**
 * What can be told of the masks that answer a question.
 *
 * @typedef {import("./decoder.js").Mask} Mask
 */

/** The index of the one that the model trusts most. @param {readonly Mask[]} masks */
export function best(masks) {
  return masks.reduce((found, { iou }, index) => (iou > masks[found].iou ? index : found), 0);
}

/**
 * One of several masks in a sentence.
 * @param {readonly Mask[]} masks
 * @param {number} chosen
 * @param {{naturalWidth: number, naturalHeight: number}} picture
 */
export function describe(masks, chosen, picture) {
  const { rings, iou } = masks[chosen];
  if (!rings.length) return "Nothing is there, says the model. Click elsewhere.";
  const share = (100 * areaOf(rings)) / (picture.naturalWidth * picture.naturalHeight);
  const which = masks.length > 1 ? `Mask ${chosen + 1} of ${masks.length}` : "The mask";
  const much = share < 1 ? "less than 1" : Math.round(share);
  return `${which} covers ${much} % of the picture; the model trusts it by ${percent(iou)}.`;
}

/** A guess at an IoU in words; the model's may be a little below 0 or above 1. @param {number} iou */
export function percent(iou) {
  return `${Math.round(100 * Math.min(1, Math.max(0, iou)))} %`;
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
