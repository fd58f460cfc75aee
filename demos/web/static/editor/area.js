/** Places in a text area: in its text, and on the screen. */

/** The text up to the cursor. @param {HTMLTextAreaElement} area */
export function textBefore(area) {
  return area.value.slice(0, area.selectionStart);
}

/** The line that the cursor is in, from 1. @param {HTMLTextAreaElement} area */
export function lineOf(area) {
  return textBefore(area).split("\n").length;
}

/**
 * Write over a part of the text, as if it were typed.
 * @param {HTMLTextAreaElement} area @param {number} start @param {number} end @param {string} text
 */
export function insert(area, start, end, text) {
  area.setSelectionRange(start, end);
  // The one way to change a text area that the browser's own undo knows of.
  if (document.execCommand("insertText", false, text)) return;
  area.setRangeText(text, start, end, "end");
  area.dispatchEvent(new Event("input")); // else nobody would hear of it
}

/** Put the cursor at a place. @param {HTMLTextAreaElement} area @param {{line: number, column: number}} place from 1 */
export function goTo(area, { line, column }) {
  const above = area.value.split("\n").slice(0, line - 1);
  const start = above.reduce((length, text) => length + text.length + 1, 0) + column - 1;
  area.focus();
  area.setSelectionRange(start, start);
}

/**
 * Where a place in the text is seen: its left, and the bottom of its line, in pixels from the upper left of `frame`.
 * @param {HTMLTextAreaElement} area whose letters are all of the same width
 * @param {number} offset
 * @param {HTMLElement} frame
 */
export function seenAt(area, offset, frame) {
  const lines = area.value.slice(0, offset).split("\n");
  const style = getComputedStyle(area);
  const [inner, outer] = [area, frame].map((box) => box.getBoundingClientRect());
  const across = lines[lines.length - 1].length * letterWidth(style);
  const down = parseFloat(style.paddingTop) + lines.length * parseFloat(style.lineHeight);
  return {
    left: inner.left - outer.left + across - area.scrollLeft,
    bottom: inner.top - outer.top + down - area.scrollTop,
  };
}

/** @param {CSSStyleDeclaration} style */
function letterWidth({ fontSize, fontFamily }) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.font = `${fontSize} ${fontFamily}`;
  return context.measureText("mmmmmmmmmm").width / 10;
}
