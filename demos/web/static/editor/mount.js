/**
 * Where the editor of pipeline files meets the page's library.
 *
 * @typedef {import("./problems.js").Problem} Problem
 * @typedef {{
 *   props: {value?: string, problems?: Problem[]},
 *   server: {complete: (asked: [string, number]) => Promise<import("./suggestions.js").Completion>},
 *   watch: (property: string, changed: () => void) => void,
 *   trigger: (event: "edit" | "apply") => void,
 * }} Page
 */

import { Editor } from "./editor.js";
import { opens, save } from "./files.js";

/**
 * Let an editor live in `root`, whose markup is there.
 * @param {HTMLElement} root
 * @param {Page} page
 */
export function mount(root, { props, server, watch, trigger }) {
  const editor = new Editor(root, {
    complete: (text, cursor) => server.complete([text, cursor]),
    changed: (text) => (props.value = text),
    check: () => trigger("edit"),
  });
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
  find(".save").addEventListener("click", () => save(editor.text));
  opens(find(".open"), (text) => editor.take(text), (problem) => editor.mark([problem]));
  const show = () => editor.replace(props.value ?? "");
  const mark = () => editor.mark(props.problems ?? []);
  watch("value", show);
  watch("problems", mark);
  watch("signature", () => trigger("apply"));
  show();
  mark();
  trigger("edit");
}
