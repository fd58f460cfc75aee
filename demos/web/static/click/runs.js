/** Masks as COCO's run lengths: down the columns, zeros first. */

/**
 * The runs in COCO's compressed text (maskApi.c, rleFrString): groups of five bits, lowest first, a sixth bit saying
 * that more follow; from the third number on differences to the last but one.
 * @param {string} text
 * @returns {number[]}
 */
export function readText(text) {
  const counts = [];
  for (let at = 0; at < text.length; ) {
    let number = 0;
    let shift = 0;
    let group;
    do {
      group = text.charCodeAt(at++) - 48;
      number |= (group & 31) << shift;
      shift += 5;
    } while (group & 32);
    if (group & 16) number |= -1 << shift;
    counts.push(counts.length > 2 ? number + counts[counts.length - 2] : number);
  }
  return counts;
}

/**
 * Call `visit(start, end)` for each run of ones, in places counted down the columns.
 * @param {number[]} counts
 * @param {(start: number, end: number) => void} visit
 */
export function forEachRun(counts, visit) {
  let at = 0;
  counts.forEach((length, number) => {
    if (number % 2) visit(at, at + length);
    at += length;
  });
}
