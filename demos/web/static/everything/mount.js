/** Where the tab Everything meets the page's library. */

import { addressOf, plain } from "../click/files.js";
import { Explorer } from "./explorer.js";

export const FOUND = "samloom-everything-found";

/** Let an explorer grow in `element` once the server has found something. @param {HTMLElement} element */
export function mount(element) {
  const host = /** @type {HTMLElement} */ (element.querySelector(".explorer-host"));
  /** @type {Explorer | null} */
  let explorer = null;
  window.addEventListener(FOUND, async (event) => {
    const detail = plain(/** @type {CustomEvent} */ (event).detail);
    if (!detail || !host.isConnected) return;
    explorer ??= new Explorer(host);
    const { picture, coco, sa1b, name } = detail;
    await explorer
      .open({ picture: addressOf(picture), coco: addressOf(coco), sa1b: addressOf(sa1b), name })
      .catch((error) => (/** @type {Explorer} */ (explorer).said.textContent = `That did not work: ${error.message}.`));
  });
}
