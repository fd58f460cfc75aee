/** Where the tab Click meets the page's library. */

import { Clicker } from "./clicker.js";
import { addressOf, plain } from "./files.js";

export const OPENED = "samloom-click-opened";

/**
 * Let a clicker grow in `element` once the server has opened a picture.
 * @param {HTMLElement} element
 * @param {(thing: {name: string} & import("./decoder.js").Prompts) => void} sendToEdit
 */
export function mount(element, sendToEdit) {
  const host = /** @type {HTMLElement} */ (element.querySelector(".clicker-host"));
  /** @type {Clicker | null} */
  let clicker = null;
  window.addEventListener(OPENED, async (event) => {
    const detail = plain(/** @type {CustomEvent} */ (event).detail);
    if (!detail || !host.isConnected) return;
    clicker ??= new Clicker(host, sendToEdit);
    const opened = { ...detail, look: addressOf(detail.look), picture: addressOf(detail.picture) };
    await clicker.open(opened).catch((error) => clicker?.fail(error));
  });
}
