/** What a visitor takes along: the thing cut out, its mask. */

/**
 * The thing on a transparent ground, cut to its box, in the picture's own pixels.
 * @param {HTMLImageElement} picture
 * @param {Uint8Array} mask 1 inside, row by row
 * @returns {Promise<Blob>} a PNG
 */
export async function cutOut(picture, mask) {
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const [left, top, right, bottom] = boxOf(mask, width, height);
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(picture, -left, -top);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let y = top, at = 3; y < bottom; y++) {
    for (let x = left; x < right; x++, at += 4) pixels.data[at] *= mask[y * width + x];
  }
  context.putImageData(pixels, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * The mask as a PNG of the picture's size: white inside, black outside.
 * @param {Uint8Array} mask @param {number} width @param {number} height
 */
export async function maskPicture(mask, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(width, height);
  for (let at = 0; at < mask.length; at++) pixels.data.set([255 * mask[at], 255 * mask[at], 255 * mask[at], 255], 4 * at);
  context.putImageData(pixels, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Left, top, right and bottom of a mask, the latter two exclusive; of an empty one the whole picture.
 * @param {Uint8Array} mask @param {number} width @param {number} height
 */
export function boxOf(mask, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!mask[at]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  return right ? [left, top, right, bottom] : [0, 0, width, height];
}

/** Hand a file to the browser's downloads. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
