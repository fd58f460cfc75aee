/** Pipeline files of the visitor's own: opened from the disk, saved to it. */

import { download } from "../click/saving.js";

const LARGEST = 256 * 1024; // bytes of a file; the server says the same
const NAME = "pipeline.yaml";

/**
 * Let a label open files, by a click or by the keyboard.
 * @param {HTMLElement} label with the file's input in it, which is not seen
 * @param {(text: string) => void} opened
 * @param {(problem: import("./problems.js").Problem) => void} refused
 */
export function opens(label, opened, refused) {
  const input = /** @type {HTMLInputElement} */ (label.querySelector("input"));
  label.addEventListener("keydown", ({ key }) => {
    if (key === "Enter" || key === " ") input.click();
  });
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    input.value = ""; // else the same file could not be opened twice in turn
    if (!file) return;
    if (file.size <= LARGEST) opened(await file.text());
    else refused({ line: 1, column: 1, path: file.name, message: "is too large to be a pipeline." });
  });
}

/** @param {string} text */
export function save(text) {
  download(new Blob([text], { type: "application/yaml" }), NAME);
}
