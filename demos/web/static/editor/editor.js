/**
 * The editor of pipeline files: a text area over a painted copy of its text, with suggestions and marks.
 *
 * @typedef {import("./problems.js").Problem} Problem
 * @typedef {{
 *   complete: (text: string, cursor: number) => Promise<import("./suggestions.js").Completion>,
 *   changed: (text: string) => void,
 *   check: () => void,
 * }} Heard who completes a text; who is told of every change, and when it is time to check the text
 */

import { goTo, insert, lineOf, textBefore } from "./area.js";
import { showProblems } from "./problems.js";
import { Sheet } from "./sheet.js";
import { Suggestions } from "./suggestions.js";

const PAUSE = 350; // milliseconds without a key before the text is checked
const INDENT = "  ";
/** After these a word goes on, for which there may be suggestions. */
const WORD = /[\w$/.{]$/;
/** What is below such a line is part of it. */
const BLOCK = /:\s*$/;

export class Editor {
  #pause = 0;

  /** @param {HTMLElement} root whose markup is there @param {Heard} heard */
  constructor(root, heard) {
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
    this.heard = heard;
    this.area = /** @type {HTMLTextAreaElement} */ (find("textarea"));
    this.list = find(".problems");
    this.sheet = new Sheet(this.area, find(".painted"), find(".gutter"));
    this.suggestions = new Suggestions(this.area, find(".suggestions"), heard.complete);
    this.area.addEventListener("input", () => this.#typed());
    this.area.addEventListener("keydown", (event) => this.#key(event));
  }

  get text() {
    return this.area.value;
  }

  /** Show another text, from its beginning. @param {string} text */
  replace(text) {
    if (text === this.text) return;
    this.area.value = text;
    this.area.scrollTop = 0;
    this.suggestions.close();
    this.sheet.paint();
  }

  /** Show a text that the visitor has brought, and have it checked. @param {string} text */
  take(text) {
    this.replace(text);
    this.heard.changed(this.text);
    this.heard.check();
  }

  /** Show what is wrong with the text. @param {readonly Problem[]} problems */
  mark(problems) {
    showProblems(this.list, problems, (problem) => goTo(this.area, problem));
    this.area.setAttribute("aria-invalid", String(problems.length > 0));
    this.sheet.mark(problems);
  }

  /** Only the check waits for a pause: who runs the pipeline before that runs the text that is seen. */
  #typed() {
    this.heard.changed(this.text);
    this.sheet.typedIn(lineOf(this.area));
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.heard.check(), PAUSE);
    if (WORD.test(textBefore(this.area))) this.suggestions.ask();
    else this.suggestions.close();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!event.isComposing && this.#act(event)) event.preventDefault();
  }

  /** What a key does here beside writing itself; false if nothing. @param {KeyboardEvent} event */
  #act({ key, ctrlKey, metaKey }) {
    if (key === " " && ctrlKey) this.suggestions.ask();
    else if (this.suggestions.steer(key)) return true;
    else if (key === "Enter" && !ctrlKey && !metaKey) this.#breakLine();
    else return false;
    return true;
  }

  /** A new line begins where the last one did, or deeper if it opens a block. */
  #breakLine() {
    const line = textBefore(this.area).split("\n").pop() ?? "";
    const [indent = ""] = /^ */.exec(line) ?? [];
    const deeper = BLOCK.test(line) ? INDENT : "";
    insert(this.area, this.area.selectionStart, this.area.selectionEnd, `\n${indent}${deeper}`);
  }
}
