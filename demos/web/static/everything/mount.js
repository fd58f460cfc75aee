/** Where the tab Everything meets the page's library. */

import { Explorer } from "./explorer.js";

export const FOUND = "samloom-everything-found";

/** Let an explorer grow in `element` once the server has found something. @param {HTMLElement} element */
export function mount(element) {
  const host = /** @type {HTMLElement} */ (element.querySelector(".explorer-host"));
  /** @type {Explorer | null} */
  let explorer = null;
  window.addEventListener(FOUND, async (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (!detail || !host.isConnected) return;
    explorer ??= new Explorer(host);
    const { picture, coco, sa1b, name } = detail;
    await explorer
      .open({ picture: picture.url, coco: coco.url, sa1b: sa1b.url, name })
      .catch((error) => (/** @type {Explorer} */ (explorer).said.textContent = `That did not work: ${error.message}.`));
  });
}
